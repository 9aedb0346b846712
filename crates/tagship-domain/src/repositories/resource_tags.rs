//! Tags of a repository itself.

use serde::Serialize;

use super::Pairs;
use crate::untrusted::cleaned;

/// The most tags of a resource, and the most characters of a key and a value.
/// Source: ECR user guide, "Tagging a private repository", "Tag restrictions".
const MAX_TAGS: usize = 50;
const MAX_KEY: usize = 128;
const MAX_VALUE: usize = 256;

/// Tags of a repository itself, each with a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ResourceTags(Pairs);

/// What is wrong with a tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResourceTag {
    /// The key is one of AWS's own.
    #[error("tag keys that begin with `aws:` are reserved")]
    Reserved,
    /// The key has another form.
    #[error("`{}` is no tag key: it has 1 to 128 letters, digits, blanks and `+-=._:/@`", cleaned(.0))]
    Key(String),
    /// The value has another form.
    #[error("the value of tag `{}` has more than 256 characters, or others than letters, digits, blanks and `+-=._:/@`", cleaned(.0))]
    Value(String),
    /// The key is there already.
    #[error("tag `{}` is given twice", cleaned(.0))]
    Twice(String),
    /// There are too many.
    #[error("a repository has at most {MAX_TAGS} tags")]
    TooMany,
}

impl ResourceTags {
    /// Takes what the registry says.
    pub fn of_registry(tags: Pairs) -> Self {
        Self(tags)
    }

    /// Adds a tag.
    pub fn add(&mut self, key: &str, value: &str) -> Result<(), InvalidResourceTag> {
        let is_reserved = key
            .get(..4)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
        if is_reserved {
            return Err(InvalidResourceTag::Reserved);
        }
        let is_key = (1..=MAX_KEY).contains(&key.chars().count()) && key.chars().all(is_legal);
        if !is_key {
            return Err(InvalidResourceTag::Key(key.to_owned()));
        }
        if value.chars().count() > MAX_VALUE || !value.chars().all(is_legal) {
            return Err(InvalidResourceTag::Value(key.to_owned()));
        }
        if self.0.contains_key(key) {
            return Err(InvalidResourceTag::Twice(key.to_owned()));
        }
        if self.0.len() == MAX_TAGS {
            return Err(InvalidResourceTag::TooMany);
        }
        self.0.insert(key.to_owned(), value.to_owned());
        Ok(())
    }

    /// Returns these tags, and those of `base` whose keys are not among them.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let mut tags = base.0.clone();
        tags.extend(self.0.clone());
        Self(tags)
    }

    /// Returns the tags.
    pub fn pairs(&self) -> &Pairs {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_legal(character: char) -> bool {
    character.is_alphanumeric() || character == ' ' || "+-=._:/@".contains(character)
}
