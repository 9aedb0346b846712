//! The sentences that all voices share.

use std::time::Duration;

use indicatif::HumanBytes;

use super::clean;
use crate::ports::{Stage, StepOutcome, Warning};

pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "read git and the registry",
        Stage::Plan => "plan",
        Stage::Build => "build and push by digest",
        Stage::Verify => "verify",
        Stage::Tag => "tag",
        Stage::Report => "report",
    }
}

pub(super) fn outcome(outcome: StepOutcome<'_>) -> String {
    match outcome {
        StepOutcome::Done(took) => format!("done in {}", seconds(took)),
        StepOutcome::Cached => "cached".to_owned(),
        StepOutcome::Failed(reason) => format!("failed: {}", clean::line(reason)),
    }
}

pub(super) fn retry(what: &str, reason: &str, delay: Duration) -> String {
    format!(
        "{} failed and is tried again in {}: {}",
        clean::line(what),
        seconds(delay),
        clean::line(reason)
    )
}

/// Where and what, as compilers write it.
pub(super) fn warning(warning: &Warning) -> String {
    let message = clean::line(&warning.message);
    match (&warning.file, warning.line) {
        (Some(file), Some(line)) => format!("{}:{line}: {message}", clean::line(file)),
        (Some(file), None) => format!("{}: {message}", clean::line(file)),
        (None, _) => message,
    }
}

/// A line for what has moved wholly; nothing before.
pub(super) fn transfer(what: &str, current: u64, total: Option<u64>) -> Option<String> {
    (total == Some(current)).then(|| format!("{}: {}", clean::line(what), HumanBytes(current)))
}

pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
