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
        None => value.text.parse::<Timestamp>().ok(),
    };
    if read.is_none() {
        let message = format!(
            "`{}` is neither a time such as `2026-01-31T12:00:00Z` nor seconds since 1970",
            cleaned(&value.text)
        );
        let hint = "`git show --no-patch --format=%ct` prints the seconds where the files come from";
        return problems.add(&value.origin, message, hint.to_owned());
    }
    read
}
