//! What one rule makes in one run.

use super::error::{LineError, LineProblem};
use super::kind::{Extract, RefKind, RuleKind, Scheme};
use super::order::{GitTagForm, Order, VersionLine};
use super::pattern::Capture;
use super::rule::TagRule;
use super::variables::{Scope, Text, ref_tag};
use super::versions::is_prerelease;
use super::{Mode, TagClass, TagContext};
use crate::facts::CommitId;
use crate::template::Escape;
use crate::untrusted::cleaned;

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
struct RuleText {
    text: String,
    is_literal: bool,
}

impl TagRule {
    /// What the rule makes.
    pub(super) fn apply(&self, context: &TagContext<'_>) -> Result<RuleOutcome, LineError> {
        let git_ref = &context.event.git_ref;
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
                Some(branch) => made(sanitised(branch, context), None, Some(Order::Commits)),
                None => of_other_run(&format!("{} is not a branch", reference(context))),
            },
            RuleKind::Ref(RefKind::PullRequest) => match git_ref.pull_request() {
                Some(number) => made(sanitised(number, context), None, None),
                None => of_other_run(&format!("{} is not a pull request", reference(context))),
            },
            RuleKind::Ref(RefKind::Tag) => match git_ref.tag() {
                Some(tag) => RuleOutcome::Made {
                    body: sanitised(tag, context),
                    class: None,
                    stage: stage_of(context, [tag]),
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
            } => self.version(*scheme, pattern, value.as_ref(), extract.as_ref(), context)?,
        })
    }

    fn version(
        &self,
        scheme: Scheme,
        pattern: &Text,
        value: Option<&Text>,
        extract: Option<&Extract>,
        context: &TagContext<'_>,
    ) -> Result<RuleOutcome, LineError> {
        // A version that was computed or given has no more to be cut out.
        let computed = context.version.filter(|_| value.is_none() && extract.is_none());
        let subject = match computed {
            Some(version) => Some(RuleText {
                text: version.to_string(),
                is_literal: false,
            }),
            None => subject(value, context)?,
        };
        let Some(mut subject) = subject else {
            return Ok(of_other_run(&no_source(context)));
        };
        if let Some(silence) = self.cut(
            &mut subject,
            extract,
            value.is_none() && computed.is_none(),
            context,
        )? {
            return Ok(silence);
        }
        if context.mode == Mode::MetadataAction {
            subject.text = subject.text.replace('/', "-");
        }
        let Some(read) = scheme.read(&subject.text, context.mode) else {
            let (found, kind) = (cleaned(&subject.text), scheme.name());
            if subject.is_literal
                && context.mode == Mode::Strict
                && let Some(value) = value
            {
                return Err(value.error(0, LineProblem::NoVersion { found, kind }));
            }
            let silence = if value.is_none() && extract.is_none() {
                NoTagKind::NoVersion
            } else {
                NoTagKind::Surprise
            };
            return Ok(silent_of(silence, &format!("`{found}` is not a {kind} version")));
        };
        let (parts, is_special) = (&read.parts, read.is_special);
        let uses = |name: &str| pattern.template.uses(name);
        let is_whole = uses("version") || uses("raw");
        if context.mode == Mode::Strict {
            if is_special && !is_whole {
                return Ok(silent(&format!(
                    "{} is a pre-release, which moves no short tag",
                    cleaned(&parts.version)
                )));
            }
            let is_bare_zero =
                parts.major == 0 && uses("major") && !is_whole && !uses("minor") && !uses("patch");
            if is_bare_zero && self.enable.is_none() {
                return Ok(silent(&format!(
                    "versions below 1.0.0, such as {}, promise each other nothing; `enable=true` asks for the tag nevertheless",
                    cleaned(&parts.version)
                )));
            }
        }
        let body = if is_special && context.mode == Mode::MetadataAction && !pattern.template.is_only("raw") {
            Escape::Html.apply(&parts.version).into_owned()
        } else {
            pattern.fill_with(context, Escape::Tag, Scope::Version, Some(parts))?
        };
        let is_full = is_whole || is_special || uses("major") && uses("minor") && uses("patch");
        let [before, behind] = pattern.template.affixes();
        let line = VersionLine::of_all(scheme, read, GitTagForm::new(extract, context.tag_prefix))
            .narrowed(["major", "minor", "patch"].map(uses))
            .within(before, behind);
        Ok(RuleOutcome::Made {
            body,
            class: Some(if is_full {
                TagClass::Release
            } else {
                TagClass::Moving
            }),
            stage: if is_special {
                LatestClaim::PreRelease
            } else {
                LatestClaim::Release
            },
            order: Some(Order::Versions(Box::new(line))),
        })
    }

    /// Cuts the version out of a git tag: what stands behind the prefix, or what `match` finds. Gives the outcome where
    /// there is none.
    fn cut(
        &self,
        subject: &mut RuleText,
        extract: Option<&Extract>,
        is_of_event: bool,
        context: &TagContext<'_>,
    ) -> Result<Option<RuleOutcome>, LineError> {
        let Some(extract) = extract else {
            // Other tags are of other images.
            let Some(prefix) = context.tag_prefix.filter(|_| is_of_event) else {
                return Ok(None);
            };
            return Ok(match prefix.rest(&subject.text) {
                Some(rest) => {
                    subject.text = rest.to_owned();
                    None
                }
                None => Some(silent_of(
                    NoTagKind::NoVersion,
                    &format!("`{}` names no version behind `{prefix}`", cleaned(&subject.text)),
                )),
            });
        };
        match extract.pattern.capture(&subject.text, extract.group) {
            Capture::Text(found) => subject.text = found.to_owned(),
            Capture::NoGroup => {
                let reason = format!("it has no group {}", extract.group);
                let problem = LineProblem::Pattern { reason };
                return Err(LineError::new(self.line, extract.column, problem));
            }
            Capture::NoMatch if context.mode == Mode::Strict => {
                let reason = format!("`match` does not match `{}`", cleaned(&subject.text));
                return Ok(Some(silent(&reason)));
            }
            Capture::NoMatch => {}
        }
        Ok(None)
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
    Ok(match extract.pattern.capture(text, extract.group) {
        Capture::NoMatch => silent(&format!("the pattern does not match `{}`", cleaned(text))),
        Capture::NoGroup => silent(&format!(
            "the pattern matches `{}` without group {}",
            cleaned(text),
            extract.group
        )),
        Capture::Text(found) => RuleOutcome::Made {
            body: sanitised(found, context),
            class: None,
            stage: stage_of(context, [text, found]),
            order: None,
        },
    })
}

