//! Which tags of a repository the registry itself protects.

use std::fmt;

use serde::Serialize;

use crate::reference::Tag;

/// A repository's tag mutability, with its exclusion filters.
///
/// Source: ECR API reference, `imageTagMutability` and `imageTagMutabilityExclusionFilters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "setting", content = "filters", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mutability {
    /// Every tag may move.
    Mutable,
    /// No tag may move.
    Immutable,
    /// Only tags that match a filter may move.
    ImmutableWithExclusion(Vec<TagFilter>),
    /// Only tags that match a filter may not move.
    MutableWithExclusion(Vec<TagFilter>),
}

impl Mutability {
    /// Whether the registry refuses to move `tag`.
    pub fn protects(&self, tag: &Tag) -> bool {
        match self {
            Self::Mutable => false,
            Self::Immutable => true,
            Self::ImmutableWithExclusion(filters) => !filters.iter().any(|filter| filter.matches(tag)),
            Self::MutableWithExclusion(filters) => filters.iter().any(|filter| filter.matches(tag)),
        }
    }
}

/// A wildcard over whole tags: `*` stands for zero or more characters.
///
/// At most 128 characters of `[0-9a-zA-Z._*-]` with at most two `*`.
/// Source: ECR API reference, `ImageTagMutabilityExclusionFilter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TagFilter(String);

impl TagFilter {
    /// The most filters that a repository has. Source: ECR API reference, `imageTagMutabilityExclusionFilters`.
    pub const MAX_IN_REPOSITORY: usize = 5;
    /// The most `*` in one filter.
    pub const MAX_WILDCARDS: usize = 2;

    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, InvalidTagFilter> {
        let legal = (1..=128).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'*' | b'-'))
            && text.bytes().filter(|b| *b == b'*').count() <= Self::MAX_WILDCARDS;
        if legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTagFilter)
        }
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole of `tag` matches.
    pub fn matches(&self, tag: &Tag) -> bool {
        matches_wildcard(&self.0, tag.as_str())
    }
}

/// Whether the whole of `text` matches `pattern`, where `*` stands for zero or more characters.
pub(crate) fn matches_wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl fmt::Display for TagFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no tag filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tag filter has 1 to 128 characters of `[0-9a-zA-Z._*-]` with at most two `*`")]
pub struct InvalidTagFilter;

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    #[test]
    fn filters_match_whole_tags() {
        for (filter, matching, other) in [
            ("latest", "latest", "latest-1"),
            ("dev*", "dev", "adev"),
            ("*-rc", "1.0-rc", "1.0-rc1"),
            ("v*-*", "v1-rc", "v1"),
            ("*a*", "bab", "bbb"),
            ("ab*ba", "abba", "aba"),
        ] {
            let filter = TagFilter::parse(filter).unwrap();
            assert!(filter.matches(&tag(matching)), "{filter} {matching}");
            assert!(!filter.matches(&tag(other)), "{filter} {other}");
        }
        assert_eq!(TagFilter::parse("a*b*c*d"), Err(InvalidTagFilter));
        assert_eq!(TagFilter::parse("a+b"), Err(InvalidTagFilter));
        assert_eq!(TagFilter::parse(""), Err(InvalidTagFilter));
    }

    #[test]
    fn each_setting_protects_what_it_says() {
        let latest = vec![TagFilter::parse("latest").unwrap()];
        let (excluded, version) = (tag("latest"), tag("1.2.3"));
        for (setting, protects_excluded, protects_version) in [
            (Mutability::Mutable, false, false),
            (Mutability::Immutable, true, true),
            (Mutability::ImmutableWithExclusion(latest.clone()), false, true),
            (Mutability::MutableWithExclusion(latest), true, false),
        ] {
            assert_eq!(setting.protects(&excluded), protects_excluded, "{setting:?}");
            assert_eq!(setting.protects(&version), protects_version, "{setting:?}");
        }
    }
}
