//! Lifecycle policies: which images of a repository expire, and which are archived.
//!
//! Source: ECR user guide, "Lifecycle policy properties in Amazon ECR" and "Lifecycle policy evaluation rules".

mod consequences;
mod evaluate;
mod parse;
mod problem;
mod schema;
mod wording;

pub use consequences::Consequence;
pub use evaluate::{Effect, Image, Storage};
pub use problem::{InvalidPolicy, Located, Problem};

use crate::immutability::matches_wildcard;

/// A lifecycle policy whose rules hold together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecyclePolicy {
    /// By ascending priority number: the first rule counts most.
    rules: Vec<Rule>,
}

impl LifecyclePolicy {
    /// The rules, the one that counts most first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether a rule looks at when images were pulled last.
    pub fn counts_pulls(&self) -> bool {
        let is_pulled = |rule: &Rule| {
            matches!(
                rule.count,
                Count::OlderThan {
                    since: AgeStart::Pulled,
                    ..
                }
            )
        };
        self.rules.iter().any(is_pulled)
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its number, from 1; a lower one counts more.
    pub priority: u32,
    /// What its author says of it.
    pub description: Option<String>,
    /// Which images it is about, by their tags.
    pub tags: TagSelection,
    /// Which of these it touches.
    pub count: Count,
    /// What happens to them.
    pub action: Action,
}

impl Rule {
    /// The storage class of the images that the rule is about.
    pub fn class(&self) -> Class {
        match self.count {
            Count::OlderThan {
                since: AgeStart::Archived,
                ..
            } => Class::Archive,
            Count::MoreThan(_) | Count::OlderThan { .. } => Class::Standard,
        }
    }
}

/// Images by their tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSelection {
    /// All images.
    Any,
    /// Images without a tag.
    Untagged,
    /// Images that have a tag for every pattern.
    Tagged(Vec<TagPattern>),
}

impl TagSelection {
    /// Whether an image with these tags is selected.
    pub fn includes(&self, tags: &[String]) -> bool {
        match self {
            Self::Any => true,
            Self::Untagged => tags.is_empty(),
            Self::Tagged(patterns) => patterns
                .iter()
                .all(|pattern| tags.iter().any(|tag| pattern.matches(tag))),
        }
    }
}

/// What a tag is like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagPattern {
    /// It begins with this.
    Prefix(String),
    /// The whole tag matches this, where `*` stands for zero or more characters.
    Wildcard(String),
}

impl TagPattern {
    fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Prefix(prefix) => tag.starts_with(prefix),
            Self::Wildcard(pattern) => matches_wildcard(pattern, tag),
        }
    }
}

/// Which of the selected images a rule touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// All but this many of the newest.
    MoreThan(u32),
    /// Those with which this happened longer ago than `days`.
    OlderThan {
        /// What happened.
        since: AgeStart,
        /// Of 24 hours each.
        days: u32,
    },
}

/// What an image's age is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeStart {
    /// It was pushed.
    Pushed,
    /// It was pulled last; restored or pushed, if never since.
    Pulled,
    /// It was archived last.
    Archived,
}

/// What happens to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It is deleted.
    Expire,
    /// It is moved to the archive.
    Archive,
}

/// Where an image's content is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// At hand.
    Standard,
    /// In the archive, which cannot be pulled from.
    Archive,
}

#[cfg(test)]
mod tests;
