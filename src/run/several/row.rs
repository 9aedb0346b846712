//! What became of each of several images.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::pipeline::Ledger;
use crate::report::{Report, Status, outputs, summary};
use crate::run::notify::EndedRun;
use crate::run::{Outcome, RunError};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::location::SourceLocation;
use tagship_domain::untrusted::{self, Untrusted};

/// What became of several images, as far as they came.
#[derive(Debug)]
pub struct ShippedImages(Vec<ImageRow>);

/// One of them.
#[derive(Debug)]
pub(super) struct ImageRow {
    name: String,
    ledger: Ledger,
    state: Mutex<RowState>,
}

#[derive(Debug, Default)]
enum RowState {
    #[default]
    NotBegun,
    Running,
    /// With what is printed of it.
    Done(String),
    Failed(Failure),
}

/// Why an image is not published.
#[derive(Debug, Clone)]
struct Failure {
    kind: FailureKind,
    message: String,
    hint: Option<String>,
    output: Vec<String>,
    location: Option<SourceLocation>,
}

impl ImageRow {
    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) fn begin(&self) {
        self.set(RowState::Running);
    }

    pub(super) fn end(&self, shipped: Result<Outcome, RunError>) {
        let failure = |error: &dyn Diagnose| Failure {
            kind: error.kind(),
            message: Untrusted::block(&error.to_string()).to_string(),
            hint: error.hint().map(Cow::into_owned),
            output: error.output().to_vec(),
            location: error.location(),
        };
        self.set(match shipped {
            Err(error) => RowState::Failed(failure(&error)),
            Ok(outcome) => match outcome.failure {
                Some(error) => RowState::Failed(failure(&*error)),
                None => RowState::Done(outcome.text),
            },
        });
    }

    fn set(&self, state: RowState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// What is printed of it, if it came to its end.
    fn text(&self) -> Option<String> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            RowState::Done(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The status, the report as far as there is one, and why it failed.
    fn read(&self) -> (&'static str, Option<Report>, Option<Failure>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &*state {
            RowState::NotBegun => ("not-begun", None, None),
            RowState::Running => ("broken-off", Some(self.ledger.report()), None),
            RowState::Done(_) => {
                let report = self.ledger.report();
                (report.status.as_str(), Some(report), None)
            }
            RowState::Failed(failure) => {
                let report = Report {
                    status: Status::Failed,
                    ..self.ledger.report()
                };
                ("failed", Some(report), Some(failure.clone()))
            }
        }
    }
}

impl ShippedImages {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let rows = names.map(|name| ImageRow {
            name,
            ledger: Ledger::default(),
            state: Mutex::default(),
        });
        Self(rows.collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ImageRow> {
        self.0.iter()
    }

    /// Returns how each image's run ended, with its ledger, in their order; none of those that did not.
    pub fn ended(&self) -> impl Iterator<Item = (&Ledger, Option<EndedRun>)> {
        self.0.iter().map(|row| {
            let (status, report, failure) = row.read();
            let report = report.filter(|_| !matches!(status, "not-begun" | "broken-off"));
            let ended = report.map(|report| EndedRun {
                failure: failure.map(|failure| (failure.kind, failure.message)),
                report: untrusted::json(&json!(report)),
                comment: None,
            });
            (&row.ledger, ended)
        })
    }

    /// Returns what is there to show; `broken_off` says why the run did not come to its end, if it did not.
    pub fn outcome(&self, broken_off: Option<&str>) -> Outcome {
        let (mut texts, mut lines, mut summaries) = (String::new(), Vec::new(), String::new());
        let (mut rows, mut failures, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let width = self
            .0
            .iter()
            .map(|row| row.name.chars().count())
            .max()
            .unwrap_or_default();
        for row in &self.0 {
            let (status, report, failure) = row.read();
            let reference = report.as_ref().and_then(reference);
            texts += &row.text().unwrap_or_default();
            let detail = failure.as_ref().map(|failure| failure.message.clone());
            let detail = detail.or_else(|| reference.clone()).unwrap_or_default();
            let line = format!("{:width$}  {status:<17}  {detail}", row.name);
            lines.push(line.trim_end().to_owned());
            let said = failure.as_ref().map(|failure| failure.message.as_str());
            match &report {
                Some(report) => summaries += &summary(report, None, said.or(broken_off)),
                None => {
                    let _ = writeln!(summaries, "### `{}` was not begun\n", row.name);
                }
            }
            rows.push(json!({
                "name": row.name,
                "status": status,
                "image": reference,
                "report": report,
                "exit-code": match &failure {
                    Some(failure) => Some(failure.kind.exit_code()),
                    None => (!matches!(status, "not-begun" | "broken-off")).then_some(0),
                },
                "error": failure.as_ref().map(|failure| json!({"message": failure.message, "hint": failure.hint})),
            }));
            match failure {
                Some(failure) => failures.push((row.name.clone(), failure)),
                None if matches!(status, "not-begun" | "broken-off") => left.push(row.name.clone()),
                None => {}
            }
        }
        let mut all: std::collections::BTreeMap<_, _> = outputs(&Report::default()).into_iter().collect();
        let is_done = failures.is_empty() && left.is_empty();
        let status = match &rows[..] {
            [] if is_done => "unchanged",
            [first, others @ ..] if is_done => {
                let is_same = others.iter().all(|row| row["status"] == first["status"]);
                first["status"]
                    .as_str()
                    .filter(|_| is_same)
                    .unwrap_or("published")
            }
            _ => "failed",
        };
        all.insert("status", status.to_owned());
        all.insert("images", untrusted::json(&compact(&rows)));
        let closing = lines.iter().fold(String::new(), |text, line| text + line + "\n");
        Outcome {
            text: texts,
            json: json!({"images": rows}),
            closing,
            outputs: all,
            summary: summaries,
            failure: (!failures.is_empty()).then(|| {
                let several = SeveralFailed {
                    count: self.0.len(),
                    failures,
                    left,
                };
                Arc::new(several) as Arc<dyn Diagnose>
            }),
            ..Outcome::default()
        }
    }
}

/// The rows as the action's output has them: without the reports, which may be larger than an output.
fn compact(rows: &[Value]) -> Value {
    let rows = rows.iter().map(|row| {
        let report = &row["report"];
        let tags = report["tags"].as_array().into_iter().flatten();
        let tags: Vec<&Value> = tags
            .filter(|tag| tag["digest"] == report["digest"])
            .map(|tag| &tag["tag"])
            .collect();
        json!({
            "name": row["name"], "status": row["status"], "image": row["image"], "digest": report["digest"],
            "version": report["version"], "tags": tags, "exit-code": row["exit-code"],
        })
    });
    Value::Array(rows.collect())
}

fn reference(report: &Report) -> Option<String> {
    let is_there = matches!(
        report.status,
        Status::Published | Status::AlreadyPublished | Status::Pushed
    );
    let (image, digest) = report.image.as_ref().zip(report.digest).filter(|_| is_there)?;
    Some(image.at(digest).to_string())
}

/// Some of several images are not published.
#[derive(Debug)]
struct SeveralFailed {
    count: usize,
    /// Those that failed; never empty.
    failures: Vec<(String, Failure)>,
    /// Those that were not begun.
    left: Vec<String>,
}

/// From what a repetition may mend to what it does not.
const WORST: [FailureKind; 8] = [
    FailureKind::Drift,
    FailureKind::ScanGate,
    FailureKind::TagConflict,
    FailureKind::Operation,
    FailureKind::Credentials,
    FailureKind::Usage,
    FailureKind::Cancelled,
    FailureKind::Bug,
];

impl fmt::Display for SeveralFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} images failed", self.failures.len(), self.count)?;
        for (name, failure) in &self.failures {
            write!(f, "\n  `{name}`: {}", failure.message.replace('\n', "\n    "))?;
            if let Some(hint) = &failure.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        if !self.left.is_empty() {
            write!(f, "\n  not begun: `{}`", self.left.join("`, `"))?;
        }
        Ok(())
    }
}

