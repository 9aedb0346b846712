//! Why a repository cannot become what is declared.

use std::fmt;

use serde::Serialize;

use super::{Encryption, Objection};
use crate::reference::Digest;
use crate::untrusted::cleaned;

/// Why a repository cannot become what is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Obstacle {
    /// Encryption is decided when a repository is made.
    EncryptionStays {
        /// What it is.
        from: Encryption,
        /// What is declared.
        to: Encryption,
    },
    /// A lifecycle policy would delete images that must not go.
    DeletesProtected {
        /// The first few of them.
        images: Vec<ProtectedImage>,
        /// How many there are.
        count: usize,
    },
}

/// An image that a lifecycle policy must not delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProtectedImage {
    /// The image.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<String>,
    /// Why it must not go.
    pub objection: Objection,
}

/// What a lifecycle policy would do at once to the images that a repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Expiry {
    /// How many images go.
    pub images: usize,
    /// How many there are.
    pub of: usize,
    /// How many bytes they have; what they share with others stays.
    pub bytes: u64,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EncryptionStays { from, to } => write!(
                f,
                "encryption is {from} and cannot become {to}: it is decided when a repository is made"
            ),
            Self::DeletesProtected { images, count } => {
                let images: Vec<String> = images.iter().map(ToString::to_string).collect();
                let more = count - images.len();
                write!(f, "its lifecycle policy would delete {}", images.join(", "))?;
                match more {
                    0 => Ok(()),
                    more => write!(f, ", and {more} more that must not go"),
                }
            }
        }
    }
}

impl fmt::Display for ProtectedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tags.first() {
            Some(tag) => write!(f, "`{}`", cleaned(tag))?,
            None => write!(f, "{}", self.digest.short())?,
        }
        write!(f, " ({})", self.objection)
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protected { by } => write!(f, "protected by `{}`", cleaned(by)),
            Self::LastRelease { version } => write!(f, "the last release of {}.x", version.major),
        }
    }
}

impl Obstacle {
    /// Returns the next action, one sentence without a full stop.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::EncryptionStays { .. } => {
                "declare the encryption that it has, or declare a repository of another name and copy its images: `tagship copy`"
            }
            Self::DeletesProtected { .. } => {
                "let the policy keep them, as `keep` does; `tagship lifecycle preview` lists all that goes, and `--allow-protected` \
                 puts the policy in any case"
            }
        }
    }
}
