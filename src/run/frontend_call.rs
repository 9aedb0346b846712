//! What a frontend answers about a Dockerfile, as a run leaves it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use buildkit_session::CallAnswer;
use serde_json::Value;

use super::Outcome;
use crate::ports::{Reporter, RunEvent, Warning};
use tagship_domain::build::{FrontendCall, Question};
use tagship_domain::error::{Diagnose, FailureKind, cleaned};
use tagship_domain::untrusted::with_hidden_escaped;

/// What the frontend advises against.
#[derive(Debug, thiserror::Error)]
#[error("the check of the Dockerfile found {count} {}", if *count == 1 { "warning" } else { "warnings" })]
struct CheckFailed {
    count: usize,
    rules: BTreeSet<String>,
}

impl Diagnose for CheckFailed {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let rules: Vec<&str> = self.rules.iter().map(String::as_str).collect();
        let skip = rules.join(",");
        Some(format!("mend them, or let them be: `# check=skip={skip}` at the head of the Dockerfile").into())
    }
}

/// Shows an answer: on stdout as text or JSON, and what a check found as warnings at their lines.
pub(super) fn answered(
    asked: FrontendCall,
    answer: &CallAnswer,
    dockerfile: &Path,
    reporter: &dyn Reporter,
) -> Outcome {
    let json: Value = serde_json::from_str(&answer.json).unwrap_or_default();
    let text = if asked.is_json {
        format!("{json:#}\n")
    } else {
        with_hidden_escaped(&answer.text.replace('\t', "    "))
    };
    let warnings = json["warnings"].as_array().map_or(&[][..], Vec::as_slice);
    let is_check = asked.question == Question::Check;
    let named = |warning: &Value, key: &str| cleaned(warning[key].as_str().unwrap_or_default());
    for warning in warnings.iter().filter(|_| is_check) {
        let line = warning["location"]["ranges"][0]["start"]["line"].as_u64();
        let detail = named(warning, "detail");
        reporter.event(RunEvent::Warning(&Warning {
            message: format!("{}: {detail}", named(warning, "ruleName")),
            file: Some(dockerfile.display().to_string()),
            line: line.and_then(|line| line.try_into().ok()),
        }));
    }
    let failed = (is_check && !warnings.is_empty()).then(|| CheckFailed {
        count: warnings.len(),
        rules: warnings
            .iter()
            .map(|warning| named(warning, "ruleName"))
            .collect(),
    });
    Outcome {
        text,
        json,
        is_bare: true,
        failure: failed.map(|failed| Arc::new(failed) as Arc<dyn Diagnose>),
        ..Outcome::default()
    }
}
