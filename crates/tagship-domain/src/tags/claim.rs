//! What a rule's tag speaks of: the event that started the run, the commit that is checked out, or neither.

use super::evaluation::Evaluation;
use super::flavor::Flavor;
use super::kind::{RefKind, RuleKind};
use super::order::Order;
use super::rule::TagRule;
use super::variables::Text;
use super::{TagClass, TagContext};
use crate::event::Mismatch;

/// The variables whose values are the event's.
const OF_EVENT: [&str; 5] = [
    "branch",
    "tag",
    "base_ref",
    "is_default_branch",
    "is_not_default_branch",
];

impl TagRule {
    /// Whether the tag hangs on the event's reference or release.
    pub(super) fn is_about_event(&self, flavor: &Flavor, context: &TagContext<'_>) -> bool {
        let reads_event = match &self.kind {
            RuleKind::Ref(_) | RuleKind::Edge { .. } => true,
            RuleKind::Version { value, extract, .. } => {
                value.is_none() && (context.version.is_none() || extract.is_some())
            }
            RuleKind::Match { value, .. } => value.is_none(),
            RuleKind::Raw(_) | RuleKind::Sha { .. } | RuleKind::Schedule { .. } => false,
        };
        reads_event
            || self
                .parts(flavor)
                .chain(&self.enable)
                .any(|text| OF_EVENT.iter().any(|name| text.template.uses(name)))
    }

    /// Whether the tag bears the name of a branch: that which the run is at, or goes to. A version that a rule reads out of
    /// it was asked for.
    pub(super) fn is_about_branch(&self, flavor: &Flavor, context: &TagContext<'_>) -> bool {
        let event = context.event;
        let uses = |name| self.parts(flavor).any(|text| text.template.uses(name));
        let (at_branch, has_base) = (event.git_ref.branch().is_some(), event.base_ref.is_some());
        match &self.kind {
            RuleKind::Version { .. } => false,
            RuleKind::Ref(RefKind::Branch) => at_branch,
            // A version that is the git tag's own may stand before the name.
            RuleKind::Ref(RefKind::Tag) | RuleKind::Match { value: None, .. } => at_branch && uses("branch"),
            _ => at_branch && uses("branch") || has_base && uses("base_ref") && !uses("tag"),
        }
    }

    /// The variables of the tag that are empty in this run, since it is at another kind of reference.
    pub(super) fn empty_variables(
        &self,
        flavor: &Flavor,
        context: &TagContext<'_>,
    ) -> impl Iterator<Item = &'static str> {
        let event = context.event;
        let values = [
            ("branch", event.git_ref.branch()),
            ("tag", event.git_ref.tag()),
            ("base_ref", event.base_ref.as_deref()),
        ];
        let empty = values
            .into_iter()
            .filter(|(name, value)| {
                value.is_none_or(str::is_empty) && self.parts(flavor).any(|text| text.template.uses(name))
            })
            .map(|(name, _)| name);
        empty.collect::<Vec<_>>().into_iter()
    }

    /// Whether the tag holds the commit's id, so that it names this commit and no other.
    pub(super) fn holds_commit(&self, flavor: &Flavor) -> bool {
        matches!(self.kind, RuleKind::Sha { .. }) || self.parts(flavor).any(|text| text.template.uses("sha"))
    }

    /// The templates that the tag is made of.
    fn parts<'a>(&'a self, flavor: &'a Flavor) -> impl Iterator<Item = &'a Text> {
        let value = match &self.kind {
            RuleKind::Raw(value) => Some(value),
            RuleKind::Version { value, .. } | RuleKind::Match { value, .. } => value.as_ref(),
            RuleKind::Ref(_) | RuleKind::Edge { .. } | RuleKind::Sha { .. } | RuleKind::Schedule { .. } => {
                None
            }
        };
        let prefix = self.prefix.as_ref().or(flavor.prefix.text.as_ref());
        let suffix = self.suffix.as_ref().or(flavor.suffix.text.as_ref());
        [value, prefix, suffix].into_iter().flatten()
    }
}

impl Evaluation {
    /// Whether a tag of a version is made of what the event says.
    pub fn has_release_of_event(&self) -> bool {
        self.tags
            .iter()
            .any(|tag| tag.is_about_event && tag.class == TagClass::Release)
    }

    /// Holds every tag that the event gives, since another commit is checked out.
    #[must_use]
    pub fn without_event(mut self, mismatch: &Mismatch) -> Self {
        for tag in self.tags.iter_mut().filter(|tag| tag.is_about_event) {
            tag.class = TagClass::Moving;
            tag.order = Some(Order::Elsewhere(Box::new(mismatch.clone())));
        }
        self
    }
}
