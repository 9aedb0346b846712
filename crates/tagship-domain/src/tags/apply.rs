//! What one rule makes in one run.

use super::error::{LineError, Problem};
use super::kind::{Extract, Kind, RefKind, Scheme};
use super::order::{GitTagForm, Order, VersionLine};
use super::pattern::Capture;
use super::ref_form::ref_tag;
use super::rule::TagRule;
use super::variables::{Scope, Text};
use super::versions::is_prerelease;
use super::{Given, Mode, TagClass};
use crate::facts::CommitId;
use crate::template::Escape;
use crate::untrusted::cleaned;

/// What a rule makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A tag, without prefix and suffix.
    Made {
        body: String,
        /// Absent: what the finished tag looks like decides.
        class: Option<TagClass>,
        stage: Stage,
        /// Where the tag may move, as far as the rule alone says.
        order: Option<Order>,
    },
    /// Nothing.
    Silent(Silence),
}

/// Why a rule makes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Silence {
    pub(super) reason: String,
    pub(super) kind: SilenceKind,
}

impl Silence {
    pub(super) fn surprise(reason: String) -> Self {
        Self {
            reason,
            kind: SilenceKind::Surprise,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SilenceKind {
    /// The run is not of the rule's kind.
    OtherRun,
    /// The git tag that started the run names no version.
    NoVersion,
    /// Anything else, which may surprise.
    Surprise,
}

/// What a tag says about being the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing.
    None,
    /// It is of a release.
    Release,
    /// It is of what is not, or not yet, a release.
    PreRelease,
}

/// A text that a rule reads, and whether the rule itself says it word by word.
struct Subject {
    text: String,
    is_literal: bool,
}

impl TagRule {
    /// What the rule makes.
    pub(super) fn apply(&self, given: &Given<'_>) -> Result<Outcome, LineError> {
        let git_ref = &given.event.git_ref;
        Ok(match &self.kind {
            Kind::Raw(value) => {
                let names_branch = value.template.uses("branch") && git_ref.branch().is_some();
                made(
                    value.fill(given, Escape::Tag)?,
                    None,
                    names_branch.then_some(Order::Commits),
                )
            }
            Kind::Sha { is_long } => {
                let digits = if *is_long {
                    given.event.commit.as_ref().map(CommitId::as_str)
                } else {
                    given.short_commit()
                };
                match digits {
                    Some(digits) => made(digits.to_owned(), Some(TagClass::Commit), None),
                    None => silent("the commit is unknown"),
                }
            }
            Kind::Schedule { pattern } if given.event.is_schedule() => made(
                pattern.fill_with(given, Escape::Tag, Scope::Schedule, None)?,
                None,
                None,
            ),
            Kind::Schedule { .. } => of_other_run(&not_scheduled(given)),
            Kind::Edge { branch } => edge(branch.as_deref(), given),
            Kind::Ref(RefKind::Branch) => match git_ref.branch() {
                Some(branch) => made(sanitised(branch, given), None, Some(Order::Commits)),
                None => of_other_run(&format!("{} is not a branch", reference(given))),
            },
            Kind::Ref(RefKind::PullRequest) => match git_ref.pull_request() {
                Some(number) => made(sanitised(number, given), None, None),
                None => of_other_run(&format!("{} is not a pull request", reference(given))),
            },
            Kind::Ref(RefKind::Tag) => match git_ref.tag() {
                Some(tag) => Outcome::Made {
                    body: sanitised(tag, given),
                    class: None,
                    stage: stage_of(given, [tag]),
                    order: None,
                },
                None => of_other_run(&format!("{} is not a tag", reference(given))),
            },
            Kind::Match { extract, value } => matching(extract, value.as_ref(), given)?,
            Kind::Version {
                scheme,
                pattern,
                value,
                extract,
            } => self.version(*scheme, pattern, value.as_ref(), extract.as_ref(), given)?,
        })
    }

    fn version(
        &self,
        scheme: Scheme,
        pattern: &Text,
        value: Option<&Text>,
        extract: Option<&Extract>,
        given: &Given<'_>,
    ) -> Result<Outcome, LineError> {
        // A version that was computed or given has no more to be cut out.
        let computed = given.version.filter(|_| value.is_none() && extract.is_none());
        let subject = match computed {
            Some(version) => Some(Subject {
                text: version.to_string(),
                is_literal: false,
            }),
            None => subject(value, given)?,
        };
        let Some(mut subject) = subject else {
            return Ok(of_other_run(&no_source(given)));
        };
        if let Some(silence) = self.cut(
            &mut subject,
            extract,
            value.is_none() && computed.is_none(),
            given,
        )? {
            return Ok(silence);
        }
        if given.mode == Mode::MetadataAction {
            subject.text = subject.text.replace('/', "-");
        }
        let Some(read) = scheme.read(&subject.text, given.mode) else {
            let (found, kind) = (cleaned(&subject.text), scheme.name());
            if subject.is_literal
                && given.mode == Mode::Strict
                && let Some(value) = value
            {
                return Err(value.error(0, Problem::NoVersion { found, kind }));
            }
            let silence = if value.is_none() && extract.is_none() {
                SilenceKind::NoVersion
            } else {
                SilenceKind::Surprise
            };
            return Ok(silent_of(silence, &format!("`{found}` is not a {kind} version")));
        };
        let (parts, is_special) = (&read.parts, read.is_special);
        let uses = |name: &str| pattern.template.uses(name);
        let is_whole = uses("version") || uses("raw");
        if given.mode == Mode::Strict {
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
        let body = if is_special && given.mode == Mode::MetadataAction && !pattern.template.is_only("raw") {
            Escape::Html.apply(&parts.version).into_owned()
        } else {
            pattern.fill_with(given, Escape::Tag, Scope::Version, Some(parts))?
        };
        let is_full = is_whole || is_special || uses("major") && uses("minor") && uses("patch");
        let [before, behind] = pattern.template.affixes();
        let line = VersionLine::of_all(scheme, read, GitTagForm::new(extract, given.tag_prefix))
            .narrowed(["major", "minor", "patch"].map(uses))
            .within(before, behind);
        Ok(Outcome::Made {
            body,
            class: Some(if is_full {
                TagClass::Release
            } else {
                TagClass::Moving
            }),
            stage: if is_special {
                Stage::PreRelease
            } else {
                Stage::Release
            },
            order: Some(Order::Versions(Box::new(line))),
        })
    }

    /// Cuts the version out of a git tag: what stands behind the prefix, or what `match` finds. Gives the outcome where
    /// there is none.
    fn cut(
        &self,
        subject: &mut Subject,
        extract: Option<&Extract>,
        is_of_event: bool,
        given: &Given<'_>,
    ) -> Result<Option<Outcome>, LineError> {
        let Some(extract) = extract else {
            // Other tags are of other images.
            let Some(prefix) = given.tag_prefix.filter(|_| is_of_event) else {
                return Ok(None);
            };
            return Ok(match prefix.rest(&subject.text) {
                Some(rest) => {
                    subject.text = rest.to_owned();
                    None
                }
                None => Some(silent_of(
                    SilenceKind::NoVersion,
                    &format!("`{}` names no version behind `{prefix}`", cleaned(&subject.text)),
                )),
            });
        };
        match extract.pattern.capture(&subject.text, extract.group) {
            Capture::Text(found) => subject.text = found.to_owned(),
            Capture::NoGroup => {
                let reason = format!("it has no group {}", extract.group);
                let problem = Problem::Pattern { reason };
                return Err(LineError::new(self.line, extract.column, problem));
            }
            Capture::NoMatch if given.mode == Mode::Strict => {
                let reason = format!("`match` does not match `{}`", cleaned(&subject.text));
                return Ok(Some(silent(&reason)));
            }
            Capture::NoMatch => {}
        }
        Ok(None)
    }
}

fn matching(extract: &Extract, value: Option<&Text>, given: &Given<'_>) -> Result<Outcome, LineError> {
    let Some(subject) = subject(value, given)? else {
        return Ok(of_other_run(&no_source(given)));
    };
    let text = subject.text.as_str();
    Ok(match extract.pattern.capture(text, extract.group) {
        Capture::NoMatch => silent(&format!("the pattern does not match `{}`", cleaned(text))),
        Capture::NoGroup => silent(&format!(
            "the pattern matches `{}` without group {}",
            cleaned(text),
            extract.group
        )),
        Capture::Text(found) => Outcome::Made {
            body: sanitised(found, given),
            class: None,
            stage: stage_of(given, [text, found]),
            order: None,
        },
    })
}

fn made(body: String, class: Option<TagClass>, order: Option<Order>) -> Outcome {
    Outcome::Made {
        body,
        class,
        stage: Stage::None,
        order,
    }
}

fn silent(reason: &str) -> Outcome {
    silent_of(SilenceKind::Surprise, reason)
}

fn of_other_run(reason: &str) -> Outcome {
    silent_of(SilenceKind::OtherRun, reason)
}

fn silent_of(kind: SilenceKind, reason: &str) -> Outcome {
    Outcome::Silent(Silence {
        reason: reason.to_owned(),
        kind,
    })
}

/// The value of the rule, else the git tag, else the release's git tag.
///
/// A release or a run that somebody starts at a branch names its git tag in the event only: the action that the
/// compatible mode follows does not look there.
fn subject(value: Option<&Text>, given: &Given<'_>) -> Result<Option<Subject>, LineError> {
    if let Some(value) = value {
        let text = value.fill(given, Escape::None)?;
        let is_literal = value.literal().is_some();
        // A variable may well be empty in this run.
        let is_absent = text.is_empty() && given.mode == Mode::Strict;
        return Ok((!is_absent).then_some(Subject { text, is_literal }));
    }
    let release = given
        .event
        .release_tag
        .as_deref()
        .filter(|_| given.mode == Mode::Strict);
    let tag = given.event.git_ref.tag().or(release);
    Ok(tag.map(|tag| Subject {
        text: tag.to_owned(),
        is_literal: false,
    }))
}

fn edge(branch: Option<&str>, given: &Given<'_>) -> Outcome {
    let Some(current) = given.event.git_ref.branch() else {
        return of_other_run(&format!("{} is not a branch", reference(given)));
    };
    match branch.or_else(|| given.default_branch()) {
        Some(branch) if branch == current => made("edge".to_owned(), None, Some(Order::Commits)),
        Some(branch) => of_other_run(&format!(
            "the branch is `{}`, not `{}`",
            cleaned(current),
            cleaned(branch)
        )),
        None => silent("the default branch is unknown; `branch=…` names it"),
    }
}

fn sanitised(text: &str, given: &Given<'_>) -> String {
    match given.mode {
        Mode::Strict => ref_tag(text),
        Mode::MetadataAction => text.to_owned(),
    }
}

/// Whether a git tag is of a release. The action takes every one for a release.
fn stage_of<const N: usize>(given: &Given<'_>, texts: [&str; N]) -> Stage {
    if given.mode == Mode::Strict && texts.iter().any(|text| is_prerelease(text)) {
        Stage::PreRelease
    } else {
        Stage::Release
    }
}

fn no_source(given: &Given<'_>) -> String {
    format!("{} is not a tag, and no version is set", reference(given))
}

/// What the run is at, for a message.
pub(super) fn reference(given: &Given<'_>) -> String {
    match given.event.git_ref.as_str() {
        "" => "an unknown reference".to_owned(),
        text => format!("`{}`", cleaned(text)),
    }
}

fn not_scheduled(given: &Given<'_>) -> String {
    match given.event.name.as_str() {
        "" => "no schedule started the run".to_owned(),
        name => format!("no schedule started the run, but `{}`", cleaned(name)),
    }
}
