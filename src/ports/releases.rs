//! The releases of a forge: its git tags, and what it publishes under them.

use async_trait::async_trait;

use super::ForgeError;
use tagship_domain::facts::CommitId;
use tagship_domain::release::{WorkflowFile, WorkflowInputs};

/// A git tag as a forge lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedTag {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// What it points to: a commit, or the object of an annotated tag.
    pub object: CommitId,
    /// Whether that is a commit.
    pub is_commit: bool,
}

/// A release, published or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgeRelease {
    /// Its number.
    pub id: u64,
    /// Whether only who may write sees it.
    pub is_draft: bool,
    /// Its text, of which nothing is known.
    pub text: String,
    /// Its page.
    pub url: String,
    /// Where its assets are sent.
    pub upload_url: String,
    /// What it holds.
    pub assets: Vec<ReleaseAsset>,
}

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAsset {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether it came whole.
    pub is_complete: bool,
    /// `sha256:…` of its content, where the forge says it.
    pub digest: Option<String>,
}

/// What a draft is begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseDraft<'a> {
    /// The git tag, which is there.
    pub tag: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Whether it is a pre-release.
    pub is_prerelease: bool,
}

/// A file that a release gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAsset {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub content: Vec<u8>,
}

/// Reads git tags.
#[async_trait]
pub trait ReadTags: Send + Sync {
    /// Every git tag whose name begins with `prefix`.
    async fn git_tags(&self, prefix: &str) -> Result<Vec<ListedTag>, ForgeError>;

    /// The commit that a git tag points to, through tag objects; `None` where there is no such tag.
    async fn tag_commit(&self, tag: &str) -> Result<Option<CommitId>, ForgeError>;
}

/// Reads releases beside their git tags.
#[async_trait]
pub trait ReadReleases: ReadTags {
    /// The release under a git tag; a draft only where there is no other, and where the token may write.
    async fn release(&self, tag: &str) -> Result<Option<ForgeRelease>, ForgeError>;
}

/// Makes git tags.
///
/// What makes something new is tried once: after an error that [`ForgeError::is_unsure`], look before trying again.
#[async_trait]
pub trait WriteTags: ReadTags {
    /// Finds out, before anything is built, whether tags may be put. Makes nothing.
    async fn check_write(&self) -> Result<(), ForgeError>;

    /// Puts a git tag; with a message as an object of its own.
    async fn create_tag(&self, tag: &str, commit: &CommitId, message: Option<&str>)
    -> Result<(), ForgeError>;

    /// Lets a git tag point to another commit.
    async fn move_tag(&self, tag: &str, commit: &CommitId) -> Result<(), ForgeError>;

    /// Whether what was made so far was made as the job's own account, for which no other workflow starts.
    fn is_the_jobs(&self) -> bool {
        false
    }
}

/// Makes releases beside their git tags; as [`WriteTags`] does.
#[async_trait]
pub trait WriteReleases: WriteTags + ReadReleases {
    /// Makes a draft.
    async fn draft(&self, draft: &ReleaseDraft<'_>) -> Result<ForgeRelease, ForgeError>;

    /// Writes the text of a draft anew.
    async fn rewrite(&self, release: u64, text: &str) -> Result<(), ForgeError>;

    /// Gives a draft a file that it does not have.
    async fn upload(&self, release: &ForgeRelease, asset: &NewAsset) -> Result<(), ForgeError>;

    /// Takes a file from a draft.
    async fn remove_asset(&self, asset: u64) -> Result<(), ForgeError>;

    /// Publishes a draft; gives its page.
    async fn publish(&self, release: u64, is_latest: bool, is_prerelease: bool)
    -> Result<String, ForgeError>;

    /// Makes a published release the latest one.
    async fn make_latest(&self, release: u64) -> Result<(), ForgeError>;

    /// Asks for a run of a workflow as it is at a git tag.
    async fn start_workflow(
        &self,
        workflow: &WorkflowFile,
        tag: &str,
        inputs: &WorkflowInputs,
    ) -> Result<(), ForgeError>;
}

/// Where a version is released.
#[derive(Clone, Copy)]
pub enum ReleasePlace<'a> {
    /// On a forge, which publishes something under the git tag.
    Forge(&'a dyn WriteReleases),
    /// At a git remote, which has git tags alone.
    Remote(&'a dyn WriteTags),
}

impl<'a> ReleasePlace<'a> {
    /// The git tags.
    pub fn tags(self) -> &'a dyn WriteTags {
        match self {
            Self::Forge(forge) => forge,
            Self::Remote(remote) => remote,
        }
    }

    /// The releases, where there are any.
    pub const fn releases(self) -> Option<&'a dyn WriteReleases> {
        match self {
            Self::Forge(forge) => Some(forge),
            Self::Remote(_) => None,
        }
    }
}

impl std::fmt::Debug for ReleasePlace<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReleasePlace").finish_non_exhaustive()
    }
}
