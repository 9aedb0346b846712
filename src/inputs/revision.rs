//! The commit of files that came without git.

use jiff::Timestamp;

use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, RawInputs};
use tagship_domain::event::CiSystem;
use tagship_domain::facts::{CommitId, GivenRevision};
use tagship_domain::untrusted::cleaned;

/// The commit of a build's source in AWS `CodeBuild`; of an archive in S3 it is the object's version.
///
/// Source: `CodeBuild` user guide, "Environment variables in build environments".
const OF_CODEBUILD: &str = "CODEBUILD_RESOLVED_SOURCE_VERSION";

/// Reads `revision` and `revision-time`.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<GivenRevision> {
    let committed_at = raw
        .text("revision-time", problems)
        .map(|value| (time(&value, problems), value.origin));
    let Some(value) = raw.text("revision", problems) else {
        let of_job = of_codebuild(environment);
        if let (Some((_, origin)), None) = (&committed_at, &of_job) {
            let hint =
                "give `revision` too, or leave it out: a git checkout says its commit's time".to_owned();
            problems.add::<()>(origin, "is the time of a commit that is not named", hint);
        }
        let (commit, is_input) = (of_job?, false);
        let committed_at = committed_at
            .and_then(|(time, _)| time)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        return Some(GivenRevision {
            commit,
            committed_at,
            is_input,
        });
    };
    let commit = commit(&value, problems)?;
    Some(GivenRevision {
        commit,
        committed_at: committed_at
            .and_then(|(time, _)| time)
            .unwrap_or(Timestamp::UNIX_EPOCH),
        is_input: true,
    })
}

fn of_codebuild(environment: &Environment) -> Option<CommitId> {
    (environment.other_ci() == Some(CiSystem::CodeBuild))
        .then(|| CommitId::parse(environment.get(OF_CODEBUILD)?))
        .flatten()
}

fn commit(value: &InputText, problems: &mut Problems) -> Option<CommitId> {
    let Some(commit) = CommitId::parse(&value.text.to_ascii_lowercase()) else {
        let message = format!("`{}` is not the whole id of a commit", cleaned(&value.text));
        let hint = "give all 40 digits, or 64: `git rev-parse HEAD` prints them where the files come from";
        return problems.add(&value.origin, message, hint.to_owned());
    };
    Some(commit)
}

fn time(value: &InputText, problems: &mut Problems) -> Option<Timestamp> {
    let seconds = value.text.parse::<i64>().ok();
    let read = match seconds {
        Some(seconds) => Timestamp::from_second(seconds).ok(),
        None => rfc3339(&value.text),
    };
    let first = Timestamp::from_second(YEAR_0).ok();
    let read = read.filter(|time| Some(*time) >= first);
    if read.is_none() {
        let message = format!(
            "`{}` is neither a time such as `2026-01-31T12:00:00Z` nor seconds since 1970",
            cleaned(&value.text)
        );
        let hint = "write it as RFC 3339 has it, with an offset of less than a day and a year from 0 to 9999; \
                    `git show --no-patch --format=%ct` prints the seconds where the files come from";
        return problems.add(&value.origin, message, hint.to_owned());
    }
    read
}

/// The seconds of 0000-01-01T00:00:00Z, before which RFC 3339 has no time: `date --utc --date 0000-01-01 +%s`.
const YEAR_0: i64 = -62_167_219_200;

/// Reads a time of RFC 3339, section 5.6, and none of the further forms of ISO 8601. A blank may stand for the `T`, as in the
/// output of `date --rfc-3339`.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let text = text.to_ascii_uppercase();
    let form: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let rest = form.strip_prefix("0000-00-00")?;
    let rest = rest.strip_prefix(['T', ' '])?.strip_prefix("00:00:00")?;
    let offset = rest
        .strip_prefix('.')
        .map_or(rest, |fraction| fraction.trim_start_matches('0'));
    let hours = match offset {
        "Z" => 0,
        "+00:00" | "-00:00" => text[text.len() - 5..text.len() - 3].parse().ok()?,
        _ => return None,
    };
    (hours < 24).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 3339, sections 5.6 and 5.8; the seconds are those of `date --utc --date TIME +%s`.
    #[test]
    fn a_time_is_one_of_rfc_3339() {
        for (text, seconds) in [
            ("1985-04-12T23:20:50.52Z", 482_196_050),
            ("1996-12-19T16:39:57-08:00", 851_042_397),
            ("1937-01-01T12:00:27+00:20", -1_041_337_173),
            ("2026-01-31 12:00:00+01:00", 1_769_857_200),
            ("2026-01-31t12:00:00z", 1_769_860_800),
            ("2026-01-31T12:00:00+23:59", 1_769_774_460),
            ("0000-01-01T00:00:00Z", YEAR_0),
        ] {
            let read = rfc3339(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.as_second(), seconds, "{text}");
        }
        for text in [
            "2026-01-31T12:00:00+25:00",
            "2026-01-31T12:00:00-24:00",
            "2026-01-31T12:00:00+01:60",
            "-000001-01-01T00:00:00Z",
            "+002026-01-31T12:00:00Z",
            "2026-01-31T12:00:00+01",
            "2026-01-31T12:00:00Z[UTC]",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00Z",
            "20260131T120000Z",
            "2026-02-30T12:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31",
            "é026-01-31T12:00:00Z",
            "",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
