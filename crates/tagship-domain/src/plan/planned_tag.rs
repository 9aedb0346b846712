//! What happens to one tag.

use serde::Serialize;

use super::{Conflict, HoldReason};
use crate::reference::Digest;
use crate::tags::DesiredTag;

/// What happens to one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedTag {
    /// The tag.
    #[serde(flatten)]
    pub wanted: DesiredTag,
    /// What happens to it.
    #[serde(flatten)]
    pub action: TagAction,
}

/// What happens to a tag, with what was seen: the write is conditional on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum TagAction {
    /// It does not exist, and is put.
    Create,
    /// It points to this commit's image already.
    Keep {
        /// The image.
        digest: Digest,
    },
    /// It points to another image, and is moved.
    Move {
        /// The image that it leaves.
        from: Digest,
    },
    /// It must not point to this commit's image: it stays where it is, or is not put at all.
    Hold {
        /// The image that it stays at, if it exists.
        #[serde(skip_serializing_if = "Option::is_none")]
        at: Option<Digest>,
        /// Why.
        #[serde(flatten)]
        reason: HoldReason,
    },
    /// It cannot be set; nothing at all is done then.
    Conflict(Conflict),
    /// The registry could not be asked.
    Unchecked,
}

impl TagAction {
    /// The action's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Keep { .. } => "keep",
            Self::Move { .. } => "move",
            Self::Hold { .. } => "hold",
            Self::Conflict(_) => "conflict",
            Self::Unchecked => "unchecked",
        }
    }

    /// Why a tag is held.
    pub fn reason(&self) -> Option<&HoldReason> {
        match self {
            Self::Hold { reason, .. } => Some(reason),
            _ => None,
        }
    }
}
