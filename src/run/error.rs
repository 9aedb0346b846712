//! What ends a command.

use std::borrow::Cow;

use super::deploy_files::DeployFileError;
use super::push::PushError;
use super::repositories::RepositoriesError;
use super::result_files::ResultFileError;
use crate::aws::IdentityError;
use crate::network::NetworkError;
use crate::pipeline::{BaseCacheError, PipelineError};
use crate::ports::{GitError, RegistryError, ReplicationError};
use ecr_local::LocalError;
use tagship_domain::base_cache::UnusableRule;
use tagship_domain::bump::BumpError;
use tagship_domain::content::Platform;
use tagship_domain::copying::CopyConflicts;
use tagship_domain::error::{Diagnose, FailureKind, cleaned, listed, with_causes};
use tagship_domain::event::Mismatch;
use tagship_domain::plan::{Conflicts, SetBacks};
use tagship_domain::reference::{Digest, ImageName, ImageRef, RegistryHost, Tag};
use tagship_domain::tags::{ArgumentError, ListingError};

/// What ends a command.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no way to credentials.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The embedded ECR does not start.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The transaction failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// ECR did not copy the image to where it is to be.
    #[error(transparent)]
    Replication(#[from] ReplicationError),
    /// The event's version is of another commit than the one that is checked out.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The lists of tags, images or labels are wrong.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// A build argument's variable cannot be filled in.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// There is no next version.
    #[error(transparent)]
    Bump(#[from] BumpError),
    /// Tags would have to go back.
    #[error(transparent)]
    SetBack(#[from] SetBacks),
    /// An image lacks a tag that it must have.
    #[error("image {digest} does not have tag `{tag}` in {image}, which `--require-tag` asks for")]
    RequiredTag {
        /// The image.
        digest: Digest,
        /// The tag.
        tag: Tag,
        /// The repository.
        image: ImageName,
    },
    /// Two images of one run go to one repository with the same tag rules.
    #[error("images `{first}` and `{second}` go to one repository with the same tag rules")]
    SameTagRules {
        /// The name of the first.
        first: String,
        /// The name of the second.
        second: String,
    },
    /// Two images of one run make the same tag.
    #[error("another image of this run makes tag `{tag}` of {image} too")]
    TagOfTwoImages {
        /// The tag.
        tag: Tag,
        /// The repository.
        image: ImageName,
    },
    /// A push cannot begin.
    #[error(transparent)]
    Push(#[from] PushError),
    /// Tags of a copy are taken.
    #[error(transparent)]
    CopyConflicts(#[from] CopyConflicts),
    /// An image is not there for a platform.
    #[error("image `{image}` has no platform {platform}")]
    PlatformMissing {
        /// The image, as a user names it.
        image: String,
        /// The platform.
        platform: Platform,
        /// Those that it has.
        has: Vec<Platform>,
    },
    /// No tag is one of those that are wanted.
    #[error("no tag of `{place}`{}", matching(patterns))]
    TagsMissing {
        /// The repository or layout, as a user names it.
        place: String,
        /// What was wanted; every tag when empty.
        patterns: Vec<String>,
        /// The tags that it has.
        has: Vec<Tag>,
    },
    /// The image that is asked for is not there.
    #[error("image `{0}` does not exist")]
    ImageMissing(String),
    /// With `local`, an address of this machine is named that the embedded ECR does not have.
    #[error("`{named}` is not the embedded ECR's registry, which is at `{served}`")]
    NotEmbedded {
        /// What is named.
        named: RegistryHost,
        /// Where the embedded ECR is.
        served: RegistryHost,
        /// Whether its ECR Public is there.
        is_its_public: bool,
    },
    /// A release is asked for, and it is not known where.
    #[error("`release` needs a token for GitHub and the name of a repository there")]
    NoForge,
    /// Findings for Security Hub are asked for, and no account is known whose they are.
    #[error("`asff-file` needs a registry of AWS, and the name of `{0}` says no account and region")]
    NoSecurityHub(RegistryHost),
    /// Workflows are to be started, and it is not known where.
    #[error("`dispatch-workflow` needs a token for GitHub and the name of a repository there")]
    NoForgeForWorkflows,
    /// An image cannot be released.
    #[error("image `{image}` cannot be released: {problem}")]
    NotReleasable {
        /// The image.
        image: ImageRef,
        /// What it lacks.
        problem: String,
    },
    /// Repositories cannot become what is declared of them.
    #[error(transparent)]
    Repositories(#[from] RepositoriesError),
    /// Base images cannot come from the cache.
    #[error(transparent)]
    BaseCache(#[from] UnusableRule),
    /// A file that the run is to leave cannot be written.
    #[error(transparent)]
    File(#[from] ResultFileError),
    /// A file that deployments read cannot be written.
    #[error(transparent)]
    DeployFile(#[from] DeployFileError),
    /// Nothing can be sent over the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The changelog that versions are reviewed in cannot be read.
    #[error("`changelog-file`: `{}` {problem}", cleaned(&path.display().to_string()))]
    Changelog {
        /// Where it is.
        path: std::path::PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Tagship is wrong.
    #[error("reading the checkout broke off: {0}")]
    Broken(String),
    /// A plan without any server cannot know what a repository elsewhere holds.
    #[error("context `{address}` has to be fetched, and `offline` contacts no server")]
    OfflineContext {
        /// Its address, without what may be secret.
        address: String,
    },
}

impl RunError {
    /// Whether the registry could not be reached, or there are no credentials to ask it with, so that nothing is known of
    /// it. Credentials that are refused, or that may not be used, are another matter: the run would fail by them too.
    pub(super) fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Identity(error) => is_absent(error),
            Self::Network(error) => error.kind() == FailureKind::Operation,
            Self::Pipeline(error) => is_out_of_reach(error),
            _ => false,
        }
    }

    /// The error with its causes, in one line.
    pub(super) fn reason(&self) -> String {
        with_causes(self)
    }
}

/// Whether a registry could not be reached, as [`RunError::is_out_of_reach`].
pub(super) fn is_out_of_reach(error: &PipelineError) -> bool {
    match error {
        PipelineError::Registry(RegistryError::Unavailable { .. }) => true,
        PipelineError::Registry(RegistryError::Login { source, .. }) => source
            .cause()
            .downcast_ref::<IdentityError>()
            .is_some_and(is_absent),
        _ => false,
    }
}

/// Whether there are no credentials, and not that they were refused.
fn is_absent(error: &IdentityError) -> bool {
    error.kind() == FailureKind::Operation || matches!(error, IdentityError::None | IdentityError::Fork)
}

impl From<RegistryError> for RunError {
    fn from(error: RegistryError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<BaseCacheError> for RunError {
    fn from(error: BaseCacheError) -> Self {
        match error {
            BaseCacheError::Registry(error) => error.into(),
            BaseCacheError::Rule(rule) => rule.into(),
        }
    }
}

impl From<GitError> for RunError {
    fn from(error: GitError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<Conflicts> for RunError {
    fn from(conflicts: Conflicts) -> Self {
        Self::Pipeline(conflicts.into())
    }
}

impl Diagnose for RunError {
    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(match self {
            Self::Identity(error) => error,
            Self::Local(error) => error,
            Self::Pipeline(error) => error,
            Self::Replication(error) => error,
            Self::Mismatch(mismatch) => mismatch,
            Self::Listing(error) => error,
            Self::Argument(error) => error,
            Self::Bump(error) => error,
            Self::SetBack(held) => held,
            Self::DeployFile(error) => error,
            Self::Push(error) => error,
            Self::CopyConflicts(conflicts) => conflicts,
            Self::File(error) => error,
            Self::Repositories(error) => error,
            Self::BaseCache(rule) => rule,
            Self::Network(error) => error,
            _ => return None,
        })
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::RequiredTag { .. } => FailureKind::TagConflict,
            Self::NoForge
            | Self::NoForgeForWorkflows
            | Self::NotEmbedded { .. }
            | Self::Changelog { .. }
            | Self::NoSecurityHub(_)
            | Self::OfflineContext { .. }
            | Self::NotReleasable { .. }
            | Self::SameTagRules { .. }
            | Self::TagOfTwoImages { .. } => FailureKind::Usage,
            Self::Broken(_) => FailureKind::Bug,
            _ => self.inner().map_or(FailureKind::Operation, Diagnose::kind),
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::RequiredTag { tag, .. } => Some(
                format!("promote the image to `{tag}` first; `tagship ls` shows which one has it").into(),
            ),
            Self::PlatformMissing { has, .. } if has.is_empty() => {
                Some("it states no platform; without `--platform` it is taken as it is".into())
            }
            Self::PlatformMissing { has, .. } => Some(format!("it has {}", listed(has)).into()),
            Self::TagsMissing { has, .. } if has.is_empty() => {
                Some("an image without a tag is named by its digest, as `@sha256:…`".into())
            }
            Self::TagsMissing { has, .. } => Some(format!("its tags are {}", listed(has)).into()),
            Self::NotReleasable { .. } => Some(
                "release an image that `tagship ship` published as a version; `tagship inspect` shows what it says of itself"
                    .into(),
            ),
            Self::NoForge => Some(
                "set `TAGSHIP_GITHUB_TOKEN`, and `GITHUB_REPOSITORY` where the remote `origin` is not on GitHub; in a job, leave `github-token` as it is"
                    .into(),
            ),
            Self::NotEmbedded { is_its_public: true, .. } => Some(
                "its ECR Public is there: publish to `public.ecr.aws` in place of `local`, as docs/local-ecr.md shows".into(),
            ),
            Self::NotEmbedded { served, .. } => Some(
                format!("write `{served}`, or leave the registry out; without `local`, give `endpoint-url` to reach another emulator").into(),
            ),
            Self::NoSecurityHub(_) => Some("leave `asff-file` out; `sarif-file` holds the same findings".into()),
            Self::NoForgeForWorkflows => Some(
                "set `TAGSHIP_GITHUB_TOKEN`, and `GITHUB_REPOSITORY` where the remote `origin` is not on GitHub, or leave `dispatch-workflow` out"
                    .into(),
            ),
            Self::SameTagRules { .. } | Self::TagOfTwoImages { .. } => Some(
                "give each a repository of its own, or its tag rules a prefix or suffix: docs/monorepo.md".into(),
            ),
            Self::OfflineContext { .. } => Some("leave `offline` out, or check the repository out".into()),
            Self::Changelog { .. } => Some("name the changelog with `changelog-file`; it is made where it is missing".into()),
            Self::ImageMissing(_) => Some("list the tags with `tagship ls`".into()),
            _ => self.inner().and_then(Diagnose::hint),
        }
    }
}

fn matching(patterns: &[String]) -> String {
    if patterns.is_empty() {
        return " is there to be copied".to_owned();
    }
    format!(" matches `{}`", patterns.join("` or `"))
}
