//! The checkout, read with gix: no git binary is needed, and nothing is written.
//!
//! A repository that belongs to another user is read too, as it is in every container action: gix then ignores
//! those settings of the repository that name programs to run.

mod ancestry;
mod differences;
mod failure;
mod fetch;
mod history;
mod path_changes;
mod touched;

use std::path::{Path, PathBuf};

use gix::bstr::{BStr, ByteSlice as _};
use gix::open::Permissions;
use gix::open::permissions::{Attributes, Config, Environment};
use gix::sec::{Permission, trust::Mapping};
use gix::url::Scheme;
use jiff::Timestamp;
use url::Url;

use crate::ports::{BuildInputs, GitError};
use tagship_domain::error::cleaned;
use tagship_domain::facts::{CommitId, GivenRevision, Source};

pub use fetch::WantedCommit;

/// A checkout on disk.
#[derive(Debug, Clone)]
pub struct GixCheckout {
    workspace: PathBuf,
    /// The commit of the files where there is no repository.
    given: Option<GivenRevision>,
}

impl GixCheckout {
    /// The checkout that `workspace`, an absolute path, lies in.
    pub fn at(workspace: impl Into<PathBuf>) -> Self {
        Self {
            workspace: workspace.into(),
            given: None,
        }
    }

    /// The same for files that may have come without git: then they are said to be this commit's.
    #[must_use]
    pub fn or_given(self, given: Option<GivenRevision>) -> Self {
        Self { given, ..self }
    }

    /// The branch that HEAD is at, without `refs/heads/`; `None` when it is detached.
    pub fn branch(&self, context: &Path) -> Result<Option<String>, GitError> {
        let Some(repository) = self.open_unless_given(context)? else {
            return Ok(None);
        };
        let path = shown(repository.git_dir());
        let name = repository
            .head_name()
            .map_err(|error| failure::unreadable(path, &error))?;
        Ok(name.map(|name| name.shorten().to_string()))
    }

    /// The workspace's repository; or the context's, when it was checked out into a folder of the workspace.
    fn open(&self, context: &Path) -> Result<gix::Repository, GitError> {
        match discover(&self.workspace) {
            Err(absent @ GitError::NoRepository { .. }) => match discover(context) {
                Err(GitError::NoRepository { .. }) => Err(absent),
                other => other,
            },
            other => other,
        }
    }

    /// The same; `None` where there is none, and the commit is given.
    fn open_unless_given(&self, context: &Path) -> Result<Option<gix::Repository>, GitError> {
        match self.open(context) {
            Err(GitError::NoRepository { .. }) if self.given.is_some() => Ok(None),
            opened => opened.map(Some),
        }
    }
}

/// What is known of files that came without git.
fn given_source(given: &GivenRevision) -> Source {
    Source {
        commit: given.commit.clone(),
        committed_at: given.committed_at,
        tags: Vec::new(),
        changes: Vec::new(),
        change_count: 0,
        url: None,
        is_given: true,
    }
}

impl GixCheckout {
    /// Returns the commit at HEAD of the workspace's repository, or else of that of `context`. What differs from it is
    /// not looked for.
    pub fn source(&self, context: &Path) -> Result<Source, GitError> {
        let repository = match (self.open_unless_given(context)?, &self.given) {
            (Some(repository), _) => repository,
            (None, Some(given)) => return Ok(given_source(given)),
            // There is none only where a commit is given.
            (None, None) => self.open(context)?,
        };
        let path = shown(repository.git_dir());
        if repository.workdir().is_none() {
            return Err(GitError::Bare { path });
        }
        let unreadable = |error: gix::Error| failure::unreadable(path.clone(), &error);
        let commit = head(&repository, &path)?;
        let id = commit_id(&path, commit.id)?;
        if let Some(given) = self
            .given
            .as_ref()
            .filter(|given| given.is_input && given.commit != id)
        {
            let (given, head) = (given.commit.short().to_owned(), id.short().to_owned());
            return Err(GitError::OtherRevision { given, head, path });
        }
        let seconds = commit.time().map_err(unreadable)?.seconds;
        let committed_at = Timestamp::from_second(seconds).map_err(|error| GitError::Unreadable {
            path: path.clone(),
            message: format!("the commit's time: {error}"),
        })?;
        let tags = tags_of(&repository, commit.id).map_err(unreadable)?;
        let url = origin_url(&repository);
        Ok(Source {
            commit: id,
            committed_at,
            tags,
            changes: Vec::new(),
            change_count: 0,
            url,
            is_given: false,
        })
    }

    /// Returns the web address of the remote `origin`, also before the first commit.
    pub fn origin(&self, folder: &Path) -> Option<String> {
        origin_url(&self.open(folder).ok()?)
    }

    /// Returns `source`, the commit at HEAD, with every path that the build reads and that is not what the commit says. The
    /// main context comes first.
    pub fn compared(&self, source: Source, inputs: &[&dyn BuildInputs]) -> Result<Source, GitError> {
        if source.is_given {
            return Ok(source);
        }
        let differences = self.differences(inputs)?;
        Ok(Source {
            changes: differences.first,
            change_count: differences.count,
            ..source
        })
    }
}

