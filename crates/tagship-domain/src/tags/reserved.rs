//! Tags whose form is a promise: what names a commit, a version, what refers to an image, or the latest release.

use semver::Version;

use crate::facts::CommitId;
use crate::reference::Tag;
use crate::version::from_git_tag;

/// The fewest digits that name a commit.
const FEWEST_DIGITS: usize = 7;

/// Returns the digits of the commit that a tag names: all 40, or at least seven behind `sha-`.
pub(crate) fn named_commit(tag: &str) -> Option<&str> {
    let digits = match tag.strip_prefix("sha-") {
        Some(digits) if digits.len() >= FEWEST_DIGITS => digits,
        None if tag.len() == 40 => tag,
        _ => return None,
    };
    let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then_some(digits)
}

/// Whether a tag names a full version or a commit. A tag such as `1` or `1.2` is neither.
pub(crate) fn promises_to_stay(tag: &Tag) -> bool {
    named_commit(tag.as_str()).is_some() || named_version(tag).is_some()
}

/// Returns the full version that a tag names; `_` stands for the `+` that no tag can have.
fn named_version(tag: &Tag) -> Option<Version> {
    from_git_tag(&tag.as_str().replacen('_', "+", 1))
}

/// Whether a tag names a commit, and another one than this.
pub(crate) fn names_other_commit(tag: &str, commit: &CommitId) -> bool {
    named_commit(tag).is_some_and(|digits| !commit.as_str().starts_with(digits))
}

/// Whether a tag names a full version, and another one than this.
pub(crate) fn names_other_version(tag: &Tag, version: &Version) -> bool {
    named_version(tag).is_some_and(|named| version.cmp_precedence(&named).is_ne())
}

/// Returns what a tag is for, if it is not for a branch of that name: whoever may push a branch may not release.
///
/// Source of the form of what refers to an image: OCI distribution spec, "Referrers Tag Schema".
pub(super) fn why_not_a_branchs(tag: &str) -> Option<&'static str> {
    if named_commit(tag).is_some() {
        return Some("a commit's");
    }
    if from_git_tag(tag).is_some() {
        return Some("a version's");
    }
    let is_line = |text: &str| {
        let numbers: Vec<&str> = text.split('.').collect();
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        numbers.len() <= 2 && numbers.iter().all(is_number)
    };
    if tag == "latest" || is_line(tag.strip_prefix('v').unwrap_or(tag)) {
        return Some("the latest release's");
    }
    let refers = |rest: &str| {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        digits == 64
    };
    tag.strip_prefix("sha256-")
        .is_some_and(refers)
        .then_some("that of what refers to an image")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_takes_no_tag_that_promises_something() {
        let (commit, digest) = ("a1".repeat(20), "b2".repeat(32));
        for (tag, expected) in [
            (commit.as_str(), Some("a commit's")),
            ("sha-0123456", Some("a commit's")),
            ("sha-0123456789ab", Some("a commit's")),
            ("1.2.3", Some("a version's")),
            ("v2.0.0-rc.1", Some("a version's")),
            ("latest", Some("the latest release's")),
            ("2", Some("the latest release's")),
            ("v2", Some("the latest release's")),
            ("2.0", Some("the latest release's")),
            ("main", None),
            ("latest-debug", None),
            ("sha-012345", None),
            ("sha-0123456-x", None),
            ("sha-ABCDEF0", None),
            ("2.x", None),
            ("1.2.3.4", None),
            ("v", None),
            ("release-2.0", None),
            ("sha256-abc", None),
        ] {
            assert_eq!(why_not_a_branchs(tag), expected, "{tag}");
        }
        for suffix in ["", ".sig", ".att"] {
            let tag = format!("sha256-{digest}{suffix}");
            assert!(why_not_a_branchs(&tag).is_some(), "{tag}");
        }
    }

    #[test]
    fn a_commits_digits_are_found() {
        let commit = "a1".repeat(20);
        assert_eq!(named_commit(&commit), Some(commit.as_str()));
        assert_eq!(named_commit("sha-0123456"), Some("0123456"));
        for other in ["sha-012345", "0123456", "sha-", "sha-012345g", "latest"] {
            assert_eq!(named_commit(other), None, "{other}");
        }
    }
}
