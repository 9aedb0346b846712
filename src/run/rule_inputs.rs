//! What `ship`, `plan` and `tags` apply rules to: the event, the version, and what GitHub says of the repository.

use std::path::Path;
use std::time::Duration;

use semver::Version;

use crate::git::GixCheckout;
use crate::github::GithubForge;
use crate::pipeline::PipelineError;
use crate::ports::{self, ReadForge as _, Reporter, Warning};
use crate::settings::GithubSettings;
use tagship_domain::event::{Event, RepositoryInfo};
use tagship_domain::facts::Source;
use tagship_domain::tags::Mode;
use tagship_domain::version::{TagPrefix, greatest};

/// What a checkout says of a run that nothing else describes: HEAD is at a branch, or else at a tag.
pub(super) fn event_of_checkout(
    checkout: &GixCheckout,
    context: &Path,
    source: &Source,
    tag_prefix: &TagPrefix,
) -> Result<Event, PipelineError> {
    let branch = checkout.branch(context)?;
    let version = greatest(tag_prefix, source.tags.iter().map(String::as_str));
    let of_version = source
        .tags
        .iter()
        .find(|tag| version.is_some() && tag_prefix.version(tag) == version);
    let tag = of_version.or(source.tags.first()).filter(|_| branch.is_none());
    Ok(Event::of_checkout(
        branch.as_deref(),
        tag.map(String::as_str),
        source.commit.clone(),
    ))
}

/// The version of a commit: of the git tag that the event names, or of the git tags on it.
pub(super) fn version_of(event: &Event, source: &Source, tag_prefix: &TagPrefix) -> Option<Version> {
    match event.named_tag() {
        Some(tag) => tag_prefix.version(tag),
        None => greatest(tag_prefix, source.tags.iter().map(String::as_str)),
    }
}

/// The version that rules take without looking at the git tag that started the run: they read that themselves, as its
/// author wrote it. The action that the compatible mode follows does not look at git tags on the commit.
pub(super) fn version_for_rules<'a>(
    version: Option<&'a Version>,
    event: &Event,
    mode: Mode,
) -> Option<&'a Version> {
    version.filter(|_| mode == Mode::Strict && event.git_ref.tag().is_none())
}

/// What GitHub says of the repository. It stands in labels, which are no reason to stop or to wait for long.
pub(super) async fn fetch_repository_info(
    github: &GithubSettings,
    reporter: &dyn Reporter,
) -> RepositoryInfo {
    const PATIENCE: Duration = Duration::from_secs(5);
    let fetch_repository_info = async {
        match GithubForge::of(github)? {
            Some(forge) => forge.repository().await,
            None => Ok(RepositoryInfo::default()),
        }
    };
    let reason = match tokio::time::timeout(PATIENCE, fetch_repository_info).await {
        Ok(Ok(repository)) => return repository,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("GitHub does not answer within {} seconds", PATIENCE.as_secs()),
    };
    let message = format!("labels about the repository are left out: {reason}");
    reporter.event(ports::RunEvent::Warning(&Warning {
        message,
        file: None,
        line: None,
    }));
    RepositoryInfo::default()
}
