//! Parameters of the query protocol, and the constraints on them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::error::StsError;

/// More members of a list than any list may have.
const MOST_MEMBERS: usize = 100;

/// The parameters of a call.
#[derive(Debug)]
pub(crate) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a form body.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The prefixes of a list's members: `Tags.member.1`, and so on up to the first that is missing.
    fn members(&self, list: &str) -> Vec<String> {
        (1..=MOST_MEMBERS)
            .map(|number| format!("{list}.member.{number}"))
            .take_while(|prefix| {
                self.0
                    .range(prefix.clone()..)
                    .map_while(|(name, _)| name.strip_prefix(prefix.as_str()))
                    .any(|rest| rest.is_empty() || rest.starts_with('.'))
            })
            .collect()
    }
}

/// What a text must be like. Lengths are in characters.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) pattern: Option<Pattern>,
    /// Whether errors leave the value out.
    pub(super) secret: bool,
}

/// Characters that a text may have.
#[derive(Debug)]
pub(super) struct Pattern {
    /// A regular expression, as errors show it.
    shown: &'static str,
    is_legal: fn(char) -> bool,
}

impl Text {
    pub(super) const fn new(min: usize, max: usize, shown: &'static str, is_legal: fn(char) -> bool) -> Self {
        Self {
            min,
            max,
            pattern: Some(Pattern { shown, is_legal }),
            secret: false,
        }
    }
}

/// The longest value that an error repeats, in characters.
const SHOWN: usize = 2048;

/// Parameters while they are checked: the error lists everything that is wrong with them.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    parameters: &'a Parameters,
    problems: Vec<String>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Self {
        Self {
            parameters,
            problems: Vec::new(),
        }
    }

    /// A text that must be there; empty where it is not, which [`Checked::finish`] refuses.
    pub(super) fn required(&mut self, name: &str, shape: &Text) -> &'a str {
        self.optional(name, shape).unwrap_or_else(|| {
            if self.parameters.get(name).is_none() {
                self.problems.push(format!(
                    "Value null at '{}' failed to satisfy constraint: Member must not be null",
                    place(name)
                ));
            }
            ""
        })
    }

    /// A text that may be missing.
    pub(super) fn optional(&mut self, name: &str, shape: &Text) -> Option<&'a str> {
        let value = self.parameters.get(name)?;
        let length = value.chars().count();
        let shown = if shape.secret { None } else { Some(value) };
        if length < shape.min {
            let constraint = format!("Member must have length greater than or equal to {}", shape.min);
            self.refuse(name, shown, &constraint);
        } else if length > shape.max {
            let constraint = format!("Member must have length less than or equal to {}", shape.max);
            self.refuse(name, shown, &constraint);
        }
        if let Some(Pattern {
            shown: pattern,
            is_legal,
        }) = &shape.pattern
            && !value.chars().all(is_legal)
        {
            let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
            self.refuse(name, shown, &constraint);
        }
        Some(value)
    }

    /// A whole number that may be missing.
    pub(super) fn number(&mut self, name: &str, range: &RangeInclusive<u32>) -> Option<u32> {
        let text = self.parameters.get(name)?;
        let Ok(number) = text.parse::<i64>() else {
            self.refuse(name, Some(text), "Member must be a whole number");
            return None;
        };
        if number < i64::from(*range.start()) {
            let constraint = format!(
                "Member must have value greater than or equal to {}",
                range.start()
            );
            self.refuse(name, Some(text), &constraint);
        } else if number > i64::from(*range.end()) {
            let constraint = format!("Member must have value less than or equal to {}", range.end());
            self.refuse(name, Some(text), &constraint);
        }
        u32::try_from(number).ok()
    }

    /// The prefixes of the members of a list of at most `max`.
    pub(super) fn members(&mut self, list: &str, max: usize) -> Vec<String> {
        let members = self.parameters.members(list);
        if members.len() > max {
            let constraint = format!("Member must have length less than or equal to {max}");
            self.refuse(list, None, &constraint);
        }
        members
    }

    /// The refusal of everything that was found.
    pub(super) fn finish(self) -> Result<(), StsError> {
        let count = self.problems.len();
        if count == 0 {
            return Ok(());
        }
        Err(StsError::new(
            "ValidationError",
            format!(
                "{count} validation error{} detected: {}",
                if count == 1 { "" } else { "s" },
                self.problems.join("; ")
            ),
        ))
    }

    fn refuse(&mut self, name: &str, value: Option<&str>, constraint: &str) {
        let shown = value.map_or_else(String::new, |value| {
            let value: String = value.chars().take(SHOWN).collect();
            format!(" '{value}'")
        });
        self.problems.push(format!(
            "Value{shown} at '{}' failed to satisfy constraint: {constraint}",
            place(name)
        ));
    }
}

/// A parameter's name as errors have it, each part with a small first letter: `tags.1.member.key`.
fn place(name: &str) -> String {
    let parts: Vec<String> = name
        .replace(".member.", "\0")
        .split('\0')
        .enumerate()
        .map(|(index, part)| match (index, part.split_once('.')) {
            (0, _) => small(part),
            (_, Some((number, member))) => format!("{number}.member.{}", small(member)),
            (_, None) => format!("{part}.member"),
        })
        .collect();
    parts.join(".")
}

fn small(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(characters)
        .collect()
}
