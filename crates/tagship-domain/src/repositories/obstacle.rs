//! Why a repository cannot become what is declared.

use std::fmt;

use serde::Serialize;

use super::{Encryption, Objection, RegistryKind, RepositorySetting};
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
        /// Whether the policy stands already.
        stands: bool,
    },
    /// A lifecycle policy that is there has rules that this version does not know, so that it cannot be said what it deletes.
    UnknownPolicy {
        /// What is not understood of it.
        problem: String,
    },
    /// A registry of this kind does not have the setting.
    NotInRegistry {
        /// The setting.
        setting: RepositorySetting,
        /// What does not have it.
        #[serde(rename = "registry")]
        kind: RegistryKind,
    },
    /// The policy allows what registries of the other kind know.
    PolicyOfOtherKind {
        /// The registry's kind.
        #[serde(rename = "registry")]
        kind: RegistryKind,
    },
    /// ECR Public takes no such name.
    PublicName,
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
            Self::DeletesProtected {
                images,
                count,
                stands,
            } => {
                let images: Vec<String> = images.iter().map(ToString::to_string).collect();
                let more = count - images.len();
                let would = if *stands {
                    "the lifecycle policy that stands is going to delete"
                } else {
                    "its lifecycle policy would delete"
                };
                write!(f, "{would} {}", images.join(", "))?;
                match more {
                    0 => Ok(()),
                    more => write!(f, ", and {more} more that must not go"),
                }
            }
            Self::UnknownPolicy { problem } => write!(
                f,
                "the lifecycle policy that stands is not understood, so that it may delete what `protect` names: {}",
                cleaned(problem)
            ),
            Self::NotInRegistry { setting, .. } => f.write_str(match setting {
                RepositorySetting::Mutability => "ECR Public has no tag immutability: the registry lets every tag move",
                RepositorySetting::Encryption => "ECR Public knows no `encryption`: it has keys of its own",
                RepositorySetting::ScanOnPush => "ECR Public scans no images",
                RepositorySetting::Lifecycle => "ECR Public has no lifecycle policies: no image expires",
                RepositorySetting::Catalog => "a private registry has no `catalog`: no gallery shows it",
                // Both kinds have them.
                RepositorySetting::Tags | RepositorySetting::Policy => setting.as_str(),
            }),
            Self::PolicyOfOtherKind { kind: RegistryKind::Public } => f.write_str(
                "its policy has actions of private registries, such as `ecr:PutImage`, which say nothing in ECR Public",
            ),
            Self::PolicyOfOtherKind { kind: RegistryKind::Private } => f.write_str(
                "its policy has actions of ECR Public, such as `ecr-public:PutImage`, which say nothing in a private registry",
            ),
            Self::PublicName => f.write_str(
                "ECR Public takes names of at most 205 characters, whose parts are separated by single `.`, `_`, `-` and `/`",
            ),
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
            Self::About { subject, by } => {
                write!(f, "about {}, which `{}` protects", subject.short(), cleaned(by))
            }
            Self::LastRelease { line, .. } => write!(f, "the last release of {}", cleaned(line)),
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
            Self::DeletesProtected { stands: true, .. } => {
                "declare a `lifecycle` that keeps them, as `keep` does; `tagship lifecycle preview` lists all that goes, and \
                 `--allow-protected` leaves the policy as it is"
            }
            Self::UnknownPolicy { .. } => {
                "declare a `lifecycle` in its place; `--allow-protected` leaves the policy as it is"
            }
            Self::DeletesProtected { .. } => {
                "let the policy keep them, as `keep` does; `tagship lifecycle preview` lists all that goes, and `--allow-protected` \
                 puts the policy in any case"
            }
            Self::NotInRegistry { setting, .. } => match setting {
                RepositorySetting::Mutability => {
                    "leave it out: Tagship never moves a tag of a version or a commit, whatever the registry lets move, and a pull by \
                     digest gets what was published"
                }
                RepositorySetting::Encryption => "leave it out",
                RepositorySetting::ScanOnPush => {
                    "leave it out; publish to a private repository, and let `tagship copy` take what passes its scan to the public one"
                }
                RepositorySetting::Lifecycle => "leave it out; what is not to stay is deleted by hand",
                RepositorySetting::Catalog | RepositorySetting::Tags | RepositorySetting::Policy => {
                    "leave it out, or give `--registry public.ecr.aws`"
                }
            },
            Self::PolicyOfOtherKind {
                kind: RegistryKind::Public,
            } => {
                "everybody may pull; who else may push is said in IAM's own words, with `ecr-public:` before each action"
            }
            Self::PolicyOfOtherKind {
                kind: RegistryKind::Private,
            } => "write `ecr:` before each action, or give `--registry public.ecr.aws`",
            Self::PublicName => "declare it under another name",
        }
    }
}
