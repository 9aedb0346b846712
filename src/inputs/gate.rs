//! What an image must pass before it gets a tag.

use std::time::Duration;

use super::entries::stays;
use super::lists::{checked, names};
use super::paths::Paths;
use super::problem::Problems;
use super::{Origin, RawInputs};
use crate::regular_file;
use crate::settings::GateSettings;
use tagship_domain::findings::{FailOn, GatePolicy, Ignore, ScanMode, Strictness};
use tagship_domain::untrusted::cleaned;

/// The inputs that say nothing without `scan`.
const DEPENDENT: [&str; 7] = [
    "fail-on",
    "only-fixed",
    "ignore-findings",
    "stale-ignores",
    "unscannable",
    "scan-timeout",
    "sarif-file",
];

/// Reads the gate of a run that publishes; there is none where nothing is scanned.
pub(super) fn read(
    raw: &RawInputs,
    paths: &Paths,
    push: bool,
    problems: &mut Problems,
) -> Option<GateSettings> {
    let scan = raw.text("scan", problems)?;
    let mode = match scan.text.as_str() {
        "off" => None,
        "wait" => Some(ScanMode::Wait),
        "start" => Some(ScanMode::Start),
        other => {
            let message = format!("`{}` is none of `off`, `wait` and `start`", cleaned(other));
            return problems.add(&scan.origin, message, None);
        }
    };
    let Some(mode) = mode else {
        refuse_dependent(raw, &scan.origin, problems);
        return None;
    };
    if !push {
        let message = "what is not published is not scanned";
        let hint = "leave `scan` out, or publish".to_owned();
        return problems.add(&scan.origin, message, hint);
    }
    settings(raw, paths, mode, problems)
}

/// Reads how findings are judged.
pub(super) fn settings(
    raw: &RawInputs,
    paths: &Paths,
    scan: ScanMode,
    problems: &mut Problems,
) -> Option<GateSettings> {
    let sarif = raw.text("sarif-file", problems).and_then(|value| {
        let path = paths.resolve(&value.text);
        if let Err(problem) = regular_file::check_writable(&path) {
            let message = format!("`{}` cannot be written: {problem}", path.display());
            problems.add::<()>(&value.origin, message, None);
        }
        stays(raw, &value, &path, paths, problems).then_some(path)
    });
    let only_fixed = raw.flag("only-fixed", problems);
    let ignores: Vec<Ignore> = raw
        .entries("ignore-findings", problems)
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| checked(entry, index, Ignore::parse(&entry.text), problems))
        .collect();
    let stale_ignores = strictness(raw, "stale-ignores", problems);
    let unscannable = strictness(raw, "unscannable", problems);
    let timeout = raw.integer("scan-timeout", problems);
    let entries = names(raw, "fail-on", problems);
    let origin = raw.list("fail-on", problems)?.origin;
    let fail_on = FailOn::parse(entries.iter().map(|entry| entry.text.as_str()));
    let hint = "write a severity, or limits such as `critical=0,high=5`".to_owned();
    Some(GateSettings {
        scan,
        timeout: Duration::from_secs(timeout?.into()),
        policy: GatePolicy {
            fail_on: problems.check(&origin, fail_on, hint)?,
            only_fixed,
            unscannable: unscannable?,
            stale_ignores: stale_ignores?,
            ignores,
        },
        sarif,
    })
}

fn strictness(raw: &RawInputs, input: &str, problems: &mut Problems) -> Option<Strictness> {
    let value = raw.text(input, problems)?;
    match value.text.as_str() {
        "fail" => Some(Strictness::Fail),
        "warn" => Some(Strictness::Warn),
        other => {
            let message = format!("`{}` is neither `fail` nor `warn`", cleaned(other));
            problems.add(&value.origin, message, None)
        }
    }
}

/// Refuses limits where nothing is scanned: who sets them believes in a gate. Who switches off what the file says knows
/// that there is none.
fn refuse_dependent(raw: &RawInputs, scan: &Origin, problems: &mut Problems) {
    let is_of_file = |origin: &Origin| matches!(origin, Origin::File { .. });
    let is_default = |origin: &Origin| matches!(origin, Origin::Default(_));
    for input in DEPENDENT {
        let origin = raw.list(input, problems).map(|list| list.origin);
        let origin = origin.filter(|origin| {
            let is_switched_off = is_of_file(origin) && !is_of_file(scan) && !is_default(scan);
            !is_default(origin) && !is_switched_off
        });
        if let Some(origin) = origin {
            let message = format!("`{input}` is given, and nothing is scanned");
            let hint = format!("give `scan: wait` or `scan: start`, or leave `{input}` out");
            problems.add::<()>(&origin, message, hint);
        }
    }
}
