//! What ends a run.

mod targets_failed;

use std::borrow::Cow;

use super::ApplyError;
use crate::ports::{BuildError, ForgeError, GitError, RegistryError, SignError};
use tagship_domain::build::{CacheTagError, MissingAttestation};
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::facts::{Difference, DifferenceCause, paths};
use tagship_domain::findings::{GateFailure, NeverScanned};
use tagship_domain::merging::MergeError;
use tagship_domain::plan::{Conflicts, TooLarge};
use tagship_domain::rebuild::{NeverPublished, RebuildMismatch};
use tagship_domain::reference::{Digest, ImageName};
use tagship_domain::release::ReleaseConflict;
use tagship_domain::signing::Signer;

pub use targets_failed::TargetsFailed;

/// What ends a run.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The checkout cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The working tree is not what the commit says.
    #[error("the working tree differs from its commit in {}: {}", paths(*count), shown(changes, *count))]
    Dirty {
        /// The first few paths.
        changes: Vec<Difference>,
        /// How many there are.
        count: usize,
    },
    /// A wanted tag cannot be set.
    #[error(transparent)]
    Conflict(#[from] Conflicts),
    /// A rebuild has nothing that it could be compared with.
    #[error(transparent)]
    NeverPublished(#[from] NeverPublished),
    /// A rebuild gave another image.
    #[error(transparent)]
    Rebuilt(#[from] Box<RebuildMismatch>),
    /// Images cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The image does not do what it must.
    #[error("image {digest} does not pass `test`: {source}")]
    Test {
        /// The image.
        digest: Digest,
        /// What went wrong.
        #[source]
        source: BuildError,
    },
    /// The image lacks an attestation that was asked for.
    #[error(transparent)]
    Attestation(#[from] MissingAttestation),
    /// The image is larger than it may be.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A cache cannot be kept where it should be.
    #[error(transparent)]
    Cache(#[from] CacheTagError),
    /// The image would never be scanned.
    #[error(transparent)]
    NeverScanned(#[from] NeverScanned),
    /// The scan gate does not let the image pass.
    #[error(transparent)]
    Gate(#[from] GateFailure),
    /// The image is not signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The plan has the image signed, and nothing is there that does it.
    #[error("the image is to be signed by `{0}`, and nothing here signs")]
    NoSigner(Signer),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The repository could not be made as it is declared.
    #[error(transparent)]
    Repository(#[from] ApplyError),
    /// What a further repository needs was not found, before anything was written.
    #[error("target `{image}`: {source}")]
    Target {
        /// The repository.
        image: ImageName,
        /// Why.
        source: Box<PipelineError>,
    },
    /// The image is not in all further repositories.
    #[error(transparent)]
    Targets(#[from] TargetsFailed),
    /// The engine or the build failed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The version's git tag is taken.
    #[error(transparent)]
    Release(#[from] ReleaseConflict),
    /// The forge failed.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// After all tags were put, one of them points elsewhere.
    #[error("tag `{tag}` was put, but the registry says it points to {found}", found = found.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string()))]
    Overtaken {
        /// The tag.
        tag: tagship_domain::reference::Tag,
        /// Where it points.
        found: Option<Digest>,
    },
}

fn shown(changes: &[Difference], count: usize) -> String {
    let rest = count.saturating_sub(changes.len());
    let shown = changes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if rest > 0 {
        format!("{shown} and {rest} more")
    } else {
        shown
    }
}

/// The hint of the first cause that is no ordinary change: that is the one which surprises.
fn dirty_hint(changes: &[Difference]) -> Cow<'static, str> {
    let causes = || changes.iter().map(|change| change.cause.hint());
    let ordinary = DifferenceCause::Modified.hint();
    let hint = causes()
        .find(|hint| *hint != ordinary)
        .or_else(|| causes().next());
    hint.unwrap_or(ordinary).into()
}

impl PipelineError {
    /// Returns the error as one of a further repository.
    #[must_use]
    pub fn of_target(self, image: &ImageName) -> Self {
        Self::Target {
            image: image.clone(),
            source: Box::new(self),
        }
    }
}

impl Diagnose for PipelineError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(match self {
            Self::Git(error) => error,
            Self::Conflict(conflicts) => conflicts,
            Self::NeverPublished(error) => error,
            Self::Rebuilt(mismatch) => &**mismatch,
            Self::Merge(error) => error,
            Self::TooLarge(error) => error,
            Self::Build(error) | Self::Test { source: error, .. } => error,
            Self::Cache(error) => error,
            Self::NeverScanned(error) => error,
            Self::Gate(failure) => failure,
            Self::Attestation(missing) => missing,
            Self::Sign(error) => error,
            Self::Registry(error) => error,
            Self::Target { source, .. } => &**source,
            Self::Repository(error) => error,
            Self::Targets(error) => error,
            Self::Release(conflict) => conflict,
            Self::Forge(error) => error,
            Self::Dirty { .. } | Self::NoSigner(_) | Self::Overtaken { .. } => return None,
        })
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Dirty { .. } => FailureKind::Usage,
            Self::NoSigner(_) => FailureKind::Bug,
            Self::Overtaken { .. } => FailureKind::TagConflict,
            _ => self.inner().map_or(FailureKind::Operation, Diagnose::kind),
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Dirty { changes, .. } => Some(dirty_hint(changes)),
            Self::Test {
                source: BuildError::StepFailed { .. },
                ..
            } => Some("no tag was put; the command's own output says why it failed".into()),
            // No input makes a further repository.
            Self::Target { source, .. } => match &**source {
                Self::Registry(error) => error.hint(),
                other => other.hint(),
            },
            Self::Registry(error @ RegistryError::RepositoryMissing { .. }) => {
                let by_hand = error.hint().unwrap_or_default();
                Some(format!("let `create-repository` make it; or {by_hand}").into())
            }
            Self::Overtaken { .. } => Some(
                "another run publishes to the same tag: let them run one after the other, with `concurrency`"
                    .into(),
            ),
            _ => self.inner().and_then(Diagnose::hint),
        }
    }
}
