//! The names of branches, git tags and pull requests as parts of tags.

use std::borrow::Cow;

use crate::reference::{Digest, Tag};
use crate::template::Escape;
use crate::version::TagPrefix;

/// How many digits of its hash stand behind a name that was changed.
const HASH_DIGITS: usize = 7;

/// The name of a reference, or a part of it, in a form that a tag takes.
///
/// 1. A name that only has `/` in it keeps `-` in their place, and a git tag of a version `_` for its `+`.
/// 2. Of any other that a tag does not take as it is, what is left stands before the first digits of the whole name's
///    hash: two names do not come to one tag, and none comes to nothing.
pub(super) fn ref_tag(name: &str) -> String {
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
