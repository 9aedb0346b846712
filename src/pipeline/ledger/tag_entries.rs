//! The entries of tags in the report.

use super::Ledger;
use crate::report::{TagOutcome, TagReport, TargetReport, TargetStatus};
use tagship_domain::plan::{HoldReason, TagAction, TargetPlan};
use tagship_domain::reference::{Digest, Tag};
use tagship_domain::tags::DesiredTag;

/// The entries of the tags of one repository.
#[derive(Debug, Clone, Copy)]
pub struct TagEntries<'a> {
    pub(super) ledger: &'a Ledger,
    /// Absent of the first repository.
    pub(super) target: Option<usize>,
}

impl TagEntries<'_> {
    /// A tag points to `digest` now.
    pub fn tag(self, tag: &Tag, outcome: TagOutcome, digest: Digest) {
        self.update(tag, outcome, Some(digest), None);
    }

    /// A tag is held at an image, or out of the registry, for this reason.
    pub fn held(self, tag: &Tag, at: Option<Digest>, reason: &HoldReason) {
        self.update(tag, TagOutcome::Held, at, Some(reason));
    }

    fn update(self, tag: &Tag, outcome: TagOutcome, digest: Option<Digest>, reason: Option<&HoldReason>) {
        let mut entries = self.ledger.entries();
        let report = &mut entries.report;
        let tags = match self.target {
            None => Some(&mut report.tags),
            Some(number) => report.targets.get_mut(number).map(|target| &mut target.tags),
        };
        for known in tags.into_iter().flatten().filter(|known| known.tag == *tag) {
            known.outcome = outcome;
            known.digest = digest;
            known.reason = reason.cloned();
        }
    }
}

/// What is true of a further target before anything is written.
pub(super) fn target_report(plan: &TargetPlan) -> TargetReport {
    let tags = plan.tags.iter();
    TargetReport {
        image: plan.image.clone(),
        status: if plan.is_fulfilled() {
            TargetStatus::AlreadyPublished
        } else {
            TargetStatus::Pending
        },
        bytes: 0,
        tags: tag_reports(tags.map(|planned| (&planned.wanted, &planned.action))),
    }
}

/// What is true of tags before any is put.
pub(super) fn tag_reports<'a>(tags: impl Iterator<Item = (&'a DesiredTag, &'a TagAction)>) -> Vec<TagReport> {
    tags.map(|(wanted, action)| TagReport::planned(wanted, action))
        .collect()
}
