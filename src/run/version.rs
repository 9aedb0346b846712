//! The next version: nothing is built, written or tagged.

use std::path::PathBuf;

use semver::Version;

use super::{Outcome, RunError};
use crate::git::GixCheckout;
use crate::ports::{Reporter, RunEvent, Warning};
use crate::settings::Settings;
use tagship_domain::bump::{NextVersion, Rules, VersionTag};
use tagship_domain::paths::PathFilter;

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
    of_forge: Vec<VersionTag>,
    reporter: &dyn Reporter,
) -> Result<Option<Version>, RunError> {
    let request = VersionRequest {
        rules: Rules {
            prefix: settings.tag_prefix.clone(),
            ..Rules::default()
        },
        paths: settings.paths.clone(),
        workspace: settings.workspace.clone(),
        context: settings.build.context.clone(),
        of_forge,
    };
    let next = next_version(request).await?;
    reporter.event(RunEvent::Note(&explained(&next)));
    for note in &next.notes {
        reporter.event(RunEvent::Warning(&Warning {
            message: note.to_string(),
            file: None,
            line: None,
        }));
    }
    Ok(next.version)
}

/// Reads tags and commits as far as they are needed, and decides.
async fn next_version(request: VersionRequest) -> Result<NextVersion, RunError> {
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
