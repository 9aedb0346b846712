//! What is wrong with a policy.

use std::fmt;

use crate::error::cleaned;

/// A text that is no lifecycle policy, with everything that is wrong with it; ECR reports the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", listed(problems))]
pub struct InvalidPolicy {
    /// At least one; problems of form come before those of sense.
    pub problems: Vec<Located>,
}

/// A problem, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The rule's place in the list, from 1; none for the list itself.
    pub rule: Option<usize>,
    /// The names of the properties that lead to what is wrong, from the rule or the whole; none for that itself.
    pub path: Vec<&'static str>,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "rule {rule}: {}", self.problem),
            None => self.problem.fmt(f),
        }
    }
}

impl InvalidPolicy {
    /// The problem that ECR reports, in its words.
    pub fn first(&self) -> String {
        self.problems
            .first()
            .map(|located| located.problem.to_string())
            .unwrap_or_default()
    }
}

fn listed(problems: &[Located]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// What is wrong with a lifecycle policy, in ECR's words as far as they are known.
///
/// The words on form are those of the JSON Schema validator that ECR uses.
/// Source: public reports that quote "Lifecycle policy validation failure: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no JSON object.
    #[error("Could not map policyString into LifecyclePolicy.")]
    NotAnObject,
    /// Properties are missing.
    #[error("object has missing required properties ({})", quoted(.0))]
    Missing(Vec<&'static str>),
    /// Properties stand there that may not.
    #[error("object instance has properties which are not allowed by the schema: ({})", quoted(.0))]
    Unknown(Vec<String>),
    /// A value is of another type.
    #[error("instance type ({found}) does not match any allowed primitive type (allowed: [\"{allowed}\"])")]
    Type {
        /// The type that it has.
        found: &'static str,
        /// The type that it is to have.
        allowed: &'static str,
    },
    /// A text is none of those that may stand there.
    #[error(
        "instance value (\"{}\") not found in enum (possible values: {})",
        cleaned(found),
        quoted(allowed)
    )]
    NotInEnum {
        /// The text.
        found: String,
        /// Those that may stand there.
        allowed: &'static [&'static str],
    },
    /// A number is too small.
    #[error("numeric instance is lower than the required minimum (minimum: {minimum}, found: {found})")]
    TooSmall {
        /// The smallest that may be.
        minimum: i64,
        /// The number.
        found: i64,
    },
    /// A number is too large.
    #[error("numeric instance is greater than the required maximum (maximum: {maximum}, found: {found})")]
    TooLarge {
        /// The largest that may be.
        maximum: i64,
        /// The number.
        found: i64,
    },
    /// A list is empty.
    #[error("array is too short: must have at least 1 elements but instance has 0 elements")]
    EmptyList,
    /// A list is too long.
    #[error("array is too long: must have at most {maximum} elements but instance has {found} elements")]
    TooLong {
        /// The most items that may be.
        maximum: usize,
        /// The items.
        found: usize,
    },
    /// Properties do not go together, such as an action and its storage class.
    #[error("instance failed to match exactly one schema (matched 0 out of {0})")]
    NoSchema(usize),
    /// A tagged rule says nothing of the tags.
    #[error("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.")]
    NoTags,
    /// A rule has both lists.
    #[error("Must specify either tagPrefixList or tagPatternList, but not both.")]
    BothLists,
    /// A rule that is not about tagged images has a list.
    #[error("tagPrefixList and tagPatternList can only be specified when tagStatus=TAGGED.")]
    TagsOfUntagged,
    /// A pattern has too many wildcards.
    #[error("Tag pattern \"{}\" has more than {maximum} wildcards (*).", cleaned(pattern))]
    Wildcards {
        /// The pattern.
        pattern: String,
        /// The most that may be.
        maximum: usize,
    },
    /// Two rules have one priority.
    #[error("Rule priorities must be unique: {0} is used more than once.")]
    SamePriority(u32),
    /// Two rules are about the untagged images of one storage class.
    #[error("Only one rule can select Untagged images per storage class.")]
    SecondUntagged,
    /// A rule about any image is not the last of its storage class.
    #[error("Rule for tagStatus=ANY must have the lowest priority per storage class")]
    AnyNotLast,
    /// Two rules have the same list for one storage class.
    #[error("Tag prefixes and patterns must be unique across the rules of a storage class.")]
    SameTags,
}

fn quoted<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts
        .iter()
        .map(|text| format!("\"{}\"", cleaned(text.as_ref())))
        .collect();
    format!("[{}]", texts.join(","))
}
