//! What is released: from settings and checkout, and from what GitHub says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::RunError;
use super::commit_naming::CommitNaming;
use super::version::{forge_history, merged};
use crate::git::GixCheckout;
use crate::git_remote::GitRemote;
use crate::github::GithubForge;
use crate::pipeline::{PipelineError, gather_release, gather_tags};
use crate::ports::{ForgeError, GitError, ReleasePlace, Reporter, RunEvent};
use crate::settings::{GithubSettings, ReleaseSettings, RepositorySettings, RequestedVersion, Settings};
use semver::Version;
use tagship_domain::bump::{Rules, VersionTag};
use tagship_domain::error::cleaned;
use tagship_domain::facts::{CommitId, Unknown};
use tagship_domain::paths::PathFilter;
use tagship_domain::plan::NoRelease;
use tagship_domain::reference::Reference;
use tagship_domain::release::{Changes, ReleaseKind, ReleasePlan, ReleaseRequest};
use tagship_domain::version::TagPrefix;

/// How many tag objects of GitHub's are followed that the checkout does not have.
const MAX_FOREIGN_TAGS: usize = 100;

/// Which image is released, and how.
#[derive(Debug, Clone)]
pub struct ReleaseImageRequest {
    /// The repository.
    pub repository: RepositorySettings,
    /// The image in it.
    pub reference: Reference,
    /// What the release is.
    pub release: ReleaseSettings,
    /// What git tags of versions begin with.
    pub tag_prefix: TagPrefix,
    /// The paths whose commits are changes; all when absent.
    pub paths: Option<PathFilter>,
    /// Whether to stop after the plan.
    pub dry_run: bool,
    /// Where git is read, for what changed; absolute.
    pub workspace: PathBuf,
    /// For GitHub's API.
    pub github: GithubSettings,
}

/// What is to be released, and on which forge.
pub(super) struct ReleaseWish<'a> {
    wanted: &'a ReleaseSettings,
    prefix: &'a TagPrefix,
    /// The paths whose commits count; all when absent.
    paths: Option<&'a PathFilter>,
    workspace: &'a Path,
    /// A folder in the workspace that may be a checkout of its own.
    context: &'a Path,
    /// The repository's web address, if it is known.
    web: Option<String>,
    /// Absent where no token or no repository is known, or no server is to be asked.
    forge: Option<GithubForge>,
    /// Where git tags alone are put without a forge.
    remote: Option<GitRemote>,
    /// Whether no server is to be asked.
    is_offline: bool,
}

impl<'a> ReleaseWish<'a> {
    /// What the settings ask for, if anything.
    pub(super) fn of(settings: &'a Settings, web: Option<&str>) -> Result<Option<Self>, RunError> {
        let Some(wanted) = &settings.release else {
            return Ok(None);
        };
        let forge = if settings.offline {
            None
        } else {
            forge(&settings.github, web)?
        };
        Ok(Some(Self {
            wanted,
            prefix: &settings.tag_prefix,
            paths: settings.paths.as_ref(),
            workspace: settings.checkout(),
            context: &settings.build.context,
            web: web.map(str::to_owned),
            remote: remote(wanted, forge.as_ref(), settings.checkout()).filter(|_| !settings.offline),
            forge,
            is_offline: settings.offline,
        }))
    }

    /// What is asked for of an image that is published already.
    pub(super) fn of_image(request: &'a ReleaseImageRequest, web: Option<&str>) -> Result<Self, RunError> {
        let forge = forge(&request.github, web)?;
        Ok(Self {
            remote: remote(&request.release, forge.as_ref(), &request.workspace),
            wanted: &request.release,
            prefix: &request.tag_prefix,
            paths: request.paths.as_ref(),
            workspace: &request.workspace,
            context: &request.workspace,
            web: web.map(str::to_owned),
            forge,
            is_offline: false,
        })
    }

    /// The forge.
    pub(super) fn forge(&self) -> Option<&GithubForge> {
        self.forge.as_ref()
    }

