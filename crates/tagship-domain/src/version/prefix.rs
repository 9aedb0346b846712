//! What stands before the version in git tags.

use std::fmt;
use std::str::FromStr;

use semver::Version;

use super::from_git_tag;
use crate::untrusted::cleaned;

/// What stands before the version in the names of git tags, such as `v` or `app/v`.
///
/// The default is `v`, and tags without it are read too, as they are everywhere. A prefix that was given
/// has to be there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagPrefix(Option<String>);

/// A text cannot stand before a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tag prefix `{prefix}` {problem}")]
pub struct InvalidTagPrefix {
    prefix: String,
    problem: &'static str,
}

impl TagPrefix {
    /// Reads a prefix, which may be empty. Source: git, `check-ref-format`; at most 200 bytes.
    pub fn parse(text: &str) -> Result<Self, InvalidTagPrefix> {
        let wrong = |problem| {
            Err(InvalidTagPrefix {
                prefix: cleaned(text),
                problem,
            })
        };
        let is_forbidden = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
        if text.len() > 200 {
            return wrong("is longer than 200 bytes");
        }
        if text.contains(is_forbidden) || text.contains("..") || text.contains("@{") || text.starts_with('-')
        {
            return wrong("cannot stand in the name of a git tag");
        }
        let mut folders = text.split('/').rev();
        let last = folders.next().unwrap_or_default();
        if last.starts_with('.') || folders.any(|folder| folder.is_empty() || is_hidden_or_lock(folder)) {
            return wrong("cannot stand in the name of a git tag");
        }
        if text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
            return wrong("runs into the version: end it with a letter, `-` or `/`");
        }
        Ok(Self(Some(text.to_owned())))
    }

    /// The version that a git tag names: strict semver behind the prefix.
    pub fn version(&self, tag: &str) -> Option<Version> {
        match &self.0 {
            None => from_git_tag(tag),
            Some(prefix) => Version::parse(tag.strip_prefix(prefix.as_str())?).ok(),
        }
    }

    /// The prefix, where one was given.
    pub fn given(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// What stands behind the prefix in a git tag that may name a version, be it semver or Python's.
    pub fn rest<'a>(&self, tag: &'a str) -> Option<&'a str> {
        match &self.0 {
            None => Some(tag),
            Some(prefix) => tag
                .strip_prefix(prefix.as_str())
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())),
        }
    }

    /// The git tag of a version, in the form of an earlier tag: where `1.2.3` was a tag, `1.3.0` is the next.
    pub fn tag(&self, version: &Version, earlier: Option<&str>) -> String {
        let prefix = match (&self.0, earlier) {
            (Some(prefix), _) => prefix,
            (None, Some(earlier)) if !earlier.starts_with('v') => "",
            (None, _) => "v",
        };
        format!("{prefix}{version}")
    }
}

fn is_hidden_or_lock(folder: &str) -> bool {
    folder.starts_with('.') || folder.strip_suffix(".lock").is_some()
}

impl FromStr for TagPrefix {
    type Err = InvalidTagPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for TagPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("v"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(prefix: &TagPrefix, tag: &str) -> Option<String> {
        prefix.version(tag).map(|version| version.to_string())
    }

    #[test]
    fn a_given_prefix_has_to_be_there_and_v_need_not() {
        let default = TagPrefix::default();
        assert_eq!(read(&default, "v1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(read(&default, "1.2.3-rc.1").as_deref(), Some("1.2.3-rc.1"));
        assert_eq!(read(&default, "app/v1.2.3"), None);
        for (prefix, its, not) in [
            ("app/v", "app/v1.2.3", "v1.2.3"),
            ("v", "v1.2.3", "1.2.3"),
            ("", "1.2.3", "v1.2.3"),
            ("web-", "web-1.2.3", "web-v1.2.3"),
        ] {
            let prefix = TagPrefix::parse(prefix).unwrap();
            assert_eq!(read(&prefix, its).as_deref(), Some("1.2.3"));
            assert_eq!(read(&prefix, not), None);
            assert_eq!(prefix.tag(&Version::new(1, 2, 3), Some("1.0.0")), its);
        }
    }

    #[test]
    fn without_a_prefix_tags_keep_their_form() {
        let tag = |earlier| TagPrefix::default().tag(&Version::new(1, 2, 3), earlier);
        assert_eq!(tag(None), "v1.2.3");
        assert_eq!(tag(Some("v1.2.2")), "v1.2.3");
        assert_eq!(tag(Some("1.2.2")), "1.2.3");
    }

    /// Source: `git check-ref-format refs/tags/<prefix>1.0.0` refuses each but the last three; `git tag` takes no `-`
    /// in front.
    #[test]
    fn prefixes_that_no_tag_can_have_are_refused() {
        for prefix in [
            "a b", "a~", "a^", "a:", "a?", "a*", "a[", "a\\", "a..b/", "a@{b", "/v", "a//v", ".a/v", "a/.v",
            "a.lock/v", "a\u{7f}", "-v", "app-2", "1.",
        ] {
            assert!(TagPrefix::parse(prefix).is_err(), "{prefix}");
        }
        assert!(TagPrefix::parse(&"a".repeat(201)).is_err());
    }
}
