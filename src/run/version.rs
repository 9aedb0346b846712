//! The next version: nothing is built, written or tagged.

use std::path::PathBuf;

use super::{Outcome, RunError};
use crate::git::GixCheckout;
use crate::github::GithubForge;
use crate::pipeline::PipelineError;
use crate::ports::{ForgeError, GitError, ReadForge, Reporter, RunEvent, Warning};
use crate::settings::Settings;
use tagship_domain::bump::{History, NextVersion, Rules, VersionTag};
use tagship_domain::facts::CommitId;
use tagship_domain::paths::PathFilter;

/// How many releases are looked at on the forge, the greatest first: those of other branches come before the one that a
/// commit contains.
const MAX_LOOKED_AT: usize = 20;

/// Which version is asked for.
#[derive(Debug, Clone)]
pub struct VersionRequest {
    /// How versions are named.
    pub rules: Rules,
    /// The paths whose commits count; all when absent.
    pub paths: Option<PathFilter>,
    /// The folder of the checkout; absolute.
    pub workspace: PathBuf,
    /// A folder in the workspace that may be a checkout of its own; absolute.
    pub context: PathBuf,
    /// Git tags of versions that the forge has.
    pub of_forge: Vec<VersionTag>,
}

/// Finds the version that the commit at HEAD is to have, and shows it.
pub async fn version(request: VersionRequest) -> Result<Outcome, RunError> {
    let next = next_version(request).await?;
    let text = next.version.as_ref().map(|version| format!("{version}\n"));
    Ok(Outcome {
        text: text.unwrap_or_default(),
        json: serde_json::json!(next),
        closing: std::iter::once(explained(&next))
            .chain(next.notes.iter().map(ToString::to_string))
            .map(|line| line + "\n")
            .collect(),
        ..Outcome::default()
    })
}

/// The version that the commits call for, of a commit that no git tag names one for.
pub(super) async fn made_version(
    settings: &Settings,
    of_forge: OfForge<'_>,
    reporter: &dyn Reporter,
) -> Result<NextVersion, RunError> {
    let request = VersionRequest {
        rules: Rules {
            prefix: settings.tag_prefix.clone(),
            ..Rules::default()
        },
        paths: settings.paths.clone(),
        workspace: settings.checkout().to_owned(),
        context: settings.build.context.clone(),
        of_forge: of_forge.tags.to_vec(),
    };
    let next = match (next_version(request.clone()).await, of_forge.forge) {
        (Err(RunError::Pipeline(PipelineError::Git(GitError::Shallow { path }))), Some(forge))
            if request.paths.is_none() =>
        {
            next_by_forge(&request, forge)
                .await?
                .ok_or(RunError::Pipeline(PipelineError::Git(GitError::Shallow { path })))?
        }
        (next, _) => next?,
    };
    reporter.event(RunEvent::Note(&explained(&next)));
    for note in &next.notes {
        reporter.event(RunEvent::Warning(&Warning {
            message: note.to_string(),
            file: None,
            line: None,
        }));
    }
    Ok(next)
}

/// What the forge knows that the checkout may not.
#[derive(Clone, Copy, Default)]
pub(super) struct OfForge<'a> {
    /// The forge, if it may be asked.
    pub(super) forge: Option<&'a GithubForge>,
    /// Its git tags of versions.
    pub(super) tags: &'a [VersionTag],
}

/// The same by what GitHub says of the commits; `None` where it knows of no release that HEAD contains.
async fn next_by_forge(
    request: &VersionRequest,
    forge: &GithubForge,
) -> Result<Option<NextVersion>, RunError> {
    let checkout = GixCheckout::at(&request.workspace);
    let head = tokio::task::block_in_place(|| checkout.version_tags(&request.context, &request.rules.prefix));
    let (head, _) = head?;
    let tags = &request.of_forge;
    let history = forge_history(forge, tags, &head).await;
    let Some(history) = history.map_err(PipelineError::from)? else {
        return Ok(None);
    };
    Ok(Some(NextVersion::of_commits(tags, &history, &request.rules)?))
}

/// The greatest release among `tags` that the commit `tip` contains, and the commits since, as GitHub has them: a shallow
/// clone does not. `None` where none is found.
pub(super) async fn forge_history(
    forge: &dyn ReadForge,
    tags: &[VersionTag],
    tip: &CommitId,
) -> Result<Option<History>, ForgeError> {
    let mut releases: Vec<&VersionTag> = tags.iter().filter(|tag| tag.is_stable()).collect();
    releases.sort_by(|a, b| b.version.cmp(&a.version));
    for release in releases.into_iter().take(MAX_LOOKED_AT) {
        if let Some(commits) = forge.commits_since(&release.commit, tip).await? {
            return Ok(Some(History {
                previous: Some(release.clone()),
                commits,
            }));
        }
    }
    Ok(None)
}

/// Reads tags and commits as far as they are needed, and decides.
pub(super) async fn next_version(request: VersionRequest) -> Result<NextVersion, RunError> {
    let read = tokio::task::spawn_blocking(move || {
        let VersionRequest {
            rules,
            paths,
            workspace,
            context,
            of_forge,
        } = &request;
        let checkout = GixCheckout::at(workspace);
        let (head, tags) = checkout.version_tags(context, &rules.prefix)?;
        let tags = merged(tags, of_forge);
        if let Some(tagged) = NextVersion::of_tagged(&tags, &head, rules) {
            return Ok(tagged);
        }
        let history = checkout.history(context, &head, &tags, rules, paths.as_ref())?;
        Ok(NextVersion::of_commits(&tags, &history, rules)?)
    });
    read.await.map_err(|error| RunError::Broken(error.to_string()))?
}

/// The tags of the checkout, and those of GitHub, whose word counts where both have one.
pub(super) fn merged(of_checkout: Vec<VersionTag>, of_forge: &[VersionTag]) -> Vec<VersionTag> {
    let is_foreign = |tag: &VersionTag| of_forge.iter().any(|known| known.name == tag.name);
    let mut tags: Vec<VersionTag> = of_checkout.into_iter().filter(|tag| !is_foreign(tag)).collect();
    tags.extend_from_slice(of_forge);
    tags
}

/// One line that says why.
fn explained(next: &NextVersion) -> String {
    let commits = |count: usize| match count {
        1 => "1 commit".to_owned(),
        count => format!("{count} commits"),
    };
    let since = match &next.previous_tag {
        Some(tag) => format!("{} since `{tag}`", commits(next.commits)),
        None => format!("{} and no release before", commits(next.commits)),
    };
    let unconventional = match next.unconventional {
        0 => String::new(),
        count => format!(", {count} of them not conventional"),
    };
    match (&next.tag, next.released, next.bump) {
        (Some(tag), true, Some(level)) => {
            format!(
                "`{tag}` is the next {} release: {since}{unconventional}\n",
                level.as_str()
            )
        }
        (Some(tag), true, None) => format!("`{tag}` is the first release: {since}{unconventional}"),
        (Some(tag), false, _) => format!("HEAD is tagged `{tag}`"),
        (None, ..) => format!("no commit calls for a release: {since}{unconventional}"),
    }
}
