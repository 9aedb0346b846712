//! The error of the seam to the checkout.

use std::borrow::Cow;

use tagship_domain::error::{Diagnose, FailureKind, cleaned};

/// What can go wrong with the checkout.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("`{path}` is not in a git repository")]
    NoRepository {
        /// Where it was looked for.
        path: String,
        /// Whether a job looks for it, which has to check it out first.
        in_job: bool,
    },
    /// The repository is of a kind that git knows and Tagship does not.
    #[error("git repository `{path}` is {kind}, which is not supported")]
    Unsupported {
        /// The repository's folder.
        path: String,
        /// What it is.
        kind: &'static str,
        /// What to do.
        way_out: &'static str,
    },
    /// The checkout is of another commit than the one that is named.
    #[error("`revision` is {given}, and commit {head} is checked out in `{path}`")]
    OtherRevision {
        /// The commit that is named, shortened.
        given: String,
        /// The one at HEAD, shortened.
        head: String,
        /// The repository's folder.
        path: String,
    },
    /// Something counts on git's history, and a commit is only named.
    #[error("{what} needs a git checkout, and there is none: `revision` names the commit alone")]
    NeedsCheckout {
        /// The input, with what it says.
        what: &'static str,
    },
    /// There are no files beside the repository.
    #[error("git repository `{path}` is bare: it has no working tree")]
    Bare {
        /// The repository's folder.
        path: String,
    },
    /// Nothing was committed yet.
    #[error("git repository `{path}` has no commit yet")]
    Unborn {
        /// The repository's folder.
        path: String,
    },
    /// The commits before the newest ones are not there.
    #[error(
        "git repository `{path}` is a shallow clone, which does not hold the commits since the last release"
    )]
    Shallow {
        /// The repository's folder.
        path: String,
    },
    /// A name from the user is of no commit that is there.
    #[error("there is no commit `{}` in this checkout", cleaned(revision))]
    UnknownRevision {
        /// The name.
        revision: String,
    },
    /// A repository elsewhere does not give its commit.
    #[error("git repository `{address}` cannot be fetched: {message}")]
    NotFetched {
        /// Its address, without what may be secret.
        address: String,
        /// What is wrong.
        message: String,
    },
    /// A repository elsewhere has no such branch, tag or other reference.
    #[error("git repository `{address}` has no branch or tag `{reference}`")]
    NoReference {
        /// Its address, without what may be secret.
        address: String,
        /// The name.
        reference: String,
    },
    /// A commit of a repository elsewhere does not have what is built.
    #[error("commit {commit} of git repository `{address}` has no {what} `{path}`")]
    NotInCommit {
        /// The repository's address, without what may be secret.
        address: String,
        /// The commit, shortened.
        commit: String,
        /// Whether a file or a folder is missing.
        what: &'static str,
        /// Its path from the root of the repository on.
        path: String,
    },
    /// The repository is damaged or of an unknown kind.
    #[error("git repository `{path}` cannot be read: {message}")]
    Unreadable {
        /// The repository's folder, or where it was looked for.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl GitError {
    /// The same, worded for a job or for a user at a terminal.
    #[must_use]
    pub fn in_job(self, in_job: bool) -> Self {
        match self {
            Self::NoRepository { path, .. } => Self::NoRepository { path, in_job },
            other => other,
        }
    }
}

impl Diagnose for GitError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NoRepository { .. }
            | Self::OtherRevision { .. }
            | Self::NeedsCheckout { .. }
            | Self::Unsupported { .. }
            | Self::Bare { .. }
            | Self::Unborn { .. }
            | Self::Shallow { .. }
            | Self::NoReference { .. }
            | Self::NotInCommit { .. }
            | Self::UnknownRevision { .. } => FailureKind::Usage,
            Self::NotFetched { .. } | Self::Unreadable { .. } => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NoRepository { in_job: true, .. } => {
                "check the repository out first: `uses: actions/checkout`".into()
            }
            Self::NoRepository { in_job: false, .. } => {
                "run in a clone of the repository, or begin one: `git init`, and commit; where the files come without git, name their commit with `revision`".into()
            }
            Self::OtherRevision { .. } => {
                "leave `revision` out: the checkout says its commit itself".into()
            }
            Self::NeedsCheckout { .. } => {
                "let the job have a clone of the repository, as CodePipeline's full clone, or leave it out and give `version`".into()
            }
            Self::Unsupported { way_out, .. } => (*way_out).into(),
            Self::Bare { .. } => "run in a checkout of it: `git clone` or `git worktree add`".into(),
            Self::Unborn { .. } => "commit first".into(),
            Self::Shallow { .. } => {
                "fetch the rest: `git fetch --unshallow --tags`, or in GitHub Actions `fetch-depth: 0` at `actions/checkout`, in GitLab CI `GIT_DEPTH: 0`".into()
            }
            Self::UnknownRevision { .. } => {
                "name a commit, branch or tag that was fetched; `git fetch --unshallow --tags` fetches all, and so does `fetch-depth: 0` in GitHub Actions, `GIT_DEPTH: 0` in GitLab CI".into()
            }
            Self::NotFetched { .. } => {
                "check the address and the network; a private repository takes a token: `secret-envs: GIT_AUTH_TOKEN=VARIABLE`".into()
            }
            Self::NotInCommit { .. } => {
                "name the folder behind the reference, `#REF:FOLDER`, and the Dockerfile with `file`, from that folder on".into()
            }
            Self::NoReference { .. } => {
                "name a branch, a tag, a reference such as `refs/pull/1/merge`, or the whole id of a commit".into()
            }
            Self::Unreadable { .. } => "look at what `git fsck` and `git status` say".into(),
        })
    }
}
