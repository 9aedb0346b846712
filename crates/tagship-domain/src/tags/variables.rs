//! The variables of templates: which there are where, and their values.

use std::borrow::Cow;

use jiff::Timestamp;

use super::error::{LineError, LineProblem, listed};
use super::{Mode, TagContext};
use crate::reference::{Digest, Tag};
use crate::template::{self, Escape, Expression, Template, TemplateProblem, Zone, hyphenated};
use crate::untrusted::cleaned;
use crate::version::TagPrefix;

/// A template, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) template: Template,
    line: usize,
    column: usize,
}

/// Where a template stands, which decides what it may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Values, prefixes, suffixes, `enable` and labels.
    Global,
    /// `pattern` of a version.
    Version,
    /// `pattern` of a schedule.
    Schedule,
    /// Values of build arguments.
    Argument,
}

/// The variables whose values are names of references.
const OF_REFERENCES: [&str; 3] = ["branch", "tag", "base_ref"];
const DATES: [&str; 2] = ["date", "commit_date"];

impl Scope {
    /// The variables. Source: `docker/metadata-action`'s documentation, "Global expressions", "type=semver".
    pub(super) const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Global => &[
                "branch",
                "tag",
                "sha",
                "base_ref",
                "is_default_branch",
                "is_not_default_branch",
                "date",
                "commit_date",
            ],
            Self::Version => &["version", "major", "minor", "patch", "raw"],
            Self::Schedule => &DATES,
            Self::Argument => &[
                "version",
                "major",
                "minor",
                "patch",
                "branch",
                "tag",
                "sha",
                "date",
                "commit_date",
            ],
        }
    }

    /// Checks that an expression names a variable and gives it what it takes.
    pub(super) fn check(self, expression: &Expression) -> Result<(), TemplateProblem> {
        check(expression, self)
    }

    /// The value of a variable that does not depend on a version.
    pub(super) fn global_value(
        expression: &Expression,
        context: &TagContext<'_>,
    ) -> Result<String, TemplateProblem> {
        global_value(expression, context)
    }
}

/// A version's parts, as templates name them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parts {
    /// As it was written.
    pub(super) raw: String,
    /// In its own normal form.
    pub(super) version: String,
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    /// Build metadata, with commas between its parts.
    pub(super) build: String,
}

impl Text {
    /// Reads a template that stands at a line and a column, both from 1.
    pub(super) fn parse(source: &str, line: usize, column: usize) -> Result<Self, LineError> {
        let template =
            Template::parse(source).map_err(|error| LineError::of_template(line, column, error))?;
        Ok(Self {
            template,
            line,
            column,
        })
    }

    pub(super) fn error(&self, offset: usize, problem: LineProblem) -> LineError {
        LineError::new(self.line, self.column + offset, problem)
    }

    /// The text, when it is always the same.
    pub(super) fn literal(&self) -> Option<&str> {
        let is_literal = self.template.expressions().next().is_none();
        is_literal.then(|| self.template.source())
    }

    /// Checks that every expression names a variable of `scope` and gives it what it takes.
    pub(super) fn check(&self, scope: Scope) -> Result<(), LineError> {
        for expression in self.template.expressions() {
            check(expression, scope)
                .map_err(|problem| self.error(expression.offset, LineProblem::Template(problem)))?;
        }
        Ok(())
    }

