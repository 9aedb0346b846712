//! What happens to a tag when an image is copied from another registry.

use std::fmt;

use serde::Serialize;

use crate::facts::{ImageFacts, Revision};
use crate::immutability::Mutability;
use crate::plan::{HoldReason, Note};
use crate::reference::{Digest, Tag};
use crate::tags::{names_other_commit, promises_to_stay};

/// What happens to one tag of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// It must not point to the image.
    #[serde(skip)]
    Conflict(CopyObstacle),
}

/// Why a tag must not point to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyObstacle {
    /// It must not move, and points to another image.
    Taken {
        /// The image that has it.
        at: Digest,
    },
    /// It points to an image that it must not leave for this one.
    SetBack {
        /// The image that has it.
        at: Digest,
        /// Why it stays there.
        reason: HoldReason,
    },
    /// It names another commit than the image does.
    OtherCommit {
        /// The commit of the image.
        ours: Revision,
        /// The image, where it is one of an index whose images are of different commits.
        part: Option<Digest>,
    },
}

impl CopyObstacle {
    /// Returns the obstacle where a tag names another commit than the image says that it is of, or than one image of an index
    /// says.
    pub fn of_other_commit(tag: &Tag, image: &ImageFacts) -> Option<Self> {
        let of_whole = image.revision.iter().map(|said| (None, said));
        let of_parts = image.revisions.iter().map(|(digest, said)| (Some(*digest), said));
        of_whole.chain(of_parts).find_map(|(part, said)| {
            let ours = Revision::of_label(said)?;
            names_other_commit(tag.as_str(), &ours.commit).then_some(Self::OtherCommit { ours, part })
        })
    }
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
                Self::Conflict(CopyObstacle::Taken { at })
            }
            Some(from) => Self::Move { from },
        }
    }

    /// Refuses to move a tag from a greater version to a smaller one, as the labels of both images say them.
    #[must_use]
    pub fn without_set_back(self, ours: &ImageFacts, theirs: &ImageFacts) -> Self {
        let reason = HoldReason::of_greater_version(ours.version.as_ref(), theirs.version.as_ref());
        match (self, reason) {
            (Self::Move { from: at }, Some(reason)) => Self::Conflict(CopyObstacle::SetBack { at, reason }),
            (action, _) => action,
        }
    }

    /// Judges a tag that the image does not have where it comes from: no commit's tag goes to an image that says that it is
    /// of another one. Gives a note where it names another version than the image.
    ///
    /// A version is no obstacle: a release candidate becomes the release, and images bear the version of their base.
    #[must_use]
    pub fn of_new_name(self, tag: &Tag, image: &ImageFacts) -> (Self, Option<Note>) {
        if !self.is_put() {
            return (self, None);
        }
        match CopyObstacle::of_other_commit(tag, image) {
            Some(obstacle) => (Self::Conflict(obstacle), None),
            None => (self, Note::of_other_version(tag, image.version.as_ref())),
        }
    }

    /// Returns what became of a tag that was put, now that it points to `found`: another run may have put it too. What stays
    /// where it is, or must stay, is not taken back.
    #[must_use]
    pub fn confirmed(
        self,
        tag: &Tag,
        wanted: Digest,
        found: Option<Digest>,
        mutability: Option<&Mutability>,
        no_clobber: bool,
    ) -> Self {
        match Self::decide(tag, wanted, found, mutability, no_clobber) {
            overtaken @ (Self::Skip { .. } | Self::Conflict(_)) => overtaken,
            _ => self,
        }
    }

    /// Returns the action's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep => "keep",
            Self::Move { .. } => "move",
            Self::Skip { .. } => "skip",
            Self::Conflict(_) => "conflict",
        }
    }

    /// Whether the registry would let the tag, which is created, take the place of what another run puts there meanwhile,
    /// although it is not to: it is then for the run to look, put and look.
    pub fn is_open(&self, tag: &Tag, mutability: Option<&Mutability>, no_clobber: bool) -> bool {
        let is_protected = mutability.is_some_and(|setting| setting.protects(tag));
        *self == Self::Create && !is_protected && (no_clobber || promises_to_stay(tag))
    }

    /// Whether the tag is put.
    pub const fn is_put(&self) -> bool {
        matches!(self, Self::Create | Self::Move { .. })
    }
}

/// All tags of a copy that must not point to what is copied, together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyConflicts {
    /// The target, as a user names it.
    pub target: String,
    /// Each tag with what stands in its way; never empty.
    pub tags: Vec<(Tag, CopyObstacle)>,
}

impl fmt::Display for CopyConflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.target;
        for (number, (tag, obstacle)) in self.tags.iter().enumerate() {
            let and = if number > 0 { "\n  and " } else { "" };
            write!(f, "{and}tag `{tag}` in `{target}` ")?;
            match obstacle {
                CopyObstacle::Taken { at } => write!(f, "must not move and already points to {at}"),
                CopyObstacle::SetBack { at, reason } => write!(f, "stays at {at}: {reason}"),
                CopyObstacle::OtherCommit { ours, part } => {
                    let part = part.map(|digest| format!(" {digest} in it")).unwrap_or_default();
                    let commit = ours.short();
                    write!(
                        f,
                        "names another commit than the image{part}, which is of {commit}"
                    )
                }
            }?;
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
        let is = |kind: fn(&CopyObstacle) -> bool| self.tags.iter().any(|(_, obstacle)| kind(obstacle));
        let is_taken = is(|obstacle| matches!(obstacle, CopyObstacle::Taken { .. }));
        let hint = if is_taken {
            "`--no-clobber` leaves every tag that exists where it is"
        } else if is(|obstacle| matches!(obstacle, CopyObstacle::SetBack { .. })) {
            "to go back to an earlier image, add `--rollback`; `--no-clobber` leaves every tag that exists where it is"
        } else {
            "put it under a tag that names no commit, or under its own commit's"
        };
        Some(hint.into())
    }
}