    /// Refuses workflows that could not be started: only GitHub's API starts them.
    pub(super) fn check_workflows(&self) -> Result<(), RunError> {
        let is_met = self.wanted.workflows.is_empty() || self.forge.is_some() || self.is_offline;
        if is_met {
            Ok(())
        } else {
            Err(RunError::NoForgeForWorkflows)
        }
    }

    /// Refuses versions that are to be reviewed where only GitHub could show them.
    pub(super) fn check_review(&self) -> Result<(), RunError> {
        let is_met = self.wanted.review.is_none() || self.forge.is_some() || self.is_offline;
        if is_met { Ok(()) } else { Err(RunError::NoForge) }
    }

    /// Where the version is released, if that is known.
    pub(super) fn place(&self) -> Option<ReleasePlace<'_>> {
        match (&self.forge, &self.remote) {
            (Some(forge), _) => Some(ReleasePlace::Forge(forge)),
            (None, Some(remote)) => Some(ReleasePlace::Remote(remote)),
            (None, None) => None,
        }
    }

    /// The git tags of versions that GitHub or the git remote has. A version that is made from commits must not be one of them, be they
    /// fetched or not.
    pub(super) async fn version_tags(&self) -> Result<Vec<VersionTag>, RunError> {
        let Some(place) = self.place() else {
            return Ok(Vec::new());
        };
        let tags = async {
            let forge = place.tags();
            let mut tags = Vec::new();
            let mut followed = 0;
            for listed in forge.git_tags(self.prefix.given().unwrap_or_default()).await? {
                let Some(version) = self.prefix.version(&listed.name) else {
                    continue;
                };
                // What is not followed is on no commit that is known, but its name is taken all the same.
                followed += usize::from(!listed.is_commit);
                let commit = if listed.is_commit || followed > MAX_FOREIGN_TAGS {
                    None
                } else {
                    forge.tag_commit(&listed.name).await?
                };
                tags.push(VersionTag {
                    name: listed.name,
                    version,
                    commit: commit.unwrap_or(listed.object),
                });
            }
            Ok::<_, ForgeError>(tags)
        };
        Ok(tags.await.map_err(PipelineError::from)?)
    }

    /// The plan of releasing a commit as a version. `known` are git tags that the checkout may not have.
    pub(super) async fn plan(
        &self,
        (version, commit): (Version, CommitId),
        known: &[VersionTag],
        reporter: &Arc<dyn Reporter>,
    ) -> Result<ReleasePlan, RunError> {
        self.check_workflows()?;
        let (known_tags, changes) = self.past(&version, &commit, known, reporter).await?;
        let request = ReleaseRequest {
            kind: self.wanted.kind,
            version,
            commit,
            prefix: self.prefix.clone(),
            known_tags,
            moving: self.wanted.moving.clone(),
            is_annotated: self.wanted.is_annotated,
            changes,
            introduction: self.wanted.introduction.clone(),
            workflows: self.wanted.workflows.clone(),
            web: self.web.clone(),
        };
        let facts = match self.place() {
            Some(ReleasePlace::Forge(forge)) => gather_release(forge, &request).await,
            Some(ReleasePlace::Remote(remote)) => gather_tags(remote, &request).await,
            None => return Ok(ReleasePlan::new(request, Err(Unknown::NotAsked))),
        };
        let facts = facts.map_err(PipelineError::from)?;
        Ok(ReleasePlan::new(request, Ok(&facts)))
    }

    /// The git tags of versions, and what changed since the release before, as far as the checkout knows it.
    pub(super) async fn past(
        &self,
        version: &Version,
        commit: &CommitId,
        known: &[VersionTag],
        reporter: &Arc<dyn Reporter>,
    ) -> Result<(Vec<String>, Changes), RunError> {
        let checkout = GixCheckout::at(self.workspace);
        let (context, paths) = (self.context.to_owned(), self.paths.cloned());
        let asked = (version, commit);
        let (known, version, commit) = (known.to_vec(), version.clone(), commit.clone());
        let rules = Rules {
            prefix: self.prefix.clone(),
            ..Rules::default()
        };
        let read = tokio::task::spawn_blocking(move || {
            let tags = match checkout.version_tags(&context, &rules.prefix) {
                Ok((_, of_checkout)) => merged(of_checkout, &known),
                Err(error @ GitError::NoRepository { .. }) => return Ok((Vec::new(), Err(error))),
                Err(error) => return Err(error),
            };
            let is_earlier =
                |tag: &VersionTag| tag.is_stable() && tag.version.cmp_precedence(&version).is_lt();
            let earlier: Vec<VersionTag> = tags.iter().filter(|tag| is_earlier(tag)).cloned().collect();
            let changes = match checkout.history(&context, &commit, &earlier, &rules, paths.as_ref()) {
                Ok(history) => Ok(Changes::of(&history)),
                Err(error @ (GitError::Shallow { .. } | GitError::UnknownRevision { .. })) => Err(error),
                Err(error) => return Err(error),
            };
            Ok((tags.into_iter().map(|tag| tag.name).collect(), changes))
        });
        let (tags, changes) = read
            .await
            .map_err(|error| RunError::Broken(error.to_string()))??;
        let changes = match (changes, &self.forge) {
            (Err(error), Some(forge)) if self.paths.is_none() => {
                let is_earlier = |tag: &&VersionTag| tag.version.cmp_precedence(asked.0).is_lt();
                let tags = self.version_tags().await?;
                let earlier: Vec<VersionTag> = tags.iter().filter(is_earlier).cloned().collect();
                let history = forge_history(forge, &earlier, asked.1).await;
                let history = history.map_err(PipelineError::from)?;
                history.map(|history| Changes::of(&history)).ok_or(error)
            }
            (changes, _) => changes,
        };
        let changes = changes.unwrap_or_else(|error| {
            if self.wanted.kind == ReleaseKind::Github {
                let note = format!("the release does not say what changed: {error}");
                reporter.event(RunEvent::Note(&note));
            }
            Changes::default()
        });
        Ok((tags, changes))
    }
}

