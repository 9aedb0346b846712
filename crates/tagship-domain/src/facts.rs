//! What was read before anything is decided.

mod image;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

pub use self::image::{ImageFacts, PlatformManifest};
use crate::content::Manifest;
use crate::immutability::Mutability;
use crate::reference::{Digest, Tag};

/// What stands behind every tag of a working tree with changes.
pub const DIRTY_SUFFIX: &str = "-dirty";

/// A full git commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CommitId(String);

impl CommitId {
    /// Reads a commit id.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = matches!(text.len(), 40 | 64)
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        legal.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A commit, and whether the working tree is what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit.
    pub commit: CommitId,
    /// Whether the working tree differs from it.
    pub is_dirty: bool,
}

impl Revision {
    /// Reads the revision of an image's label; `None` for what is no commit id.
    pub fn of_label(label: &str) -> Option<Self> {
        let (commit, is_dirty) = match label.strip_suffix(DIRTY_SUFFIX) {
            Some(commit) => (commit, true),
            None => (label, false),
        };
        Some(Self {
            commit: CommitId::parse(commit)?,
            is_dirty,
        })
    }

    /// Returns the first 12 digits, with the mark of a dirty tree.
    pub fn short(&self) -> String {
        format!("{}{}", self.commit.short(), self.mark())
    }

    const fn mark(&self) -> &'static str {
        if self.is_dirty { DIRTY_SUFFIX } else { "" }
    }
}

/// As the label `org.opencontainers.image.revision` has it: the commit, with `-dirty` behind it for a dirty tree.
impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.commit, self.mark())
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A commit that is named where no git checkout says one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenRevision {
    /// The commit.
    pub commit: CommitId,
    /// The committer's time; the beginning of Unix time where it is not known.
    pub committed_at: Timestamp,
    /// Whether an input says so, and not only a variable of the job: then a checkout must not say otherwise.
    pub is_input: bool,
}

/// What the checkout says of the commit that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Source {
    /// The commit at HEAD.
    pub commit: CommitId,
    /// The committer's time.
    pub committed_at: Timestamp,
    /// Names of the git tags that point to the commit, peeled, without `refs/tags/`.
    pub tags: Vec<String>,
    /// Paths that the build reads and that differ from the commit; the first few of them.
    pub changes: Vec<Difference>,
    /// How many such paths there are.
    pub change_count: usize,
    /// The repository's web address, when a remote or GitHub names it; without credentials.
    pub url: Option<String>,
    /// Whether there is no checkout, and the commit is given: nothing is known of changes.
    #[serde(skip)]
    pub is_given: bool,
}

impl Source {
    /// Whether the working tree is not what the commit says.
    pub fn is_dirty(&self) -> bool {
        self.change_count > 0
    }

    /// Returns the commit, marked when the working tree differs from it.
    pub fn revision(&self) -> Revision {
        Revision {
            commit: self.commit.clone(),
            is_dirty: self.is_dirty(),
        }
    }
}

/// A path that the build reads, and that is not what the commit says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The path, relative to the repository's root; absolute outside of it.
    pub path: String,
    /// Why it differs.
    pub cause: DifferenceCause,
}

/// Why a path is not what the commit says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceCause {
    /// Its content, kind or mode is another one.
    Modified,
    /// The commit has it, and the working tree does not.
    Missing,
    /// It is left out or changed, and the index is asked not to look: a sparse checkout, or `--skip-worktree`.
    SkipWorktree,
    /// It is changed, and the index is asked not to look: `--assume-unchanged`.
    AssumeUnchanged,
    /// The working tree has it, and the commit does not.
    NotInCommit,
    /// It is a submodule that was not checked out.
    SubmoduleMissing,
    /// It is a submodule at another commit.
    SubmoduleElsewhere,
    /// It lies outside of the repository.
    OutsideRepository,
}

