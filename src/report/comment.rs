//! The comment on a pull request.

use std::fmt::Write as _;

use super::markdown::summary;
use super::{Report, Status};
use tagship_domain::plan::Note;

/// The most characters of a comment. Source: GitHub's API refuses longer ones: "body is too long (maximum is 65536 characters)".
const MAX_COMMENT: usize = 65_536;

/// What the comment on the image of a repository begins with: it is found by it, and not shown.
pub fn comment_marker(report: &Report) -> String {
    let name = report.image.as_ref().map(|image| image.repository.as_str());
    format!("<!-- tagship: {} -->", name.unwrap_or("image"))
}

/// The comment on a pull request: the job's summary, and the page of the run. `failure` is the error's text.
pub fn comment(report: &Report, failure: Option<&str>, page: Option<&str>) -> String {
    let marker = comment_marker(report);
    let report = Report {
        status: if failure.is_some() {
            Status::Failed
        } else {
            report.status
        },
        ..report.clone()
    };
    let mut end = String::new();
    let has_image = report.digest.is_some() || report.status == Status::Built;
    let is_explained = report
        .notes
        .iter()
        .any(|note| matches!(note, Note::NotCompared { .. }));
    if report.comparison.is_none() && has_image && !is_explained {
        end += "\nThere is no image of the branch that this goes to, and so nothing to compare with.\n";
    }
    if let Some(page) = page {
        let _ = write!(end, "\n[The run]({page})\n");
    }
    let text = summary(&report, None, failure);
    let room = MAX_COMMENT - marker.len() - end.len() - 64;
    let text = if text.chars().count() > room {
        // Without what is cut off: half of a table or code block would change what follows.
        let whole: String = text.chars().take(room).collect();
        let kept = whole.split("\n\n").next().unwrap_or_default();
        format!("{kept}\n\nThe whole is in the summary of the run.\n")
    } else {
        text
    };
    format!("{marker}\n{text}{end}")
}
