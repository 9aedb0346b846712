//! What is released: from settings and checkout, and from what GitHub says.

use std::sync::Arc;

use url::Url;

use super::RunError;
use super::commit_naming::CommitNaming;
use super::version::merged;
use crate::git::GixCheckout;
use crate::github::GithubForge;
use crate::pipeline::{PipelineError, gather_release};
use crate::ports::{ForgeError, GitError, ReadReleases as _, Reporter, RunEvent};
use crate::settings::{GithubSettings, ReleaseSettings, RequestedVersion, Settings};
use tagship_domain::bump::{Rules, VersionTag};
use tagship_domain::facts::{Source, Unknown};
use tagship_domain::plan::NoRelease;
use tagship_domain::release::{Changes, ReleaseKind, ReleasePlan, ReleaseRequest};

/// How many tag objects of GitHub's are followed that the checkout does not have.
const MAX_FOREIGN_TAGS: usize = 100;

/// The release of a run, and the forge that it is made on.
pub(super) struct ReleaseWish<'a> {
    settings: &'a Settings,
    wanted: &'a ReleaseSettings,
    /// Absent where no token or no repository is known.
    forge: Option<GithubForge>,
}

impl<'a> ReleaseWish<'a> {
    /// What the settings ask for, if anything.
    pub(super) fn of(settings: &'a Settings, source: &Source) -> Result<Option<Self>, RunError> {
        let Some(wanted) = &settings.release else {
            return Ok(None);
        };
        let repository = settings.github.repository.clone();
        let github = GithubSettings {
            repository: repository.or_else(|| repository_of(source, &settings.github)),
            ..settings.github.clone()
        };
        let forge = GithubForge::of(&github).map_err(PipelineError::from)?;
        Ok(Some(Self {
            settings,
            wanted,
            forge,
        }))
    }

    /// The forge.
    pub(super) fn forge(&self) -> Option<&GithubForge> {
        self.forge.as_ref()
    }

    /// The git tags of versions that GitHub has. A version that is made from commits must not be one of them, be they
    /// fetched or not.
    pub(super) async fn version_tags(&self) -> Result<Vec<VersionTag>, RunError> {
        let is_made = self.settings.version == Some(RequestedVersion::Next);
        let Some(forge) = self.forge.as_ref().filter(|_| is_made && !self.settings.offline) else {
            return Ok(Vec::new());
        };
        let prefix = &self.settings.tag_prefix;
        let tags = async {
            let mut tags = Vec::new();
            let mut followed = 0;
            for listed in forge.git_tags(prefix.given().unwrap_or_default()).await? {
                let Some(version) = prefix.version(&listed.name) else {
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

    /// The plan, or why nothing is released.
    pub(super) async fn plan(
        &self,
        naming: &CommitNaming<'_>,
        known: &[VersionTag],
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Result<ReleasePlan, NoRelease>, RunError> {
        let request = match self.request(naming, known, reporter).await? {
            Ok(request) => request,
            Err(reason) => return Ok(Err(reason)),
        };
        let Some(forge) = self.forge.as_ref().filter(|_| !self.settings.offline) else {
            return Ok(Ok(ReleasePlan::new(request, Err(Unknown::NotAsked))));
        };
        let facts = gather_release(forge, &request)
            .await
            .map_err(PipelineError::from)?;
        Ok(Ok(ReleasePlan::new(request, Ok(&facts))))
    }

    async fn request(
        &self,
        naming: &CommitNaming<'_>,
        known: &[VersionTag],
        reporter: &Arc<dyn Reporter>,
    ) -> Result<Result<ReleaseRequest, NoRelease>, RunError> {
        let source = &naming.source;
        if source.is_dirty() {
            return Ok(Err(NoRelease::Dirty));
        }
        if self
            .settings
            .event
            .as_ref()
            .is_some_and(|event| event.git_ref.is_pull_request())
        {
            return Ok(Err(NoRelease::PullRequest));
        }
        let Some(version) = naming.version.clone() else {
            return Ok(Err(NoRelease::NoVersion));
        };
        let prefix = self.settings.tag_prefix.clone();
        let request = ReleaseRequest {
            kind: self.wanted.kind,
            commit: source.commit.clone(),
            prefix,
            known_tags: Vec::new(),
            moving: self.wanted.moving.clone(),
            // A release carries the digest itself.
            is_annotated: self.wanted.kind == ReleaseKind::GitTag,
            changes: Changes::default(),
            introduction: self.wanted.introduction.clone(),
            web: source.url.clone(),
            version,
        };
        let (checkout, context) = (
            GixCheckout::at(&self.settings.workspace),
            self.settings.build.context.clone(),
        );
        let (known, paths) = (known.to_vec(), self.settings.paths.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (_, of_checkout) = checkout.version_tags(&context, &request.prefix)?;
            let tags = merged(of_checkout, &known);
            let earlier: Vec<VersionTag> = tags
                .iter()
                .filter(|tag| tag.is_stable() && tag.version.cmp_precedence(&request.version).is_lt())
                .cloned()
                .collect();
            let rules = Rules {
                prefix: request.prefix.clone(),
                ..Rules::default()
            };
            let changes = match checkout.history(&context, &earlier, &rules, paths.as_ref()) {
                Ok(history) => Some(Changes::of(&history)),
                Err(GitError::Shallow { .. }) => None,
                Err(error) => return Err(error),
            };
            let known_tags = tags.into_iter().map(|tag| tag.name).collect();
            Ok((
                ReleaseRequest {
                    known_tags,
                    ..request
                },
                changes,
            ))
        });
        let (request, changes) = read
            .await
            .map_err(|error| RunError::Broken(error.to_string()))??;
        if changes.is_none() && request.kind == ReleaseKind::Github {
            let note = "the release does not say what changed: the clone is shallow (`fetch-depth: 0` at `actions/checkout` fetches all)";
            reporter.event(RunEvent::Note(note));
        }
        Ok(Ok(ReleaseRequest {
            changes: changes.unwrap_or_default(),
            ..request
        }))
    }
}

/// `owner/name` of the remote, where that is on GitHub.
fn repository_of(source: &Source, github: &GithubSettings) -> Option<String> {
    let remote = Url::parse(source.url.as_deref()?).ok()?;
    let server = github
        .server_url
        .as_ref()
        .and_then(Url::host_str)
        .unwrap_or("github.com");
    let path = remote.path().trim_matches('/');
    let is_repository = path.split('/').filter(|part| !part.is_empty()).count() == 2;
    (remote.host_str() == Some(server) && is_repository).then(|| path.to_owned())
}
