//! Signatures of images, which are made and verified before any tag.

use std::borrow::Cow;
use std::io;

use async_trait::async_trait;

use super::{LoginError, RegistryError};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::facts::Unknown;
use tagship_domain::reference::ImageRef;
use tagship_domain::signing::{SignatureOutcome, Signer};

/// Verifies signatures.
#[async_trait]
pub trait VerifySignature: Send + Sync {
    /// Fails unless the image has a signature that holds.
    async fn verify(&self, image: &ImageRef) -> Result<(), SignError>;
}

/// Has images signed.
#[async_trait]
pub trait SignImage: VerifySignature {
    /// Finds out, before anything is built, whether an image can be signed at all; gives what could not be found out.
    /// Writes nothing.
    async fn check(&self) -> Result<Option<Unknown>, SignError>;

    /// Has an image signed that is not, and verifies the signature. An image that is signed stays as it is.
    async fn ensure_signed(&self, image: &ImageRef) -> Result<SignatureOutcome, SignError>;
}

/// What can go wrong with a signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The program cannot be run.
    #[error("`{program}`, which is to sign or verify, cannot be run: {source}")]
    Unusable {
        /// The program.
        program: Signer,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program does not end.
    #[error("`{program}` did not end within {seconds} s: {action}")]
    Silent {
        /// The program.
        program: Signer,
        /// What it was to do.
        action: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The registry refuses what the program asks.
    #[error("`{program}` fails, {action}: the role lacks `{missing}`")]
    Forbidden {
        /// The program.
        program: Signer,
        /// What it was to do.
        action: &'static str,
        /// The IAM action.
        missing: String,
    },
    /// The program fails.
    #[error("`{program}` fails, {action}: {message}")]
    Failed {
        /// The program.
        program: Signer,
        /// What it was to do.
        action: &'static str,
        /// Its words.
        message: String,
    },
    /// No signature holds.
    #[error("image `{image}` has no signature that `{program}` verifies: {message}")]
    Unsigned {
        /// The image.
        image: ImageRef,
        /// The program.
        program: Signer,
        /// Its words.
        message: String,
    },
    /// No rule of managed signing means the repository.
    #[error("no signing rule of the registry is for `{repository}`, so that ECR never signs its images")]
    NoRule {
        /// The repository.
        repository: String,
    },
    /// ECR has not begun a signature.
    #[error(
        "ECR has begun no signature of `{image}`: it signs images when they are pushed, by the rules of that moment"
    )]
    NotBegun {
        /// The image.
        image: ImageRef,
    },
    /// ECR could not sign.
    #[error("ECR could not sign `{image}` with `{profile}`: {reason}")]
    NotSigned {
        /// The image.
        image: ImageRef,
        /// The profile's ARN.
        profile: String,
        /// Why.
        reason: String,
    },
    /// ECR takes too long.
    #[error("ECR has not signed `{image}` within {seconds} s")]
    Late {
        /// The image.
        image: ImageRef,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The place for a program's files cannot be made.
    #[error("a private folder for `{program}` cannot be made: {source}")]
    Folder {
        /// The program.
        program: Signer,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no login to hand over.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Diagnose for SignError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Login(error) => error.kind(),
            Self::Registry(error) => error.kind(),
            Self::Forbidden { .. } => FailureKind::Credentials,
            _ => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Unusable { program, .. } => {
                return Some(
                    format!("install `{program}` in the job before this step, so that it is on PATH").into(),
                );
            }
            Self::Forbidden { .. } => "`tagship iam --for ship,sign` prints the policy that it needs",
            Self::Silent { .. } | Self::Late { .. } => {
                "run again: what was pushed is kept, and no tag was put"
            }
            Self::Failed {
                program: Signer::Cosign,
                ..
            } => "look at `sign-key`, at `COSIGN_PASSWORD`, and that `cosign` is version 3 or newer",
            Self::Failed { .. } => "look at `sign-key` and at `notation key list`",
            Self::Unsigned {
                program: Signer::Notation,
                ..
            } => "look at the trust policy: `notation policy show`",
            Self::Unsigned { .. } => {
                "look whether the key is the one that signs this repository's images, and whether the role may read signatures: `ecr:GetDownloadUrlForLayer`"
            }
            Self::NoRule { .. } | Self::NotBegun { .. } => {
                "add the repository to the registry's signing configuration, and push the image after that"
            }
            Self::NotSigned { .. } => {
                "ECR signs with the rights of who pushes: the role needs `signer:SignPayload` on the profile"
            }
            Self::Folder { .. } => "look at `TMPDIR`",
            Self::Login(error) => return error.hint(),
            Self::Registry(error) => return error.hint(),
        };
        Some(hint.into())
    }
}