impl DifferenceCause {
    /// What lets the path be what the commit says.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::SubmoduleMissing | Self::SubmoduleElsewhere => {
                "check submodules out (`git submodule update --init --recursive`, or in GitHub Actions `submodules: recursive` at `actions/checkout`), or leave them out in `.dockerignore`"
            }
            Self::SkipWorktree => {
                "take these paths into the checkout (`sparse-checkout`, or `git update-index --no-skip-worktree`), or leave them out in `.dockerignore`"
            }
            Self::AssumeUnchanged => {
                "put these paths back, and run `git update-index --no-assume-unchanged` on them"
            }
            Self::OutsideRepository => {
                "build from files of the repository, or give `allow-dirty`, which marks the tags"
            }
            Self::Modified | Self::Missing | Self::NotInCommit => {
                "commit the changes or ignore them in `.gitignore`, or give `allow-dirty`, which marks the tags"
            }
        }
    }
}

impl fmt::Display for DifferenceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Modified => "changed",
            Self::Missing => "missing",
            Self::SkipWorktree => "left out of a sparse checkout, or marked `skip-worktree`",
            Self::AssumeUnchanged => "changed, and marked `assume-unchanged`",
            Self::NotInCommit => "not in the commit",
            Self::SubmoduleMissing => "a submodule that is not checked out",
            Self::SubmoduleElsewhere => "a submodule at another commit",
            Self::OutsideRepository => "outside of the repository",
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.path)?;
        match self.cause {
            DifferenceCause::Modified => Ok(()),
            cause => write!(f, " ({cause})"),
        }
    }
}

/// A number of paths, in words.
pub fn paths(count: usize) -> String {
    match count {
        1 => "1 path".to_owned(),
        count => format!("{count} paths"),
    }
}

/// What a read found, or why it is unknown.
pub type Fact<T> = Result<T, Unknown>;

/// What the registry says of the repository and the wanted tags, and what git says of the order among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The repository's setting.
    pub mutability: Fact<Mutability>,
    /// Every wanted tag that exists, with its manifest.
    pub tags: BTreeMap<Tag, Manifest>,
    /// What is known of the images that those tags point to.
    pub images: BTreeMap<Digest, ImageFacts>,
    /// What only moving tags hang on.
    pub ordering: OrderingFacts,
}

impl Facts {
    /// The image that a wanted tag points to.
    pub fn digest_of(&self, tag: &Tag) -> Option<Digest> {
        self.tags.get(tag).map(Manifest::digest)
    }
}

/// What moving tags hang on, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderingFacts {
    /// The checkout's git tags.
    pub git_tags: Option<GitTags>,
    /// All tags in the registry.
    pub registry_tags: Option<Fact<Vec<Tag>>>,
    /// Where this commit stands to others.
    pub descents: BTreeMap<CommitId, Descent>,
}

/// The git tags of a checkout.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GitTags {
    /// Their names, without `refs/tags/`.
    pub names: Vec<String>,
    /// Whether the clone is shallow, so that tags may be missing.
    pub is_shallow: bool,
}

/// Where a commit stands to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descent {
    /// It is the other one, or comes after it.
    After,
    /// The other one comes after it.
    Before,
    /// Neither comes after the other.
    Apart,
    /// The other one is not in the repository; in a shallow clone, or at all.
    Unknown {
        /// Whether the clone is shallow.
        is_shallow: bool,
    },
}

/// Why something that the registry knows is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The role lacks a permission.
    NotPermitted {
        /// The action.
        action: String,
    },
    /// The registry refused, in its own words.
    Refused {
        /// The words, cleaned.
        message: String,
    },
    /// The registry could not be reached or logged in to.
    OutOfReach {
        /// Why.
        message: String,
    },
    /// The registry was not to be asked.
    NotAsked,
    /// The run makes or changes the repository before anything of it counts.
    NotYetMade,
    /// The plan did not learn it.
    NotInPlan,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted { action } => write!(f, "the role lacks `{action}`"),
            Self::Refused { message } | Self::OutOfReach { message } => f.write_str(message),
            Self::NotAsked => f.write_str("`offline` is given"),
            Self::NotYetMade => f.write_str("the run makes or changes the repository first"),
            Self::NotInPlan => f.write_str("the plan does not know it"),
        }
    }
}
