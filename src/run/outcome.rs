use std::collections::BTreeMap;

use crate::pipeline::Ledger;
use crate::report::{Report, Status, outputs, plan_text, report_text, summary};
use tagship_domain::plan::Plan;
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::untrusted;

/// What a run leaves to show, in the form of every face.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// For stdout.
    pub text: String,
    /// For stdout with `--json`.
    pub json: String,
    /// For people, at the end.
    pub closing: String,
    /// The action's outputs.
    pub outputs: BTreeMap<&'static str, String>,
    /// The job's summary, Markdown.
    pub summary: String,
    /// The image that later steps can attest.
    pub subject: Option<(ImageName, Digest)>,
    /// What the process ends with although nothing went wrong: 10 for a plan with conflicts.
    pub failure: Option<tagship_domain::plan::Conflicts>,
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
            json: json(&report),
            closing: report_text(&report),
            subject: report.image.clone().zip(report.digest),
            ..Self::shown(&report, None, None)
        }
    }

    /// Of a run that ends after its plan.
    pub(super) fn of_plan(plan: &Plan, ledger: &Ledger) -> Self {
        let report = ledger.report();
        Self {
            text: plan_text(plan),
            json: json(plan),
            failure: plan.conflicts(),
            ..Self::shown(&report, Some(plan), None)
        }
    }

    /// Of a dry run: the report, and the plan within it.
    pub(super) fn of_dry_run(plan: &Plan, ledger: &Ledger) -> Self {
        let mut data = serde_json::json!(ledger.report());
        if let Some(fields) = data.as_object_mut() {
            fields.insert("plan".to_owned(), serde_json::json!(plan));
        }
        Self {
            json: json(&data),
            ..Self::of_plan(plan, ledger)
        }
    }

    /// Of a run that was broken off, as far as it came: `failure` for people, `error` as data.
    pub fn of_failure(ledger: &Ledger, failure: &str, error: serde_json::Value) -> Self {
        let report = Report {
            status: Status::Failed,
            ..ledger.report()
        };
        let mut data = serde_json::json!(report);
        if let Some(fields) = data.as_object_mut() {
            fields.insert("error".to_owned(), error);
        }
        Self {
            json: json(&data),
            ..Self::shown(&report, None, Some(failure))
        }
    }

    fn shown(report: &Report, plan: Option<&Plan>, failure: Option<&str>) -> Self {
        Self {
            outputs: outputs(report).into_iter().collect(),
            summary: summary(report, plan, failure),
            ..Self::default()
        }
    }
}

/// One line of JSON.
pub(super) fn json(value: &impl serde::Serialize) -> String {
    untrusted::json(value) + "\n"
}
