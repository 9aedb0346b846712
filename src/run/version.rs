//! The next version: nothing is built, written or tagged.

use std::path::{Path, PathBuf};

use super::outcome::json;
use super::{Outcome, RunError};
use crate::domain::bump::{NextVersion, Rules};
use crate::domain::paths::PathFilter;
use crate::git::GixCheckout;
use crate::pipeline::PipelineError;

/// Which version is asked for.
#[derive(Debug, Clone)]
pub struct VersionRequest {
    /// How versions are named.
    pub rules: Rules,
    /// The paths whose commits count; all when absent.
    pub paths: Option<PathFilter>,
    /// The folder of the checkout; absolute.
    pub workspace: PathBuf,
}

/// Finds the version that the commit at HEAD is to have, and shows it.
pub async fn version(request: VersionRequest) -> Result<Outcome, RunError> {
    let read = tokio::task::spawn_blocking(move || {
        let checkout = GixCheckout::at(&request.workspace);
        next_version(
            &checkout,
            &request.workspace,
            &request.rules,
            request.paths.as_ref(),
        )
    });
    let next = read
        .await
        .map_err(|error| RunError::Broken(error.to_string()))??;
    Ok(Outcome {
        text: next
            .version
            .as_ref()
            .map(|version| format!("{version}\n"))
            .unwrap_or_default(),
        json: json(&next),
        closing: explained(&next),
        ..Outcome::default()
    })
}

/// Reads tags and commits as far as they are needed, and decides.
pub(super) fn next_version(
    checkout: &GixCheckout,
    context: &Path,
    rules: &Rules,
    paths: Option<&PathFilter>,
) -> Result<NextVersion, RunError> {
    let (head, tags) = checkout
        .version_tags(context, &rules.prefix)
        .map_err(PipelineError::from)?;
    if let Some(tagged) = NextVersion::of_tagged(&tags, &head, rules) {
        return Ok(tagged);
    }
    let history = checkout
        .history(context, &tags, rules, paths)
        .map_err(PipelineError::from)?;
    Ok(NextVersion::of_commits(&tags, &history, rules)?)
}

/// One line that says why.
pub(super) fn explained(next: &NextVersion) -> String {
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
        (Some(tag), true, None) => format!("`{tag}` is the first release: {since}{unconventional}\n"),
        (Some(tag), false, _) => format!("HEAD is tagged `{tag}`\n"),
        (None, ..) => format!("no commit calls for a release: {since}{unconventional}\n"),
    }
}
