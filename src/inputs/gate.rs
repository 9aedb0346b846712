//! What an image must pass before it gets a tag.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::entries::stays;
use super::lists::{checked, names};
use super::paths::Paths;
use super::problem::Problems;
use super::{Origin, RawInputs, read_bounded};
use crate::regular_file;
use crate::settings::GateSettings;
use tagship_domain::findings::{
    Exploits, FailOn, GatePolicy, Ignore, InvalidExploits, Probability, ScanMode, Strictness,
    read_ignore_file,
};
use tagship_domain::reference::RepositoryName;
use tagship_domain::untrusted::cleaned;

/// The inputs that say nothing without `scan`.
const DEPENDENT: [&str; 16] = [
    "fail-on",
    "only-fixed",
    "only-new",
    "ignore-findings",
    "ignore-files",
    "exploitable",
    "kev-file",
    "epss-file",
    "fail-on-epss",
    "grace-days",
    "stale-ignores",
    "unscannable",
    "scan-timeout",
    "sarif-file",
    "asff-file",
    "upload-sarif",
];
/// The most bytes of a file of ignored findings.
const MAX_FILE_BYTES: usize = 1024 * 1024;
/// The most bytes of a file of exploits: EPSS has a line for each vulnerability that there is.
const MAX_EXPLOITS_BYTES: usize = 64 * 1024 * 1024;

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
    let sarif = written(raw, "sarif-file", paths, problems);
    let asff = written(raw, "asff-file", paths, problems);
    let only_fixed = raw.flag("only-fixed", problems);
    let only_new = raw.flag("only-new", problems);
    let mut ignores: Vec<Ignore> = raw
        .entries("ignore-findings", problems)
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| checked(entry, index, Ignore::parse(&entry.text), problems))
        .collect();
    ignores.extend(of_files(raw, paths, problems));
    let stale_ignores = strictness(raw, "stale-ignores", problems);
    let exploitable = strictness(raw, "exploitable", problems);
    let (exploits, fail_on_epss) = exploits(raw, paths, problems);
    let grace_days = raw
        .integer("grace-days", problems)
        .and_then(|days| u16::try_from(days).ok());
    let upload = raw.flag("upload-sarif", problems);
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
            exploitable: exploitable?,
            grace_days: grace_days?,
            unscannable: unscannable?,
            stale_ignores: stale_ignores?,
            ignores,
            fail_on_epss,
            exploits: Arc::new(exploits),
        },
        only_new,
        sarif,
        asff,
        upload,
    })
}

/// A file that findings are written to.
fn written(raw: &RawInputs, input: &str, paths: &Paths, problems: &mut Problems) -> Option<PathBuf> {
    let value = raw.text(input, problems)?;
    let path = paths.resolve(&value.text);
    if let Err(problem) = regular_file::check_writable(&path) {
        let message = format!("`{}` cannot be written: {problem}", path.display());
        problems.add::<()>(&value.origin, message, None);
    } else if holds_other(&path) {
        let message = format!("`{}` holds something else than findings", path.display());
        problems.add::<()>(&value.origin, message, "name another file".to_owned());
    }
    stays(raw, &value, &path, paths, problems).then_some(path)
}

/// Whether a file holds something else than findings, of an earlier run or of another tool: it may be named by mistake.
///
/// Source: SARIF 2.1.0, section 3.13.4, `runs`; AWS Security Hub API reference, `AwsSecurityFinding`, `SchemaVersion`.
fn holds_other(path: &Path) -> bool {
    // What is missing is made, and what cannot be read is no file of the checkout.
    let Ok(bytes) = read_bounded(path, MAX_EXPLOITS_BYTES) else {
        return false;
    };
    match bytes.trim_ascii() {
        [] => false,
        text => match serde_json::from_slice(text) {
            Ok(Value::Object(fields)) => !fields.contains_key("runs"),
            Ok(Value::Array(findings)) => findings.iter().any(|one| one.get("SchemaVersion").is_none()),
            _ => true,
        },
    }
}

/// Findings that do not count by files of other tools.
fn of_files(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Vec<Ignore> {
    let repository = raw.text("repository", problems);
    let repository = repository.and_then(|name| RepositoryName::parse(&name.text).ok());
    let mut ignores = Vec::new();
    for entry in raw.entries("ignore-files", problems) {
        let path = paths.resolve(&entry.text);
        if !stays(raw, &entry, &path, paths, problems) {
            continue;
        }
        let shown = cleaned(&entry.text);
        let read = text_of(&path, &shown, MAX_FILE_BYTES).and_then(|text| {
            let read = read_ignore_file(&text, repository.as_ref());
            read.map_err(|error| format!("`{shown}` {error}"))
        });
        ignores.extend(problems.check(&entry.origin, read, None).into_iter().flatten());
    }
    ignores
}

/// What is known of exploits by files, and from which probability on a finding fails.
fn exploits(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> (Exploits, Option<Probability>) {
    type Add = fn(&mut Exploits, &str) -> Result<(), InvalidExploits>;
    let mut exploits = Exploits::default();
    let files: [(&str, Add); 2] = [
        ("kev-file", Exploits::add_catalog),
        ("epss-file", Exploits::add_scores),
    ];
    for (input, add) in files {
        let Some(value) = raw.text(input, problems) else {
            continue;
        };
        let path = paths.resolve(&value.text);
        if !stays(raw, &value, &path, paths, problems) {
            continue;
        }
        let shown = cleaned(&value.text);
        let read = text_of(&path, &shown, MAX_EXPLOITS_BYTES)
            .and_then(|text| add(&mut exploits, &text).map_err(|error| format!("`{shown}` {error}")));
        let _read = problems.check(&value.origin, read, None);
    }
    let least = raw.text("fail-on-epss", problems).and_then(|value| {
        if raw.text("epss-file", problems).is_none() {
            let hint = "give `epss-file`, or leave it out".to_owned();
            return problems.add(&value.origin, "no file says how likely exploits are", hint);
        }
        let least = Probability::parse(&value.text);
        let wrong = || format!("`{}` is no number from 0 to 1", cleaned(&value.text));
        problems.check(&value.origin, least.ok_or_else(wrong), None)
    });
    (exploits, least)
}

/// What a file says, `shown` as the user names it.
fn text_of(path: &Path, shown: &str, most: usize) -> Result<String, String> {
    match read_bounded(path, most) {
        Err(error) => Err(format!("`{shown}` cannot be read: {error}")),
        Ok(bytes) if bytes.len() > most => Err(format!("`{shown}` is larger than {} MiB", most >> 20)),
        Ok(bytes) => String::from_utf8(bytes).map_err(|error| format!("`{shown}` is not UTF-8: {error}")),
    }
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
