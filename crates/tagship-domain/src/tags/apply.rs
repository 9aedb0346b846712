//! What one rule makes in one run.

mod policy;
mod version;

use super::error::LineError;
use super::kind::{Extract, RefKind, RuleKind};
use super::order::Order;
use super::pattern::Capture;
use super::rule::TagRule;
use super::variables::{Scope, Text};
use super::{TagClass, TagContext};
use crate::facts::CommitId;
use crate::template::Escape;
use crate::untrusted::cleaned;

use version::VersionRule;

/// What a rule makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuleOutcome {
    /// A tag, without prefix and suffix.
    Made {
        body: String,
        /// Absent: what the finished tag looks like decides.
        class: Option<TagClass>,
        stage: LatestClaim,
        /// Where the tag may move, as far as the rule alone says.
        order: Option<Order>,
    },
    /// Nothing.
    Silent(NoTagReason),
}

/// Why a rule makes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoTagReason {
    pub(super) reason: String,
    pub(super) kind: NoTagKind,
}

impl NoTagReason {
    pub(super) fn surprise(reason: String) -> Self {
        Self {
            reason,
            kind: NoTagKind::Surprise,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTagKind {
    /// The run is not of the rule's kind.
    OtherRun,
    /// The git tag that started the run names no version.
    NoVersion,
    /// Anything else, which may surprise.
    Surprise,
}

/// What a tag says about being the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LatestClaim {
    /// Nothing.
    None,
    /// It is of a release.
    Release,
    /// It is of what is not, or not yet, a release.
    PreRelease,
}

/// A text that a rule reads, and whether the rule itself says it word by word.
pub(super) struct RuleText {
    pub(super) text: String,
    pub(super) is_literal: bool,
}

impl TagRule {
    /// What the rule makes.
    pub(super) fn apply(&self, context: &TagContext<'_>) -> Result<RuleOutcome, LineError> {
        let git_ref = &context.event.git_ref;
        let policy = context.mode.policy();
        Ok(match &self.kind {
            RuleKind::Raw(value) => {
                let names_branch = value.template.uses("branch") && git_ref.branch().is_some();
                made(
                    value.fill(context, Escape::Tag)?,
                    None,
                    names_branch.then_some(Order::Commits),
                )
            }
            RuleKind::Sha { is_long } => {
                let digits = if *is_long {
                    context.event.commit.as_ref().map(CommitId::as_str)
                } else {
                    context.short_commit()
                };
                match digits {
                    Some(digits) => made(digits.to_owned(), Some(TagClass::Commit), None),
                    None => silent("the commit is unknown"),
                }
            }
            RuleKind::Schedule { pattern } if context.event.is_schedule() => made(
                pattern.fill_with(context, Escape::Tag, Scope::Schedule, None)?,
                None,
                None,
            ),
            RuleKind::Schedule { .. } => of_other_run(&not_scheduled(context)),
            RuleKind::Edge { branch } => edge(branch.as_deref(), context),
            RuleKind::Ref(RefKind::Branch) => match git_ref.branch() {
                Some(branch) => made(policy.of_reference(branch), None, Some(Order::Commits)),
                None => of_other_run(&format!("{} is not a branch", reference(context))),
            },
            RuleKind::Ref(RefKind::PullRequest) => match git_ref.pull_request() {
                Some(number) => made(policy.of_reference(number), None, None),
                None => of_other_run(&format!("{} is not a pull request", reference(context))),
            },
            RuleKind::Ref(RefKind::Tag) => match git_ref.tag() {
                Some(tag) => RuleOutcome::Made {
                    body: policy.of_reference(tag),
                    class: None,
                    stage: policy.latest_claim(&[tag]),
                    order: None,
                },
                None => of_other_run(&format!("{} is not a tag", reference(context))),
            },
            RuleKind::Match { extract, value } => matching(extract, value.as_ref(), context)?,
            RuleKind::Version {
                scheme,
                pattern,
                value,
                extract,
            } => VersionRule {
                rule: self,
                scheme: *scheme,
                pattern,
                value: value.as_ref(),
                extract: extract.as_ref(),
            }
            .apply(context)?,
        })
    }
}

fn matching(
    extract: &Extract,
    value: Option<&Text>,
    context: &TagContext<'_>,
) -> Result<RuleOutcome, LineError> {
    let Some(subject) = subject(value, context)? else {
        return Ok(of_other_run(&no_source(context)));
    };
    let text = subject.text.as_str();
    let policy = context.mode.policy();
    Ok(match extract.pattern.capture(text, extract.group) {
        Capture::NoMatch => silent(&format!("the pattern does not match `{}`", cleaned(text))),
        Capture::NoGroup => silent(&format!(
            "the pattern matches `{}` without group {}",
            cleaned(text),
            extract.group
        )),
        Capture::Text(found) => RuleOutcome::Made {
            body: policy.of_reference(found),
            class: None,
            stage: policy.latest_claim(&[text, found]),
            order: None,
        },
    })
}

pub(super) fn made(body: String, class: Option<TagClass>, order: Option<Order>) -> RuleOutcome {
    RuleOutcome::Made {
        body,
        class,
        stage: LatestClaim::None,
        order,
    }
}

pub(super) fn silent(reason: &str) -> RuleOutcome {
    silent_of(NoTagKind::Surprise, reason)
}

pub(super) fn of_other_run(reason: &str) -> RuleOutcome {
    silent_of(NoTagKind::OtherRun, reason)
}

pub(super) fn silent_of(kind: NoTagKind, reason: &str) -> RuleOutcome {
    RuleOutcome::Silent(NoTagReason {
        reason: reason.to_owned(),
        kind,
    })
}

/// Returns the value of the rule, else the git tag, else the release's git tag.
pub(super) fn subject(value: Option<&Text>, context: &TagContext<'_>) -> Result<Option<RuleText>, LineError> {
    let policy = context.mode.policy();
    if let Some(value) = value {
        let text = value.fill(context, Escape::None)?;
        let is_literal = value.literal().is_some();
        let is_absent = text.is_empty() && policy.ignores_empty_values();
        return Ok((!is_absent).then_some(RuleText { text, is_literal }));
    }
    let release = context.event.release_tag.as_deref();
    let release = release.filter(|_| policy.reads_release_tag());
    let tag = context.event.git_ref.tag().or(release);
    Ok(tag.map(|tag| RuleText {
        text: tag.to_owned(),
        is_literal: false,
    }))
}

fn edge(branch: Option<&str>, context: &TagContext<'_>) -> RuleOutcome {
    let Some(current) = context.event.git_ref.branch() else {
        return of_other_run(&format!("{} is not a branch", reference(context)));
    };
    match branch.or_else(|| context.default_branch()) {
        Some(branch) if branch == current => made("edge".to_owned(), None, Some(Order::Commits)),
        Some(branch) => of_other_run(&format!(
            "the branch is `{}`, not `{}`",
            cleaned(current),
            cleaned(branch)
        )),
        None => silent("the default branch is unknown; `branch=…` names it"),
    }
}

pub(super) fn no_source(context: &TagContext<'_>) -> String {
    format!("{} is not a tag, and no version is set", reference(context))
}

/// What the run is at, for a message.
pub(super) fn reference(context: &TagContext<'_>) -> String {
    match context.event.git_ref.as_str() {
        "" => "an unknown reference".to_owned(),
        text => format!("`{}`", cleaned(text)),
    }
}

fn not_scheduled(context: &TagContext<'_>) -> String {
    match context.event.name.as_str() {
        "" => "no schedule started the run".to_owned(),
        name => format!("no schedule started the run, but `{}`", cleaned(name)),
    }
}