/// What a run of `ship` releases, or why it releases nothing.
pub(super) fn releasable(
    settings: &Settings,
    naming: &CommitNaming<'_>,
) -> Result<(Version, CommitId), NoRelease> {
    let event = settings.event.as_ref();
    if naming.source.is_dirty() {
        return Err(NoRelease::Dirty);
    }
    if event.is_some_and(|event| event.git_ref.is_pull_request()) {
        return Err(NoRelease::PullRequest);
    }
    let none = || match naming.proposed {
        Some(_) => NoRelease::Proposed,
        None => NoRelease::NoVersion,
    };
    let version = naming.version.clone().ok_or_else(none)?;
    Ok((version, naming.source.commit.clone()))
}

/// Whether a run makes its version from git tags and commits.
pub(super) fn makes_version(settings: &Settings) -> bool {
    settings.version == Some(RequestedVersion::Next)
}

/// The repository on GitHub that the settings name, or else the remote of the checkout.
pub(super) fn forge(github: &GithubSettings, web: Option<&str>) -> Result<Option<GithubForge>, RunError> {
    let repository = github.repository.clone();
    let github = GithubSettings {
        repository: repository.or_else(|| repository_of(web?, github)),
        ..github.clone()
    };
    Ok(GithubForge::of(&github).map_err(PipelineError::from)?)
}

/// The git remote, for a git tag alone where no forge is known.
fn remote(wanted: &ReleaseSettings, forge: Option<&GithubForge>, workspace: &Path) -> Option<GitRemote> {
    (wanted.kind == ReleaseKind::GitTag && forge.is_none()).then(|| GitRemote::of(workspace))
}

/// `owner/name` of a web address on GitHub.
fn repository_of(web: &str, github: &GithubSettings) -> Option<String> {
    let remote = Url::parse(web).ok()?;
    let server = github.server_url.as_ref().and_then(Url::host_str);
    let path = remote.path().trim_matches('/');
    let is_repository = path.split('/').filter(|part| !part.is_empty()).count() == 2;
    (remote.host_str() == Some(server.unwrap_or("github.com")) && is_repository).then(|| cleaned(path))
}
