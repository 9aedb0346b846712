//! What a rule makes of a version: `type=semver` and `type=pep440`.

use super::{
    LatestClaim, NoTagKind, RuleOutcome, RuleText, no_source, of_other_run, silent, silent_of, subject,
};
use crate::tags::error::{LineError, LineProblem};
use crate::tags::kind::{Extract, Scheme};
use crate::tags::order::{GitTagForm, Order, VersionLine};
use crate::tags::pattern::Capture;
use crate::tags::rule::TagRule;
use crate::tags::variables::{Scope, Text};
use crate::tags::{TagClass, TagContext};
use crate::template::Escape;
use crate::untrusted::cleaned;

/// A rule about versions, with its parts.
pub(in crate::tags) struct VersionRule<'a> {
    pub(super) rule: &'a TagRule,
    pub(super) scheme: Scheme,
    pub(super) pattern: &'a Text,
    pub(super) value: Option<&'a Text>,
    pub(super) extract: Option<&'a Extract>,
}

impl VersionRule<'_> {
    /// Makes the tag of a version:
    ///
    /// 1. finds the text: the version that was given or computed, else the rule's value, else the git tag;
    /// 2. cuts the version out of it, and reads it;
    /// 3. makes none where the mode withholds it;
    /// 4. fills the pattern, and says which other versions the tag is compared with.
    pub(super) fn apply(&self, context: &TagContext<'_>) -> Result<RuleOutcome, LineError> {
        let policy = context.mode.policy();
        // A version that was computed or given has no more to be cut out.
        let computed = context
            .version
            .filter(|_| self.value.is_none() && self.extract.is_none());
        let found = match computed {
            Some(version) => Some(RuleText {
                text: version.to_string(),
                is_literal: false,
            }),
            None => subject(self.value, context)?,
        };
        let Some(mut found) = found else {
            return Ok(of_other_run(&no_source(context)));
        };
        let is_of_event = self.value.is_none() && computed.is_none();
        if let Some(nothing) = self.cut(&mut found, is_of_event, context)? {
            return Ok(nothing);
        }
        found.text = policy.version_text(found.text);
        let Some(version) = self.scheme.read(&found.text, context.mode) else {
            return self.no_version(&found, context);
        };
        if let Some(reason) = policy.withheld(self, &version) {
            return Ok(silent(&reason));
        }
        let (parts, is_special) = (&version.parts, version.is_special);
        let body = if policy.keeps_whole(self, &version) {
            Escape::Html.apply(&parts.version).into_owned()
        } else {
            self.pattern
                .fill_with(context, Escape::Tag, Scope::Version, Some(parts))?
        };
        let class = if self.is_whole() || is_special || self.names_all_numbers() {
            TagClass::Release
        } else {
            TagClass::Moving
        };
        let [before, behind] = self.pattern.template.affixes();
        let form = GitTagForm::new(self.extract, context.tag_prefix);
        let line = VersionLine::of_all(self.scheme, version, form)
            .narrowed(["major", "minor", "patch"].map(|name| self.uses(name)))
            .within(before, behind);
        Ok(RuleOutcome::Made {
            body,
            class: Some(class),
            stage: if is_special {
                LatestClaim::PreRelease
            } else {
                LatestClaim::Release
            },
            order: Some(Order::Versions(Box::new(line))),
        })
    }

    fn uses(&self, name: &str) -> bool {
        self.pattern.template.uses(name)
    }

    /// Whether the whole version stands in the tag.
    pub(super) fn is_whole(&self) -> bool {
        self.uses("version") || self.uses("raw")
    }

    /// Whether the tag has no more of the version than its first number.
    pub(super) fn names_major_alone(&self) -> bool {
        self.uses("major") && !self.is_whole() && !self.uses("minor") && !self.uses("patch")
    }

    fn names_all_numbers(&self) -> bool {
        self.uses("major") && self.uses("minor") && self.uses("patch")
    }

    /// The outcome where the text is no version.
    fn no_version(&self, text: &RuleText, context: &TagContext<'_>) -> Result<RuleOutcome, LineError> {
        let (found, kind) = (cleaned(&text.text), self.scheme.name());
        if let Some(value) = self.value
            && text.is_literal
            && context.mode.policy().refuses_wrong_literals()
        {
            return Err(value.error(0, LineProblem::NoVersion { found, kind }));
        }
        let reason = format!("`{found}` is not a {kind} version");
        Ok(if self.value.is_none() && self.extract.is_none() {
            silent_of(NoTagKind::NoVersion, &reason)
        } else {
            silent(&reason)
        })
    }

    /// Cuts the version out of a git tag: what stands behind the prefix, or what `match` finds. Returns the outcome where
    /// there is none.
    fn cut(
        &self,
        text: &mut RuleText,
        is_of_event: bool,
        context: &TagContext<'_>,
    ) -> Result<Option<RuleOutcome>, LineError> {
        let Some(extract) = self.extract else {
            // Other tags are of other images.
            let Some(prefix) = context.tag_prefix.filter(|_| is_of_event) else {
                return Ok(None);
            };
            return Ok(match prefix.rest(&text.text) {
                Some(rest) => {
                    text.text = rest.to_owned();
                    None
                }
                None => Some(silent_of(
                    NoTagKind::NoVersion,
                    &format!("`{}` names no version behind `{prefix}`", cleaned(&text.text)),
                )),
            });
        };
        match extract.pattern.capture(&text.text, extract.group) {
            Capture::Text(found) => text.text = found.to_owned(),
            Capture::NoGroup => {
                let reason = format!("it has no group {}", extract.group);
                let problem = LineProblem::Pattern { reason };
                return Err(LineError::new(self.rule.line, extract.column, problem));
            }
            Capture::NoMatch if context.mode.policy().needs_match() => {
                let reason = format!("`match` does not match `{}`", cleaned(&text.text));
                return Ok(Some(silent(&reason)));
            }
            Capture::NoMatch => {}
        }
        Ok(None)
    }
}
