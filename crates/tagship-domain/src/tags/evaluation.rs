//! What rules make in one run, as data.

use std::fmt;

use serde::Serialize;

use super::TagClass;
use super::error::TagError;
use super::note::TagNote;
use super::order::Order;
use crate::reference::{InvalidName, Tag};

/// What rules make in one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    /// In the order of their rules' priorities. In the strict mode each once, and each a legal tag.
    pub tags: Vec<MadeTag>,
    /// What became of each rule, in the order of their priorities; `latest` comes last.
    pub explanations: Vec<Explanation>,
    /// What a reader should know.
    pub notes: Vec<TagNote>,
}

/// A tag that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeTag {
    /// The tag.
    pub name: TagText,
    /// What it promises.
    pub class: TagClass,
    /// The rule, as its user wrote it.
    pub rule: String,
    /// What decides where it may move, if anything does.
    pub order: Option<Order>,
    /// Whether it hangs on what the event says, and not on the checkout alone.
    pub is_about_event: bool,
}

/// The text of a tag; in the compatible mode it is not always a legal one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagText {
    /// A tag.
    Legal(Tag),
    /// A text that no registry takes, as the action would print it.
    Illegal {
        /// The text.
        text: String,
        /// What is wrong with it.
        source: InvalidName,
    },
}

impl TagText {
    /// Parses the text.
    pub(super) fn new(text: String) -> Self {
        match Tag::parse(&text) {
            Ok(tag) => Self::Legal(tag),
            Err(source) => Self::Illegal { text, source },
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Legal(tag) => tag.as_str(),
            Self::Illegal { text, .. } => text,
        }
    }

    /// Returns the tag, or why it is none.
    pub fn tag(&self) -> Result<&Tag, &InvalidName> {
        match self {
            Self::Legal(tag) => Ok(tag),
            Self::Illegal { source, .. } => Err(source),
        }
    }
}

impl fmt::Display for TagText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The rule, as its user wrote it.
    pub rule: String,
    /// Its line, from 1; absent for what is no rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The tag that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What the tag promises.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<TagClass>,
    /// Why it made none, or no new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Evaluation {
    /// The version of the image: the first tag.
    pub fn version(&self) -> Option<&str> {
        self.tags.first().map(|tag| tag.name.as_str())
    }

    /// Whether an image is published as a version.
    pub fn has_release(&self) -> bool {
        self.tags.iter().any(|tag| tag.class == TagClass::Release)
    }

    /// Refuses tags of which none is a version's.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn check_version(&self) -> Result<(), TagError> {
        if self.has_release() {
            return Ok(());
        }
        let given: Vec<String> = self
            .notes
            .iter()
            .filter(|note| matches!(note, TagNote::NoVersion { .. }))
            .map(ToString::to_string)
            .collect();
        let mut reasons = if given.is_empty() { self.silent() } else { given };
        if reasons.is_empty() {
            reasons.push("no rule asks for one".to_owned());
        }
        Err(TagError::NoVersion { reasons })
    }

    /// The line of a rule, from 1.
    pub(super) fn line_of(&self, rule: &str) -> usize {
        let explanation = self
            .explanations
            .iter()
            .find(|explanation| explanation.rule == rule);
        explanation.and_then(|explanation| explanation.line).unwrap_or(1)
    }

    /// One sentence for each rule that made no tag.
    pub fn silent(&self) -> Vec<String> {
        self.explanations
            .iter()
            .filter(|explanation| explanation.tag.is_none() && explanation.line.is_some())
            .filter_map(|explanation| {
                let reason = explanation.reason.as_ref()?;
                Some(format!("`{}` made no tag: {reason}", explanation.rule))
            })
            .collect()
    }
}
