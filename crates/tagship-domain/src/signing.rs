//! Signatures of images: who makes them, and what has come of those that ECR makes.

use std::fmt;

use serde::Serialize;

use crate::immutability::matches_wildcard;
use crate::reference::RepositoryName;

/// Who signs an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signer {
    /// The program `cosign`, with a key.
    Cosign,
    /// The program `notation`, with a key or a plugin.
    Notation,
    /// ECR itself, when an image is pushed, with a profile of AWS Signer.
    Managed,
}

impl Signer {
    /// All.
    pub const ALL: [Self; 3] = [Self::Cosign, Self::Notation, Self::Managed];

    /// The signer as the input `sign` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cosign => "cosign",
            Self::Notation => "notation",
            Self::Managed => "managed",
        }
    }

    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signer| signer.as_str() == text)
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an image came to its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureOutcome {
    /// This run had it signed.
    Created,
    /// It was signed before.
    Kept,
}

/// The signature of an image, which was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signature {
    /// Who made it.
    pub by: Signer,
    /// How the image came to it.
    pub outcome: SignatureOutcome,
}

/// What has come of one signature that ECR makes. Source: ECR API reference, `ImageSigningStatus`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedState {
    /// It is being made.
    InProgress,
    /// It is there.
    Complete,
    /// It was not made, for this reason.
    Failed(String),
}

/// One signature that ECR makes: one for each profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedSignature {
    /// The profile's ARN.
    pub profile: String,
    /// What has come of it.
    pub state: ManagedState,
}

/// What has come of all signatures that ECR makes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagedProgress {
    /// None was begun.
    None,
    /// One is being made, and none has failed.
    Waiting,
    /// All are there.
    Signed,
    /// One was not made.
    Failed {
        /// The profile's ARN.
        profile: String,
        /// Why.
        reason: String,
    },
}

impl ManagedProgress {
    /// Brings the signatures of one image together: a failure counts more than what is still being made.
    pub fn of(signatures: &[ManagedSignature]) -> Self {
        let failed = signatures.iter().find_map(|signature| match &signature.state {
            ManagedState::Failed(reason) => Some(Self::Failed {
                profile: signature.profile.clone(),
                reason: reason.clone(),
            }),
            ManagedState::InProgress | ManagedState::Complete => None,
        });
        let is_complete = |signature: &ManagedSignature| signature.state == ManagedState::Complete;
        match failed {
            Some(failed) => failed,
            None if signatures.is_empty() => Self::None,
            None if signatures.iter().all(is_complete) => Self::Signed,
            None => Self::Waiting,
        }
    }
}

/// Whether a rule for managed signing with these filters means a repository: one without filters means all.
///
/// Source: ECR API reference, `SigningRepositoryFilter`, `WILDCARD_MATCH`.
pub fn is_signed_by_rule<'a>(
    filters: impl IntoIterator<Item = &'a str>,
    repository: &RepositoryName,
) -> bool {
    let mut filters = filters.into_iter().peekable();
    filters.peek().is_none() || filters.any(|filter| matches_wildcard(filter, repository.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signatures(states: &[ManagedState]) -> Vec<ManagedSignature> {
        let of = |state: &ManagedState| ManagedSignature {
            profile: "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/release".to_owned(),
            state: state.clone(),
        };
        states.iter().map(of).collect()
    }

    #[test]
    fn an_image_is_signed_when_every_profile_has_signed_it() {
        use ManagedState::{Complete, Failed, InProgress};
        let failed = || Failed("AccessDenied".to_owned());
        let progress = |states: &[ManagedState]| ManagedProgress::of(&signatures(states));
        assert_eq!(progress(&[]), ManagedProgress::None);
        assert_eq!(progress(&[Complete, Complete]), ManagedProgress::Signed);
        assert_eq!(progress(&[Complete, InProgress]), ManagedProgress::Waiting);
        for states in [[Complete, failed()], [failed(), InProgress]] {
            assert!(
                matches!(progress(&states), ManagedProgress::Failed { .. }),
                "{states:?}"
            );
        }
    }

    #[test]
    fn a_rule_means_the_repositories_of_its_filters() {
        let repository = RepositoryName::parse("team/app").unwrap();
        assert!(is_signed_by_rule([], &repository));
        assert!(is_signed_by_rule(["other", "team/*"], &repository));
        assert!(!is_signed_by_rule(["team", "other/*"], &repository));
    }
}
