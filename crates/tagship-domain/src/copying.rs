//! What happens to a tag when an image is copied from another registry.

use std::fmt;

use serde::Serialize;

use crate::immutability::Mutability;
use crate::reference::{Digest, Tag};
use crate::tags::promises_to_stay;

/// What happens to one tag of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum CopyAction {
    /// It does not exist, and is put.
    Create,
    /// It points to this image already.
    Keep,
    /// It points to another image, and is moved.
    Move {
        /// The image that it leaves.
        from: Digest,
    },
    /// It exists, and what exists is to stay.
    Skip {
        /// The image that has it.
        at: Digest,
    },
    /// It must not move, and points to another image.
    Conflict {
        /// The image that has it.
        at: Digest,
    },
}

impl CopyAction {
    /// Decides what happens to `tag`, which points to `existing` in the target and is to point to `wanted`.
    ///
    /// A version or a commit never leaves its image, whatever the repository's setting; other tags move where the setting
    /// lets them. With `no_clobber` nothing that exists is touched.
    pub fn decide(
        tag: &Tag,
        wanted: Digest,
        existing: Option<Digest>,
        mutability: Option<&Mutability>,
        no_clobber: bool,
    ) -> Self {
        match existing {
            None => Self::Create,
            Some(at) if at == wanted => Self::Keep,
            Some(at) if no_clobber => Self::Skip { at },
            Some(at) if promises_to_stay(tag) || mutability.is_some_and(|setting| setting.protects(tag)) => {
                Self::Conflict { at }
            }
            Some(from) => Self::Move { from },
        }
    }

    /// Returns the action's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep => "keep",
            Self::Move { .. } => "move",
            Self::Skip { .. } => "skip",
            Self::Conflict { .. } => "conflict",
        }
    }

    /// Whether the registry would let the tag, which is created, take the place of what another run puts there meanwhile,
    /// although it is not to: it is then for the run to look, put and look.
    pub fn is_open(self, tag: &Tag, mutability: Option<&Mutability>, no_clobber: bool) -> bool {
        let is_protected = mutability.is_some_and(|setting| setting.protects(tag));
        self == Self::Create && !is_protected && (no_clobber || promises_to_stay(tag))
    }

    /// Whether the tag is put.
    pub const fn is_put(self) -> bool {
        matches!(self, Self::Create | Self::Move { .. })
    }
}

/// All tags of a copy that are taken, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyConflicts {
    /// The target, as a user names it.
    pub target: String,
    /// Each tag with the image that has it; never empty.
    pub tags: Vec<(Tag, Digest)>,
}

impl fmt::Display for CopyConflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (tag, at)) in self.tags.iter().enumerate() {
            let and = if number > 0 { "\n  and " } else { "" };
            write!(
                f,
                "{and}tag `{tag}` in `{}` must not move and already points to {at}",
                self.target
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for CopyConflicts {}

impl crate::error::Diagnose for CopyConflicts {
    fn kind(&self) -> crate::error::FailureKind {
        crate::error::FailureKind::TagConflict
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some("`--no-clobber` leaves every tag that exists where it is".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_commits_stay_and_other_tags_move() {
        let (ours, theirs) = (Digest::of(b"ours"), Digest::of(b"theirs"));
        let decide = |tag: &str, existing, setting: Option<&Mutability>, no_clobber| {
            CopyAction::decide(&Tag::parse(tag).unwrap(), ours, existing, setting, no_clobber).name()
        };
        let commit = "a".repeat(40);
        for (tag, expected) in [
            ("latest", "move"),
            ("1", "move"),
            ("1.2", "move"),
            ("1.2.3", "conflict"),
            ("v1.2.3-rc.1", "conflict"),
            ("sha-0123456", "conflict"),
            (commit.as_str(), "conflict"),
            ("sha-", "move"),
        ] {
            assert_eq!(decide(tag, Some(theirs), None, false), expected, "{tag}");
            assert_eq!(
                decide(tag, Some(theirs), Some(&Mutability::Immutable), false),
                "conflict"
            );
            assert_eq!(decide(tag, Some(theirs), None, true), "skip");
            assert_eq!(
                decide(tag, Some(ours), Some(&Mutability::Immutable), true),
                "keep"
            );
            assert_eq!(decide(tag, None, Some(&Mutability::Immutable), true), "create");
        }
    }
    #[test]
    fn what_a_registry_would_let_move_is_for_the_run_to_look_at() {
        let is_open = |tag: &str, action: CopyAction, setting: Option<&Mutability>, no_clobber| {
            action.is_open(&Tag::parse(tag).unwrap(), setting, no_clobber)
        };
        let create = CopyAction::Create;
        for unprotected in [None, Some(&Mutability::Mutable)] {
            assert!(is_open("1.2.3", create, unprotected, false));
            assert!(!is_open("latest", create, unprotected, false));
            assert!(is_open("latest", create, unprotected, true));
            assert!(!is_open("1.2.3", CopyAction::Keep, unprotected, true));
        }
        assert!(!is_open("1.2.3", create, Some(&Mutability::Immutable), true));
    }
}