fn made(body: String, class: Option<TagClass>, order: Option<Order>) -> RuleOutcome {
    RuleOutcome::Made {
        body,
        class,
        stage: LatestClaim::None,
        order,
    }
}

fn silent(reason: &str) -> RuleOutcome {
    silent_of(NoTagKind::Surprise, reason)
}

fn of_other_run(reason: &str) -> RuleOutcome {
    silent_of(NoTagKind::OtherRun, reason)
}

fn silent_of(kind: NoTagKind, reason: &str) -> RuleOutcome {
    RuleOutcome::Silent(NoTagReason {
        reason: reason.to_owned(),
        kind,
    })
}

/// The value of the rule, else the git tag, else the release's git tag.
///
/// A release or a run that somebody starts at a branch names its git tag in the event only: the action that the
/// compatible mode follows does not look there.
fn subject(value: Option<&Text>, context: &TagContext<'_>) -> Result<Option<RuleText>, LineError> {
    if let Some(value) = value {
        let text = value.fill(context, Escape::None)?;
        let is_literal = value.literal().is_some();
        // A variable may well be empty in this run.
        let is_absent = text.is_empty() && context.mode == Mode::Strict;
        return Ok((!is_absent).then_some(RuleText { text, is_literal }));
    }
    let release = context
        .event
        .release_tag
        .as_deref()
        .filter(|_| context.mode == Mode::Strict);
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

fn sanitised(text: &str, context: &TagContext<'_>) -> String {
    match context.mode {
        Mode::Strict => ref_tag(text),
        Mode::MetadataAction => text.to_owned(),
    }
}

/// Whether a git tag is of a release. The action takes every one for a release.
fn stage_of<const N: usize>(context: &TagContext<'_>, texts: [&str; N]) -> LatestClaim {
    if context.mode == Mode::Strict && texts.iter().any(|text| is_prerelease(text)) {
        LatestClaim::PreRelease
    } else {
        LatestClaim::Release
    }
}

fn no_source(context: &TagContext<'_>) -> String {
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
