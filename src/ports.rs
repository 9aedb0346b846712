//! The seams: what the pipeline needs from the world, in domain types.
//!
//! Reading and writing are separate traits. A dry run is handed readers only.

mod build_error;
mod built;
mod forge_error;
mod git_error;
mod image_archive;
mod notices;
mod proposals;
mod releases;
mod replicate;
mod repositories;
mod scans;
mod signatures;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use buildkit_session::BuildEvent;
use jiff::Timestamp;
use secrecy::SecretString;

use tagship_domain::build::BuildRequest;
use tagship_domain::bump::Commit;
use tagship_domain::content::Platform;
use tagship_domain::event::RepositoryInfo;
use tagship_domain::facts::{CommitId, Descent, GitTags};
use tagship_domain::immutability::Mutability;
use tagship_domain::inventory::ListedImage;
use tagship_domain::reference::{Digest, ImageRef, RepositoryName, Tag};

pub use build_error::{BuildError, SociProblem};
pub use buildkit_session::{StepOutcome, Warning};
pub use built::{BuilderSummary, BuiltImage, EngineSummary};
pub use forge_error::{
    COMMENT, ForgeError, ForgeRule, HAND_OVER, PROPOSE, SHOW_FINDINGS, SHOW_STATE, START_WORKFLOWS,
};
pub use git_error::GitError;
pub use image_archive::{ArchiveNames, ImageArchive, LoopbackRegistry, OpenBase, PushableImage};
pub use notices::{AskForDeployment, Comment, NoticeError, SendNotice, ShowCommitState, WriteComments};
pub use oci_registry::{
    BlobStream, FoundManifests, LoginError, ReadRepository, ReadWhole, RegistryCredential, RegistryError,
    RegistryLogin, WriteRepository,
};
pub use proposals::{FileChange, ProposeChange, PullRequest};
pub use releases::{
    ForgeRelease, ListedTag, NewAsset, ReadReleases, ReadTags, ReleaseAsset, ReleaseDraft, ReleasePlace,
    WriteReleases, WriteTags,
};
pub use replicate::{ReplicationError, WatchReplication};
pub use repositories::{
    Creation, DeleteImages, DoomedImage, PreviewLifecycle, ReadBaseCache, ReadRegistrySettings,
    ReadRepositories, Removal, WriteRegistrySettings, WriteRepositories,
};
pub use scans::{ReadScans, ScanStart, ShowFindings, StartScans};
pub use signatures::{SignError, SignImage, VerifySignature};
pub use tagship_domain::capability::ImageStore;

/// Reads one repository and its settings.
#[async_trait]
pub trait ReadRegistry: ReadRepository {
    /// Returns the repository's tag mutability. `RegistryError::NotPermitted` where the role may not read it.
    async fn mutability(&self) -> Result<Mutability, RegistryError>;
}

/// The parts of a registry's API that answer in one request what its data plane would need many for.
#[async_trait]
pub trait ControlPlane: Send + Sync {
    /// As [`ReadRegistry::mutability`].
    async fn mutability(&self, repository: &RepositoryName) -> Result<Mutability, RegistryError>;

    /// As [`ReadRepository::look_up`].
    async fn look_up(
        &self,
        repository: &RepositoryName,
        digests: &[Digest],
        tags: &[Tag],
    ) -> Result<FoundManifests, RegistryError>;

    /// As [`ReadRepository::blob_sizes`]. `RegistryError::NotPermitted` where the role may not ask for many at once.
    async fn blob_sizes(
        &self,
        repository: &RepositoryName,
        digests: &[Digest],
    ) -> Result<BTreeMap<Digest, u64>, RegistryError>;

    /// Returns the rights of a push that the role certainly lacks, such as `ecr:PutImage`. Writes nothing.
    ///
    /// # Errors
    ///
    /// `RegistryError::Unavailable` where no answer comes.
    async fn missing_push_rights(
        &self,
        repository: &RepositoryName,
    ) -> Result<Vec<&'static str>, RegistryError>;

    /// As [`ReadInventory::images`].
    async fn images(&self, repository: &RepositoryName) -> Result<Vec<ListedImage>, RegistryError>;

    /// As [`ReadInventory::image`].
    async fn image(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<ListedImage>, RegistryError>;
}

/// Lists what a repository holds.
#[async_trait]
pub trait ReadInventory: ReadWhole {
    /// Returns all images, in no order. `RegistryError::NotPermitted` where the role may not list them.
    async fn images(&self) -> Result<Vec<ListedImage>, RegistryError>;

    /// Returns one image as the registry lists it; `None` where it has no list of its own, or not this image.
    async fn image(&self, digest: &Digest) -> Result<Option<ListedImage>, RegistryError>;
}

/// Finds logins of the registries that base images and caches come from.
#[async_trait]
pub trait FindLogin: Send + Sync {
    /// Returns the login for `host`, as an engine names it; `None` for a registry that is to be used without.
    async fn find(&self, host: &str) -> Result<Option<RegistryCredential>, LoginError>;
}

/// Builds images and puts their content into a registry.
#[async_trait]
pub trait Builder: Send + Sync {
    /// Finds out, before anything is built, whether the engine answers and can do what is asked.
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError>;

