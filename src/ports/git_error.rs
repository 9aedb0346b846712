use std::borrow::Cow;

use tagship_domain::error::{Diagnose, Kind, cleaned};

/// What can go wrong with the checkout.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no repository.
    #[error("`{path}` is not in a git repository")]
    NoRepository {
        /// Where it was looked for.
        path: String,
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
    /// A name that somebody wrote is of no commit that is there.
    #[error("there is no commit `{}` in this checkout", cleaned(revision))]
    UnknownRevision {
        /// The name.
        revision: String,
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

impl Diagnose for GitError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoRepository { .. }
            | Self::Bare { .. }
            | Self::Unborn { .. }
            | Self::Shallow { .. }
            | Self::UnknownRevision { .. } => Kind::Usage,
            Self::Unreadable { .. } => Kind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NoRepository { .. } => "check the repository out first: `uses: actions/checkout`".into(),
            Self::Bare { .. } => "run in a checkout of it: `git clone` or `git worktree add`".into(),
            Self::Unborn { .. } => "commit first".into(),
            Self::Shallow { .. } => {
                "set `fetch-depth: 0` at `actions/checkout`, or run `git fetch --unshallow --tags`".into()
            }
            Self::UnknownRevision { .. } => {
                "name a commit, branch or tag that was fetched; `fetch-depth: 0` at `actions/checkout` fetches all".into()
            }
            Self::Unreadable { .. } => "look at what `git fsck` and `git status` say".into(),
        })
    }
}