impl std::error::Error for SeveralFailed {}

impl Diagnose for SeveralFailed {
    fn kind(&self) -> FailureKind {
        let rank = |kind: &FailureKind| WORST.iter().position(|known| known == kind);
        let kinds = self.failures.iter().map(|(_, failure)| failure.kind);
        kinds.max_by_key(rank).unwrap_or(FailureKind::Operation)
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self.kind() {
            FailureKind::Operation | FailureKind::Cancelled | FailureKind::Credentials => {
                "run again: what is published stays, and only the rest is done".into()
            }
            _ => "do what stands under each, then run again: what is published stays".into(),
        })
    }

    /// Of the first image whose failure has some.
    fn output(&self) -> &[String] {
        let mut outputs = self.failures.iter().map(|(_, failure)| &failure.output);
        outputs
            .find(|output| !output.is_empty())
            .map_or(&[], Vec::as_slice)
    }

    /// Of the first image whose failure has one.
    fn location(&self) -> Option<SourceLocation> {
        self.failures
            .iter()
            .find_map(|(_, failure)| failure.location.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: FailureKind) -> Failure {
        Failure {
            kind,
            message: "it failed".to_owned(),
            hint: None,
            output: Vec::new(),
            location: None,
        }
    }

    #[test]
    fn the_exit_code_is_the_worst_of_the_rows_and_each_row_says_what_is_true() {
        let rows = ShippedImages::new(["api", "web", "jobs"].map(str::to_owned).into_iter());
        rows.0[0].set(RowState::Done("api\n".to_owned()));
        rows.0[1].set(RowState::Failed(failed(FailureKind::TagConflict)));
        let outcome = rows.outcome(None);
        let failure = outcome.failure.clone().unwrap();
        assert_eq!(failure.kind(), FailureKind::TagConflict);
        assert!(failure.to_string().contains("1 of 3 images failed"), "{failure}");
        assert!(failure.to_string().contains("not begun: `jobs`"), "{failure}");
        let statuses: Vec<&Value> = outcome.json["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["status"])
            .collect();
        assert_eq!(statuses[1..], [&json!("failed"), &json!("not-begun")]);
        rows.0[2].set(RowState::Failed(failed(FailureKind::Credentials)));
        assert_eq!(
            rows.outcome(None).failure.unwrap().kind(),
            FailureKind::Credentials
        );
        rows.0[2].set(RowState::Running);
        let cancelled = rows.outcome(Some("cancelled"));
        assert_eq!(cancelled.json["images"][2]["status"], "broken-off");
        assert!(
            cancelled.closing.contains("jobs  broken-off"),
            "{}",
            cancelled.closing
        );
    }
}