    /// Builds and pushes by digest, without any tag. Gives the digest of the manifest or index.
    ///
    /// Dropping the future cancels the build.
    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError>;
}

/// Runs commands in images that were pushed.
#[async_trait]
pub trait TryImage: Send + Sync {
    /// Runs `command` in an image, as the instruction `RUN` has it: once for each of `platforms`, or for the engine's own
    /// where none is named. Returns those that the engine cannot run.
    ///
    /// `BuildError::StepFailed` is a command that failed, `BuildError::NotRunnable` an engine that can run none of them.
    async fn try_image(
        &self,
        image: &ImageRef,
        platforms: &[Platform],
        command: &str,
    ) -> Result<Vec<Platform>, BuildError>;
}

/// What a build reads: a folder without what its ignore file leaves out, and files beside it.
pub trait BuildInputs {
    /// The context folder; absolute, without symbolic links.
    fn context(&self) -> &Path;

    /// The files that are read whatever the ignore file says: the Dockerfile, and where an ignore file may be; absolute.
    fn beside(&self) -> &[PathBuf];

    /// Every path in the context that is read, but folders.
    fn present(&self) -> &[String];

    /// Whether a file at `path` in the context would be read if it were there.
    fn reads(&self, path: &str) -> bool;

    /// Whether anything in `folder` of the context may be read.
    fn reads_in(&self, folder: &str) -> bool;
}

/// Reads what lies around the commit. Asked only where a moving tag hangs on it.
#[async_trait]
pub trait ReadHistory: Send + Sync {
    /// The names of all git tags.
    async fn git_tags(&self) -> Result<GitTags, GitError>;

    /// Where the commit `of` stands to the commit `from`.
    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, GitError>;
}

/// Reads the forge that hosts the repository.
#[async_trait]
pub trait ReadForge: Send + Sync {
    /// What the forge says of the repository.
    async fn repository(&self) -> Result<RepositoryInfo, ForgeError>;

    /// Where the commit `of` stands to the commit `from`; an error when it does not know one of them.
    async fn descent(&self, of: &CommitId, from: &CommitId) -> Result<Descent, ForgeError>;

    /// The commits that `tip` contains and `base` does not, the newest first; `None` where `tip` does not contain `base`.
    async fn commits_since(&self, base: &CommitId, tip: &CommitId)
    -> Result<Option<Vec<Commit>>, ForgeError>;
}

/// Reads the time, and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Hears what happens, and shows it.
pub trait Reporter: Send + Sync {
    /// Keeps `secret` out of everything that is shown from now on.
    fn mask(&self, secret: &SecretString);

    /// One event. Text in it may be hostile.
    fn event(&self, event: RunEvent<'_>);
}

/// What happens while a run goes on.
#[derive(Debug, Clone)]
pub enum RunEvent<'a> {
    /// A part of the transaction begins.
    Stage(Stage),
    /// Something worth a line.
    Note(&'a str),
    /// Something worth several lines, such as the plan; each ends with a line break.
    Block(&'a str),
    /// Something that the user should look at.
    Warning(&'a Warning),
    /// A try failed and will be repeated after `delay`.
    Retry {
        /// What is repeated.
        what: &'a str,
        /// Why it failed.
        reason: &'a str,
        /// The time until the next try.
        delay: Duration,
    },
    /// A build step began.
    StepStarted {
        /// Its number within this build, from 1.
        step: u32,
        /// Its name, as BuildKit gives it.
        name: &'a str,
    },
    /// A build step wrote a piece of output; not always whole lines.
    StepOutput {
        /// Its number.
        step: u32,
        /// The bytes.
        output: &'a [u8],
    },
    /// A build step ended.
    StepFinished {
        /// Its number.
        step: u32,
        /// How.
        outcome: StepOutcome<'a>,
    },
    /// Bytes of something moved.
    Progress {
        /// What moves, such as a layer's short digest or `context`.
        what: &'a str,
        /// Bytes so far.
        current: u64,
        /// Bytes in all, if known.
        total: Option<u64>,
    },
    /// Something of which bytes moved is whole, and a part of what has a line of its own.
    Moved {
        /// What moved.
        what: &'a str,
    },
}

/// What happens in a build is a part of what happens in a run.
impl<'a> From<BuildEvent<'a>> for RunEvent<'a> {
    fn from(event: BuildEvent<'a>) -> Self {
        match event {
            BuildEvent::StepStarted { step, name } => Self::StepStarted { step, name },
            BuildEvent::StepOutput { step, output } => Self::StepOutput { step, output },
            BuildEvent::StepFinished { step, outcome } => Self::StepFinished { step, outcome },
            BuildEvent::Progress { what, current, total } => Self::Progress { what, current, total },
            BuildEvent::Note(note) => Self::Note(note),
            BuildEvent::Warning(warning) => Self::Warning(warning),
        }
    }
}

/// The parts of the transaction, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Inputs, git and the registry are read.
    Read,
    /// The plan is made.
    Plan,
    /// The repository is made, where it is missing and is to be made.
    Ensure,
    /// The image is built and its content pushed by digest.
    Build,
    /// An index is made of images that other runs pushed.
    Merge,
    /// What was pushed is read back.
    Verify,
    /// A command runs in the image.
    Test,
    /// The image is copied to further repositories, and read back there.
    Copy,
    /// Findings of scans are waited for and judged.
    Gate,
    /// The image is signed.
    Sign,
    /// Tags are put.
    Tag,
    /// The git tag is put, and the release published.
    Release,
    /// The registry's state is read back and reported.
    Report,
}

impl Stage {
    /// The part's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Plan => "plan",
            Self::Ensure => "ensure",
            Self::Build => "build",
            Self::Merge => "merge",
            Self::Verify => "verify",
            Self::Test => "test",
            Self::Copy => "copy",
            Self::Gate => "gate",
            Self::Sign => "sign",
            Self::Tag => "tag",
            Self::Release => "release",
            Self::Report => "report",
        }
    }
}