    /// Checks that the text between the expressions may stand in a tag.
    pub(super) fn check_literals(&self) -> Result<(), LineError> {
        for (text, offset) in self.template.literals() {
            let illegal = text
                .chars()
                .position(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')));
            if let Some(index) = illegal {
                let found = text.chars().skip(index).take(1).collect();
                return Err(self.error(offset + index, LineProblem::Character { found }));
            }
        }
        Ok(())
    }

    /// The text, with the global variables filled in.
    pub(super) fn fill(&self, context: &TagContext<'_>, escape: Escape) -> Result<String, LineError> {
        self.fill_with(context, escape, Scope::Global, None)
    }

    /// The text, with the variables of `scope` filled in.
    pub(super) fn fill_with(
        &self,
        context: &TagContext<'_>,
        escape: Escape,
        scope: Scope,
        parts: Option<&Parts>,
    ) -> Result<String, LineError> {
        // What Handlebars escapes is escaped everywhere; what is not part of a tag is else left alone.
        let escape = if context.mode == Mode::MetadataAction {
            Escape::Html
        } else {
            escape
        };
        self.template
            .fill(escape, |expression| {
                let made = value(expression, context, scope, parts)?;
                if escape == Escape::Tag && OF_REFERENCES.contains(&expression.name.as_str()) {
                    return Ok(ref_tag(&made));
                }
                // A format is the user's own text: nothing in it is put right.
                if escape == Escape::Tag
                    && DATES.contains(&expression.name.as_str())
                    && hyphenated(&made) != made
                {
                    let name = expression.name.clone();
                    return Err(TemplateProblem::IllegalDate {
                        name,
                        made: cleaned(&made),
                    });
                }
                Ok(made)
            })
            .map_err(|error| LineError::of_template(self.line, self.column, error))
    }
}

fn check(expression: &Expression, scope: Scope) -> Result<(), TemplateProblem> {
    let name = expression.name.as_str();
    if !scope.variables().contains(&name) {
        return Err(TemplateProblem::UnknownVariable {
            name: cleaned(name),
            known: listed(scope.variables().iter().copied()),
        });
    }
    if DATES.contains(&name) {
        let zone = expression.zone.as_deref().map_or(Ok(Zone::UTC), Zone::named);
        return date_format(expression).and(zone.map(|_| ()).map_err(TemplateProblem::from));
    }
    let is_bare = expression.arguments.is_empty()
        && expression.zone.is_none()
        && expression.unknown_attribute.is_none();
    if is_bare {
        Ok(())
    } else {
        Err(arguments(name, "takes no arguments"))
    }
}

fn arguments(name: &str, expected: &'static str) -> TemplateProblem {
    TemplateProblem::Arguments {
        name: cleaned(name),
        expected,
    }
}

/// The format of a date: its one argument.
fn date_format(expression: &Expression) -> Result<&str, TemplateProblem> {
    match (expression.arguments.as_slice(), &expression.unknown_attribute) {
        ([format], None) => Ok(format),
        _ => Err(arguments(
            &expression.name,
            "takes a format such as `'YYYYMMDD'`, and nothing else but `tz='…'`",
        )),
    }
}

fn value(
    expression: &Expression,
    context: &TagContext<'_>,
    scope: Scope,
    parts: Option<&Parts>,
) -> Result<String, TemplateProblem> {
    let name = expression.name.as_str();
    let known = match (scope, parts) {
        (Scope::Version, Some(parts)) => version_value(name, parts, context.mode),
        _ if scope.variables().contains(&name) => return global_value(expression, context),
        _ => None,
    };
    match known {
        Some(value) => Ok(value),
        // Handlebars leaves out what is unknown, but calls no unknown helper.
        None if context.mode == Mode::MetadataAction && expression.arguments.is_empty() => Ok(String::new()),
        None => Err(TemplateProblem::UnknownVariable {
            name: cleaned(name),
            known: listed(scope.variables().iter().copied()),
        }),
    }
}

fn version_value(name: &str, parts: &Parts, mode: Mode) -> Option<String> {
    Some(match name {
        "version" => parts.version.clone(),
        "raw" => parts.raw.clone(),
        "major" => parts.major.to_string(),
        "minor" => parts.minor.to_string(),
        "patch" => parts.patch.to_string(),
        "build" if mode == Mode::MetadataAction => parts.build.clone(),
        _ => return None,
    })
}

fn global_value(expression: &Expression, context: &TagContext<'_>) -> Result<String, TemplateProblem> {
    let event = context.event;
    let is_default = || {
        let branch = match context.mode {
            Mode::Strict => context.default_branch(),
            // The action asks the event alone.
            Mode::MetadataAction => event.default_branch.as_deref(),
        };
        let is_default = event.is_default_branch(branch);
        if !is_default && branch.is_none() && context.mode == Mode::Strict && event.git_ref.branch().is_some()
        {
            return Err(TemplateProblem::NoValue {
                name: expression.name.clone(),
                reason: "neither the event nor GitHub names the default branch",
            });
        }
        Ok(is_default)
    };
    Ok(match expression.name.as_str() {
        "branch" => event.git_ref.branch().unwrap_or_default().to_owned(),
        "tag" => event.git_ref.tag().unwrap_or_default().to_owned(),
        "sha" => context.short_commit().unwrap_or_default().to_owned(),
        "base_ref" => event.base_ref.clone().unwrap_or_default(),
        "is_default_branch" => is_default()?.to_string(),
        "is_not_default_branch" => (!is_default()?).to_string(),
        "date" => date(expression, context.now, context.mode)?,
        _ => {
            let time = context.committed_at().ok_or_else(|| TemplateProblem::NoValue {
                name: "commit_date".to_owned(),
                reason: "neither the event nor the checkout has the commit's time",
            })?;
            date(expression, time, context.mode)?
        }
    })
}

fn date(expression: &Expression, time: Timestamp, mode: Mode) -> Result<String, TemplateProblem> {
    // What stands without quotes is a variable in Handlebars, and no such variable is known there.
    let format = match mode {
        Mode::MetadataAction if expression.is_bare => None,
        _ => Some(date_format(expression)?),
    };
    let zone = match (
        expression.zone.as_deref().map_or(Ok(Zone::UTC), Zone::named),
        mode,
    ) {
        (Ok(zone), _) => zone,
        (Err(unknown), Mode::Strict) => return Err(unknown.into()),
        // moment.js warns and stays at the machine's zone, which is UTC on GitHub's runners.
        (Err(_), Mode::MetadataAction) => Zone::UTC,
    };
    let time = zone.at(time);
    Ok(match format {
        Some(format) => template::format(&time, format),
        // Source: moment.js, `moment.defaultFormat` and `moment.defaultFormatUtc`.
        None if time.offset().is_zero() => template::format(&time, "YYYY-MM-DDTHH:mm:ss[Z]"),
        None => template::format(&time, "YYYY-MM-DDTHH:mm:ssZ"),
    })
}

/// How many digits of its hash stand behind a name that was changed.
const HASH_DIGITS: usize = 7;

/// The name of a reference, or a part of it, in a form that a tag takes.
///
/// 1. A name that only has `/` in it keeps `-` in their place, and a git tag of a version `_` for its `+`.
/// 2. Of any other that a tag does not take as it is, what is left stands before the first digits of the whole name's
///    hash: two names do not come to one tag, and none comes to nothing.
pub fn ref_tag(name: &str) -> String {
    let kept = name.replace('/', "-");
    let kept = match TagPrefix::default().version(name) {
        Some(_) => Cow::Owned(kept.replace('+', "_")),
        None => Cow::Borrowed(kept.as_str()),
    };
    if name.is_empty() || Tag::parse(&kept).is_ok() {
        return kept.into_owned();
    }
    let hash = Digest::of(name.as_bytes()).hex();
    let hash = hash.get(..HASH_DIGITS).unwrap_or_default();
    let left = Escape::Tag.apply(name);
    let left: String = left
        .trim_start_matches(['-', '.'])
        .chars()
        .take(Tag::MAX_LENGTH - HASH_DIGITS - 1)
        .collect();
    match left.trim_end_matches(['-', '.']) {
        "" => hash.to_owned(),
        left => format!("{left}-{hash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::ref_tag;

    /// Source of the hashes: `printf %s NAME | sha256sum`.
    #[test]
    fn names_that_a_tag_does_not_take_keep_apart() {
        let long = "a".repeat(130);
        for (name, tag) in [
            ("main", "main"),
            ("feature/x", "feature-x"),
            ("v1.2.3+build.5", "v1.2.3_build.5"),
            ("", ""),
            ("feature/login#12", "feature-login-12-adeb655"),
            ("a+b", "a_b-300273d"),
            ("-x", "x-a420962"),
            (".x", "x-bb42e4c"),
            ("로그인", "6d25367"),
            ("feature/로그인", "feature-c050843"),
            ("feature/결제", "feature-83be6e1"),
        ] {
            assert_eq!(ref_tag(name), tag, "{name}");
        }
        let (one, other) = (ref_tag(&long), ref_tag(&format!("{long}b")));
        assert_eq!((one.len(), other.len()), (128, 128));
        assert_ne!(one, other);
    }
}
