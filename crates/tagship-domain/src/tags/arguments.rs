//! Variables in the values of build arguments.

use std::borrow::Cow;
use std::collections::BTreeMap;

use semver::Version;

use super::variables::Scope;
use super::{Mode, TagContext};
use crate::build::BuildArgs;
use crate::error::{Diagnose, FailureKind};
use crate::facts::DIRTY_SUFFIX;
use crate::template::{Escape, Template, TemplateError};
use crate::untrusted::cleaned;

/// Build arguments with their variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledArguments {
    /// The arguments.
    pub arguments: BuildArgs,
    /// The names of those that hold braces which are no variable, and that are left as they are.
    pub left: Vec<String>,
}

/// Why a variable cannot be filled into a build argument. The value is not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("build argument `{}`: {source}", cleaned(name))]
pub struct ArgumentError {
    name: String,
    source: TemplateError,
}

impl Diagnose for ArgumentError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some("write variables as `{{version}}`, `{{sha}}` or `{{commit_date 'YYYY-MM-DD'}}` (docs/building.md)".into())
    }
}

impl FilledArguments {
    /// Fills variables into the values of `arguments`.
    ///
    /// `{{version}}` is the commit's `version`; where it has none, `sha-` and the first digits of the commit. The rules are
    /// those of the strict mode, whatever the mode of the tags. A value that is no template, or that names what is no
    /// variable, is another language's, and is left alone.
    pub fn of(
        arguments: &BuildArgs,
        version: Option<&Version>,
        context: &TagContext<'_>,
    ) -> Result<Self, ArgumentError> {
        let context = TagContext {
            mode: Mode::Strict,
            ..*context
        };
        let mut left = Vec::new();
        let mut filled = BTreeMap::new();
        for (name, value) in arguments.iter() {
            let made = if let Some(template) = template(value) {
                fill(&template, version, &context).map_err(|source| ArgumentError {
                    name: name.to_owned(),
                    source,
                })?
            } else {
                left.extend(value.contains("{{").then(|| name.to_owned()));
                value.to_owned()
            };
            filled.insert(name.to_owned(), made);
        }
        Ok(Self {
            arguments: BuildArgs::new(filled),
            left,
        })
    }
}

/// The value as a template, if it names variables alone.
fn template(value: &str) -> Option<Template> {
    let template = value.contains("{{").then(|| Template::parse(value).ok())??;
    let is_known = |name: &str| Scope::Argument.variables().contains(&name);
    let is_ours = template
        .expressions()
        .all(|expression| is_known(&expression.name));
    is_ours.then_some(template)
}

fn fill(
    template: &Template,
    version: Option<&Version>,
    context: &TagContext<'_>,
) -> Result<String, TemplateError> {
    let dirty = if context.is_dirty { DIRTY_SUFFIX } else { "" };
    let commit = || {
        context
            .event
            .commit
            .as_ref()
            .map(|commit| format!("sha-{}", commit.short()))
    };
    let part = |part: fn(&Version) -> u64| version.map(|version| part(version).to_string());
    template.fill(Escape::None, |expression| {
        Scope::Argument.check(expression)?;
        Ok(match expression.name.as_str() {
            "version" => {
                let name = version.map(Version::to_string).or_else(commit);
                format!("{}{dirty}", name.unwrap_or_default())
            }
            "major" => part(|version| version.major).unwrap_or_default(),
            "minor" => part(|version| version.minor).unwrap_or_default(),
            "patch" => part(|version| version.patch).unwrap_or_default(),
            _ => Scope::global_value(expression, context)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, RepositoryInfo};
    use crate::facts::CommitId;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn filled(value: &str, version: Option<&str>, is_dirty: bool) -> Result<(String, bool), ArgumentError> {
        let event = Event::of_checkout(Some("main"), None, CommitId::parse(COMMIT).unwrap());
        let context = TagContext {
            mode: Mode::MetadataAction,
            event: &event,
            repository: &RepositoryInfo::default(),
            version: None,
            tag_prefix: None,
            now: jiff::Timestamp::UNIX_EPOCH,
            committed_at: Some("2026-02-03T04:05:06Z".parse().unwrap()),
            short_digits: None,
            is_dirty,
        };
        let arguments = BuildArgs::new(BTreeMap::from([("ARG".to_owned(), value.to_owned())]));
        let version = version.map(|version| Version::parse(version).unwrap());
        let made = FilledArguments::of(&arguments, version.as_ref(), &context)?;
        let value = made.arguments.iter().next().unwrap().1.to_owned();
        Ok((value, !made.left.is_empty()))
    }

    #[test]
    fn a_program_learns_its_version() {
        for (value, version, is_dirty, expected) in [
            ("{{version}}", Some("1.4.0-rc.1+b5"), false, "1.4.0-rc.1+b5"),
            ("v{{ version }}", Some("1.4.0"), true, "v1.4.0-dirty"),
            ("{{version}}", None, false, "sha-0123456789ab"),
            ("{{major}}.{{minor}}.{{patch}}", Some("1.4.0"), false, "1.4.0"),
            ("<{{major}}>", None, false, "<>"),
            (
                "{{branch}} of {{commit_date 'YYYY-MM-DD'}}",
                None,
                false,
                "main of 2026-02-03",
            ),
            ("plain", None, false, "plain"),
        ] {
            assert_eq!(
                filled(value, version, is_dirty),
                Ok((expected.to_owned(), false)),
                "{value}"
            );
        }
    }

    #[test]
    fn braces_of_other_languages_are_left_and_named() {
        for value in [
            "{{.Name}}",
            "{{",
            "{{version}} {{ .Values.x }}",
            "{{versoin}}",
            "{{#if a}}b{{/if}}",
            "{{is_default_branch}}",
        ] {
            assert_eq!(filled(value, Some("1.0.0"), false), Ok((value.to_owned(), true)));
        }
        let error = filled("secret {{version 'x'}}", Some("1.0.0"), false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "build argument `ARG`: `version` takes no arguments"
        );
        assert!(filled("{{date}}", None, false).is_err());
    }
}
