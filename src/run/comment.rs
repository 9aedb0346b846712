//! Comments on the pull request that a run is of: one for each image, which every run brings up to date.

use super::release::forge;
use crate::pipeline::Ledger;
use crate::ports::{Comment, ForgeError, Reporter, RunEvent, Warning, WriteComments};
use crate::report::{comment, comment_marker};
use crate::settings::Settings;
use tagship_domain::error::Diagnose;

/// Whether a run with these settings comments.
pub(super) fn has_comment(settings: &Settings) -> bool {
    settings.notify.comment.is_some() && !settings.dry_run && !settings.offline
}

/// What the comment says, with secrets that are still to be taken out; `None` where there is to be none.
pub fn comment_text(settings: &Settings, ledger: &Ledger, failure: Option<&str>) -> Option<String> {
    has_comment(settings).then(|| comment(&ledger.report(), failure, settings.notify.page.as_deref()))
}

/// Comments on the pull request, or brings the comment up to date. What goes wrong is a warning: the run has ended.
pub(super) async fn put_comment(
    settings: &Settings,
    text: Option<&str>,
    ledger: &Ledger,
    reporter: &dyn Reporter,
) {
    let Some(pull_request) = settings.notify.comment.as_ref().filter(|_| has_comment(settings)) else {
        return;
    };
    if settings.identity.from_fork {
        let note = "`pr-comment`: the job of a pull request from a fork may not comment; what the comment would say is in the job's summary";
        reporter.event(RunEvent::Note(note));
        return;
    }
    let Some(text) = text else { return };
    let put = async {
        let forge = forge(&settings.github, None).map_err(|error| worded(&error))?;
        let forge = forge.ok_or("there is no token for GitHub, or the repository is not known")?;
        let marker = comment_marker(&ledger.report());
        let put = ensure(&forge, *pull_request, &marker, text).await;
        put.map_err(|error| worded(&error))
    };
    if let Err(problem) = put.await {
        let message = format!("`pr-comment`: there is no comment of this run: {problem}");
        let (file, line) = (None, None);
        reporter.event(RunEvent::Warning(&Warning { message, file, line }));
    }
}

/// Brings the comment up to date, or makes it; once more where it is not known whether it was made.
async fn ensure(
    forge: &dyn WriteComments,
    pull_request: u64,
    marker: &str,
    text: &str,
) -> Result<(), ForgeError> {
    for is_last in [false, true] {
        if let Some(own) = own(forge.comments(pull_request).await?, marker) {
            if own.text.replace("\r\n", "\n").trim_end() == text.trim_end() {
                return Ok(());
            }
            return forge.change_comment(own.id, text).await;
        }
        match forge.comment(pull_request, text).await {
            Err(error) if error.is_unsure() && !is_last => {}
            ended => return ended,
        }
    }
    Ok(())
}

/// The comment of earlier runs: the oldest one that begins with the marker, and that no stranger wrote.
fn own(comments: Vec<Comment>, marker: &str) -> Option<Comment> {
    let is_own = |comment: &Comment| comment.is_trusted && comment.text.starts_with(marker);
    comments
        .into_iter()
        .filter(is_own)
        .min_by_key(|comment| comment.id)
}

fn worded(error: &dyn Diagnose) -> String {
    let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{error}{hint}")
}
