//! The sentences that all voices share.

use std::time::Duration;

use indicatif::HumanBytes;

use crate::ports::{Stage, StepOutcome, Warning};
use tagship_domain::untrusted::Untrusted;

pub(super) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Read => "read git and the registry",
        Stage::Plan => "plan",
        Stage::Ensure => "make the repository",
        Stage::Build => "build and push by digest",
        Stage::Merge => "merge the images into one index",
        Stage::Verify => "verify",
        Stage::Test => "test the image",
        Stage::Copy => "copy to further repositories, and verify there",
        Stage::Sign => "sign, and verify the signature",
        Stage::Gate => "wait for findings and judge them",
        Stage::Tag => "tag",
        Stage::Release => "release",
        Stage::Report => "report",
    }
}

pub(super) fn outcome(outcome: StepOutcome<'_>) -> String {
    match outcome {
        StepOutcome::Done(took) => format!("done in {}", seconds(took)),
        StepOutcome::Cached => "cached".to_owned(),
        StepOutcome::Failed(reason) => format!("failed: {}", Untrusted::line(reason)),
    }
}

pub(super) fn retry(what: &str, reason: &str, delay: Duration) -> String {
    format!(
        "{} failed and is tried again in {}: {}",
        Untrusted::line(what),
        seconds(delay),
        Untrusted::line(reason)
    )
}

/// Where and what, as compilers write it.
pub(super) fn warning(warning: &Warning) -> String {
    let message = Untrusted::line(&warning.message);
    match (&warning.file, warning.line) {
        (Some(file), Some(line)) => format!("{}:{line}: {message}", Untrusted::line(file)),
        (Some(file), None) => format!("{}: {message}", Untrusted::line(file)),
        (None, _) => message.to_string(),
    }
}

/// What has moved wholly.
pub(super) fn moved(what: &str, bytes: u64) -> String {
    format!("{}: {}", Untrusted::line(what), HumanBytes(bytes))
}

/// How far something is that moves, at `rate` bytes a second.
pub(super) fn moving(what: &str, current: u64, total: Option<u64>, rate: u64) -> String {
    let of = total.map_or_else(String::new, |total| format!(" of {}", HumanBytes(total)));
    let left = total.and_then(|total| total.saturating_sub(current).checked_div(rate));
    let left = left.map_or_else(String::new, |seconds| format!(", {}", left_over(seconds)));
    let (what, current) = (Untrusted::line(what), HumanBytes(current));
    format!("{what}: {current}{of}, {}/s{left}", HumanBytes(rate))
}

/// Returns the unit that a number of bytes is shown in, and how many bytes it is.
pub(super) fn unit(bytes: f64) -> (&'static str, f64) {
    let units = [("TiB", 4), ("GiB", 3), ("MiB", 2), ("KiB", 1)];
    let units = units.map(|(name, power)| (name, 1024_f64.powi(power)));
    units
        .into_iter()
        .find(|(_, size)| bytes >= *size)
        .unwrap_or(("B", 1.0))
}

/// Shows bytes in a unit: `1.5`, `23`, `1023`.
pub(super) fn in_unit(bytes: f64, unit: (&'static str, f64)) -> String {
    let (name, size) = unit;
    let count = bytes / size;
    let digits = usize::from(count < 10.0 && name != "B");
    format!("{count:.digits$}")
}

/// The time that is left, in whole seconds: `1m 5s left`.
pub(super) fn left_over(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s left"),
        (0, minutes, seconds) => format!("{minutes}m {seconds}s left"),
        (hours, minutes, _) => format!("{hours}h {minutes}m left"),
    }
}

pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}