fn discover(folder: &Path) -> Result<gix::Repository, GitError> {
    let options = || gix::open::Options::default().permissions(permissions());
    let by_trust = Mapping {
        full: options(),
        reduced: options(),
    };
    gix::ThreadSafeRepository::discover_opts(folder, gix::discover::upwards::Options::default(), by_trust)
        .map(|repository| repository.to_thread_local())
        .map_err(|error| {
            let path = shown(folder);
            if error.is_not_found() && !error.is_corrupted() {
                GitError::NoRepository { path, in_job: false }
            } else {
                failure::unreadable(path, &error)
            }
        })
}

/// The user's own configuration counts, since it says what git ignores and how lines end. Environment variables
/// such as `GIT_DIR`, `GIT_INDEX_FILE` and `GIT_CONFIG_COUNT` do not: they may point to another repository.
fn permissions() -> Permissions {
    Permissions {
        env: Environment {
            home: Permission::Allow,
            xdg_config_home: Permission::Allow,
            ..Environment::isolated()
        },
        config: Config {
            system: true,
            git: true,
            user: true,
            includes: true,
            ..Config::isolated()
        },
        attributes: Attributes::all(),
    }
}

/// The commit at HEAD of the repository at `path`.
fn head<'r>(repository: &'r gix::Repository, path: &str) -> Result<gix::Commit<'r>, GitError> {
    let unreadable = |error: gix::Error| failure::unreadable(path.to_owned(), &error);
    if repository.head().map_err(unreadable)?.is_unborn() {
        return Err(GitError::Unborn {
            path: path.to_owned(),
        });
    }
    repository.head_commit().map_err(unreadable)
}

fn commit_id(path: &str, id: gix::ObjectId) -> Result<CommitId, GitError> {
    CommitId::parse(&id.to_hex().to_string()).ok_or_else(|| GitError::Unreadable {
        path: path.to_owned(),
        message: "the commit's id is of an unknown kind".to_owned(),
    })
}

/// The names of the tags that point to `commit`, through tag objects too; sorted.
fn tags_of(repository: &gix::Repository, commit: gix::ObjectId) -> gix::Result<Vec<String>> {
    let mut names = Vec::new();
    for tag in repository.references()?.tags()? {
        // A broken tag, or one whose target a shallow clone has not, does not point to HEAD.
        let Ok(mut tag) = tag else { continue };
        let Ok(target) = tag.peel_to_id() else { continue };
        if target == commit {
            names.push(tag.name().shorten().to_string());
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn shown(path: &Path) -> String {
    cleaned(&path.display().to_string())
}

/// The web address of the remote `origin`.
fn origin_url(repository: &gix::Repository) -> Option<String> {
    let config = repository.config_snapshot();
    let url = config.plumbing().string("remote.origin.url")?;
    web_url(url.as_ref())
}

/// The web address of the repository that a remote's URL names; `None` for what is no forge's.
///
/// Users, passwords and ports of other protocols are left out, `.git` too.
pub(super) fn web_url(remote: &BStr) -> Option<String> {
    let parsed = gix::url::parse(remote).ok()?;
    let host = parsed.host()?;
    let path = parsed.path.to_str().ok()?;
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if path.is_empty() || path.starts_with('~') || !path.chars().all(legal) {
        return None;
    }
    let base = match (&parsed.scheme, parsed.port) {
        (Scheme::Https, Some(port)) => format!("https://{host}:{port}"),
        (Scheme::Http, Some(port)) => format!("http://{host}:{port}"),
        (Scheme::Http, None) => format!("http://{host}"),
        (Scheme::Https | Scheme::Ssh | Scheme::Git, _) => format!("https://{host}"),
        _ => return None,
    };
    let url = Url::parse(&format!("{base}/{path}")).ok()?;
    url.host_str()
        .is_some_and(|found| found == host.to_ascii_lowercase())
        .then(|| url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_become_web_addresses_without_credentials() {
        for (remote, web) in [
            ("https://github.com/octo/app.git", "https://github.com/octo/app"),
            ("https://github.com/octo/app", "https://github.com/octo/app"),
            (
                "https://x-access-token:ghs_secret@github.com/octo/app.git/",
                "https://github.com/octo/app",
            ),
            ("git@github.com:octo/app.git", "https://github.com/octo/app"),
            (
                "ssh://git@github.example:2222/octo/app.git",
                "https://github.example/octo/app",
            ),
            ("git://git.example/app.git", "https://git.example/app"),
            (
                "https://git.example:8443/a/b/c.git",
                "https://git.example:8443/a/b/c",
            ),
            ("http://git.example/app", "http://git.example/app"),
        ] {
            assert_eq!(web_url(remote.into()).as_deref(), Some(web), "{remote}");
        }
    }

    #[test]
    fn what_is_no_forge_has_no_web_address() {
        for remote in [
            "",
            "/srv/git/app.git",
            "../app",
            "file:///srv/app.git",
            "https://github.com/",
            "https://github.com/octo/app?token=secret",
            "https://github.com/octo/a b",
            "https://github.com/octo/app\n::set-output",
            "git@github.com:~/app",
            "ext::sh -c evil",
        ] {
            assert_eq!(web_url(remote.into()), None, "{remote}");
        }
    }
}