#[cfg(test)]
mod tests {
    use semver::Version;

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

    fn image(version: Option<&str>, revision: Option<&str>) -> ImageFacts {
        ImageFacts {
            version: version.map(|version| Version::parse(version).unwrap()),
            revision: revision.map(str::to_owned),
            ..ImageFacts::default()
        }
    }

    #[test]
    fn a_tag_never_goes_back_to_a_smaller_version() {
        let from = Digest::of(b"theirs");
        for (ours, theirs, expected) in [
            (Some("1.2.0"), Some("1.3.0"), "conflict"),
            (Some("1.3.0-rc.1"), Some("1.3.0"), "conflict"),
            (Some("1.3.0"), Some("1.3.0"), "move"),
            (Some("1.3.0+1"), Some("1.3.0+2"), "move"),
            (Some("1.4.0"), Some("1.3.0"), "move"),
            (None, Some("1.3.0"), "move"),
            (Some("1.2.0"), None, "move"),
        ] {
            let action = CopyAction::Move { from }.without_set_back(&image(ours, None), &image(theirs, None));
            assert_eq!(action.name(), expected, "{ours:?} {theirs:?}");
        }
        let kept =
            CopyAction::Keep.without_set_back(&image(Some("1.0.0"), None), &image(Some("2.0.0"), None));
        assert_eq!(kept, CopyAction::Keep);
    }

    #[test]
    fn a_new_name_is_not_that_of_another_commit_and_another_version_is_said() {
        let commit = "0123456789".repeat(4);
        for (tag, version, revision, expected) in [
            ("sha-0123456", None, Some(commit.as_str()), ("create", None)),
            (commit.as_str(), None, Some(commit.as_str()), ("create", None)),
            ("sha-aaaaaaa", None, Some(commit.as_str()), ("conflict", None)),
            ("sha-aaaaaaa", None, None, ("create", None)),
            ("sha-aaaaaaa", None, Some("main"), ("create", None)),
            ("2.0.0", Some("1.0.0"), None, ("create", Some("other-version"))),
            ("v1.0.0", Some("1.0.0"), None, ("create", None)),
            ("2.0.0", None, None, ("create", None)),
            ("2", Some("1.0.0"), None, ("create", None)),
            ("latest", Some("1.0.0"), None, ("create", None)),
        ] {
            let tag = Tag::parse(tag).unwrap();
            let (action, note) = CopyAction::Create.of_new_name(&tag, &image(version, revision));
            assert_eq!((action.name(), note.map(|note| note.code())), expected, "{tag}");
        }
    }

    #[test]
    fn an_index_of_several_commits_gets_no_commits_tag() {
        let [ours, other] = ["a", "b"].map(|digit| digit.repeat(40));
        let part = Digest::of(b"arm64");
        let index = ImageFacts {
            revision: Some(format!("{ours}, {other}")),
            revisions: vec![(Digest::of(b"amd64"), ours.clone()), (part, other.clone())],
            ..ImageFacts::default()
        };
        let tag = |name: &str| Tag::parse(name).unwrap();
        let obstacle = CopyObstacle::of_other_commit(&tag("sha-aaaaaaa"), &index);
        let tags = vec![(tag("sha-aaaaaaa"), obstacle.unwrap())];
        let target = "team/app".to_owned();
        let said = CopyConflicts { target, tags }.to_string();
        let expected = format!("names another commit than the image {part} in it, which is of bbbbbbbbbbbb");
        assert!(said.ends_with(&expected), "{said}");
        assert!(CopyObstacle::of_other_commit(&tag("sha-bbbbbbb"), &index).is_some());
        assert_eq!(CopyObstacle::of_other_commit(&tag("latest"), &index), None);
    }

    #[test]
    fn a_tag_that_another_run_has_put_since_is_said_to_be_its() {
        let [ours, theirs] = [b"ours".as_slice(), b"theirs"].map(Digest::of);
        let taken = CopyAction::Conflict(CopyObstacle::Taken { at: theirs });
        for (tag, found, no_clobber, expected) in [
            ("latest", Some(ours), true, CopyAction::Create),
            ("latest", Some(theirs), true, CopyAction::Skip { at: theirs }),
            ("1.2.3", Some(theirs), true, CopyAction::Skip { at: theirs }),
            ("1.2.3", Some(theirs), false, taken),
            ("1.2.3", None, false, CopyAction::Create),
        ] {
            let tag = Tag::parse(tag).unwrap();
            let action = CopyAction::Create.confirmed(&tag, ours, found, None, no_clobber);
            assert_eq!(action, expected, "{tag} {no_clobber}");
        }
    }

    #[test]
    fn what_a_registry_would_let_move_is_for_the_run_to_look_at() {
        let is_open = |tag: &str, action: &CopyAction, setting: Option<&Mutability>, no_clobber| {
            action.is_open(&Tag::parse(tag).unwrap(), setting, no_clobber)
        };
        let create = &CopyAction::Create;
        for unprotected in [None, Some(&Mutability::Mutable)] {
            assert!(is_open("1.2.3", create, unprotected, false));
            assert!(!is_open("latest", create, unprotected, false));
            assert!(is_open("latest", create, unprotected, true));
            assert!(!is_open("1.2.3", &CopyAction::Keep, unprotected, true));
        }
        assert!(!is_open("1.2.3", create, Some(&Mutability::Immutable), true));
    }
}
