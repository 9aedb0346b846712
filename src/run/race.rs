//! Races for a version: of two runs that count to the same one, the later counts again.

use semver::Version;

use super::RunError;
use super::context::RunContext;
use crate::pipeline::{Ledger, PipelineError};
use crate::report::{ReleaseReport, Report, TagReport};
use tagship_domain::bump::VersionTag;
use tagship_domain::facts::CommitId;

/// How often a version is counted again.
pub(super) const MOST_COUNTS: usize = 3;

/// Returns the version that another run took before this one had published anything under it.
pub(super) fn lost_version(
    context: &RunContext<'_>,
    error: &RunError,
    ledger: &Ledger,
) -> Option<VersionTag> {
    let (version, name) = context.counted()?;
    let commit = overtaken_by(&version, error, &ledger.report())?;
    context.give_back();
    Some(VersionTag {
        name,
        version,
        commit,
    })
}

/// Returns the commit that another run published under `version`, or put its git tag on, where that ended this run before it
/// published anything itself.
fn overtaken_by(version: &Version, error: &RunError, report: &Report) -> Option<CommitId> {
    let elsewhere = report.targets.iter().flat_map(|target| &target.tags);
    let has_put = elsewhere.chain(&report.tags).any(TagReport::is_put);
    if has_put || report.release.as_ref().is_some_and(ReleaseReport::is_written) {
        return None;
    }
    match error {
        RunError::Pipeline(PipelineError::Conflict(conflicts)) => conflicts.taken_by(version),
        RunError::Pipeline(PipelineError::Release(conflict)) => Some(conflict.existing.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tagship_domain::reference::Tag;
    use tagship_domain::release::ReleaseConflict;
    use tagship_domain::tags::TagClass;

    use super::*;
    use crate::report::TagOutcome;

    fn commit(digit: &str) -> CommitId {
        CommitId::parse(&digit.repeat(40)).unwrap()
    }

    #[test]
    fn a_version_is_given_up_only_before_anything_is_published_under_it() {
        let version = Version::new(1, 2, 0);
        let conflict = ReleaseConflict {
            tag: "v1.2.0".to_owned(),
            existing: commit("a"),
            commit: commit("b"),
        };
        let error = RunError::from(PipelineError::from(conflict));
        let tag = |outcome| TagReport {
            tag: Tag::parse("1.2.0").unwrap(),
            class: TagClass::Release,
            outcome,
            digest: None,
            reason: None,
        };
        for (outcome, given_up) in [
            (TagOutcome::Pending, true),
            (TagOutcome::Kept, true),
            (TagOutcome::Created, false),
            (TagOutcome::Moved, false),
        ] {
            let report = Report {
                tags: vec![tag(outcome)],
                ..Report::default()
            };
            let taker = overtaken_by(&version, &error, &report);
            assert_eq!(taker, given_up.then(|| commit("a")), "{outcome:?}");
        }
        let other = RunError::NoForge;
        assert_eq!(overtaken_by(&version, &other, &Report::default()), None);
    }
}
