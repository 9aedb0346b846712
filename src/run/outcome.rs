//! What a run leaves to show.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::pipeline::Ledger;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::report::{Report, Status, outputs, plan_text, report_text, summary};
use tagship_domain::error::Diagnose;
use tagship_domain::plan::Plan;
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::untrusted;

/// One variable of later steps, and its value.
pub type ExportedVariable = (&'static str, SecretString);

/// What a run leaves to show, in the form of every face.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// For stdout.
    pub text: String,
    /// For stdout with `--json`.
    pub json: Value,
    /// Whether other programs take `json` as it is, without `exit-code` and `error`.
    pub is_bare: bool,
    /// For stdout in a terminal, where that differs from `text`.
    pub terminal: Option<String>,
    /// For people, at the end.
    pub closing: String,
    /// The action's outputs.
    pub outputs: BTreeMap<&'static str, String>,
    /// What later steps of the job get as variables.
    pub exported: Vec<ExportedVariable>,
    /// The job's summary, Markdown.
    pub summary: String,
    /// The image that later steps can attest.
    pub subject: Option<(ImageName, Digest)>,
    /// What the process ends with although nothing went wrong: a plan with conflicts, an examination that found something.
    pub failure: Option<Arc<dyn Diagnose>>,
}

impl Outcome {
    /// Of a run that came to its end.
    pub(super) fn of_report(ledger: &Ledger) -> Self {
        let report = ledger.report();
        let reference = report
            .image
            .as_ref()
            .zip(report.digest)
            .map(|(image, digest)| image.at(digest).to_string());
        Self {
            text: reference.map(|reference| reference + "\n").unwrap_or_default(),
            json: json!(report),
            closing: report_text(&report),
            subject: report.image.clone().zip(report.digest),
            ..Self::shown(&report, None, None)
        }
    }

    /// Of a build that is not published: the image's id, if the engine has it.
    pub(super) fn of_build(ledger: &Ledger) -> Self {
        let report = ledger.report();
        Self {
            text: report.image_id.map(|id| format!("{id}\n")).unwrap_or_default(),
            json: json!(report),
            closing: report_text(&report),
            ..Self::shown(&report, None, None)
        }
    }

    /// Of a run that ends after its plan.
    pub(super) fn of_plan(plan: &Plan, ledger: &Ledger) -> Self {
        let report = ledger.report();
        Self {
            text: plan_text(plan),
            json: json!(plan),
            failure: plan
                .conflicts()
                .map(|conflicts| Arc::new(conflicts) as Arc<dyn Diagnose>)
                .or_else(|| Some(Arc::new(plan.release.as_ref()?.conflict()?.clone()) as Arc<dyn Diagnose>)),
            ..Self::shown(&report, Some(plan), None)
        }
    }

    /// Of a dry run: the report, and the plan within it.
    pub(super) fn of_dry_run(plan: &Plan, ledger: &Ledger) -> Self {
        let mut data = json!(ledger.report());
        if let Some(fields) = data.as_object_mut() {
            fields.insert("plan".to_owned(), json!(plan));
        }
        Self {
            json: data,
            ..Self::of_plan(plan, ledger)
        }
    }

    /// Of a run that was broken off, as far as it came; `failure` is for people.
    pub fn of_failure(ledger: &Ledger, failure: &str) -> Self {
        let report = Report {
            status: Status::Failed,
            ..ledger.report()
        };
        Self {
            json: json!(report),
            ..Self::shown(&report, None, Some(failure))
        }
    }

    /// Of a command that failed and has no report: as data the error alone.
    pub fn of_failed_command() -> Self {
        Self {
            json: json!({}),
            ..Self::default()
        }
    }

    /// The result as one line of JSON, in which every command has `exit-code` and `error`.
    pub fn json_line(&self, exit_code: u8, error: Option<Value>) -> String {
        let mut data = self.json.clone();
        if let Some(fields) = data.as_object_mut().filter(|_| !self.is_bare) {
            fields.insert("exit-code".to_owned(), exit_code.into());
            fields.insert("error".to_owned(), error.unwrap_or_default());
        }
        untrusted::json(&data)
    }

    fn shown(report: &Report, plan: Option<&Plan>, failure: Option<&str>) -> Self {
        Self {
            outputs: outputs(report).into_iter().collect(),
            summary: summary(report, plan, failure),
            ..Self::default()
        }
    }
}
