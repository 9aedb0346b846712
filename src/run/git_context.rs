//! The context from a repository elsewhere: it is fetched when the run begins, and is a folder from then on, so that every
//! engine builds it alike.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::RunError;
use crate::git::{GixCheckout, WantedCommit};
use crate::limits::GIT_FETCH;
use crate::ports::{GitError, Reporter, RunEvent};
use crate::settings::{GitContext, Settings};
use tagship_domain::build::SecretSource;
use tagship_domain::untrusted::cleaned;

/// The folder of the commit's files; git's own stand beside it, since no build is to read them.
const TREE: &str = "tree";

/// The most bytes of a file that holds a token.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Ends a fetch that is not waited for any more, and leaves nothing of it: its thread may hang on a server until the process ends.
struct StopOnDrop {
    stop: Arc<AtomicBool>,
    /// The folder that is fetched into, until the fetch is done.
    folder: Option<PathBuf>,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(folder) = &self.folder {
            // What the thread still writes there, it removes itself when it ends.
            drop(fs::remove_dir_all(folder));
        }
    }
}

/// Returns the settings with the context on this machine, where it is fetched to unless it is a folder already.
pub(super) async fn fetched<'s>(
    settings: &'s Settings,
    reporter: &Arc<dyn Reporter>,
) -> Result<Cow<'s, Settings>, RunError> {
    let Some(git) = &settings.build.git else {
        return Ok(Cow::Borrowed(settings));
    };
    if settings.offline {
        let address = git.address.to_string();
        return Err(RunError::OfflineContext { address });
    }
    let broken = |error: io::Error| RunError::Broken(format!("a folder for the context: {error}"));
    let folder = Arc::new(tempfile::tempdir().map_err(broken)?);
    let header = header(settings, git).map_err(broken)?;
    fetch(git, header, Arc::clone(&folder)).await?;
    let tree = folder.path().join(TREE).canonicalize().map_err(broken)?;
    let commit = GixCheckout::at(folder.path()).source(&tree)?.commit;
    let within = |path: &Path, what: &'static str| {
        let real = tree.join(path).canonicalize();
        let real = real.ok().filter(|real| real.starts_with(&tree));
        let is_there = real.filter(|real| real.is_dir() == (what == "folder"));
        is_there.ok_or_else(|| GitError::NotInCommit {
            address: git.address.shown().to_owned(),
            commit: commit.short().to_owned(),
            what,
            path: cleaned(&path.display().to_string()),
        })
    };
    let mut settings = settings.clone();
    let build = &mut settings.build;
    build.context = within(&build.context, "folder")?;
    if build.of_standard_input.is_none() {
        // It may be a link on purpose, whose name counts.
        within(&build.dockerfile, "file")?;
        build.dockerfile = tree.join(&build.dockerfile);
    }
    build.git = Some(GitContext {
        fetched: Some(folder),
        ..git.clone()
    });
    let note = format!("the context is commit {} of `{}`", commit.short(), git.address);
    reporter.event(RunEvent::Note(&note));
    Ok(Cow::Owned(settings))
}

/// Fetches the commit. The thread of a fetch that is not waited for ends with its next byte.
async fn fetch(git: &GitContext, header: Option<SecretString>, folder: Arc<TempDir>) -> Result<(), GitError> {
    let address = git.address.clone();
    let mut stop = StopOnDrop {
        stop: Arc::default(),
        folder: Some(folder.path().to_owned()),
    };
    let stopped = Arc::clone(&stop.stop);
    let (done, end) = oneshot::channel();
    thread::spawn(move || {
        let wanted = WantedCommit {
            url: address.exposed(),
            shown: address.shown(),
            reference: address.reference.as_deref(),
            header: header.as_ref(),
        };
        let fetched = wanted.fetch(folder.path(), TREE, &stopped);
        // The folder is gone before the run goes on, unless it is needed.
        drop(folder);
        drop(done.send(fetched));
    });
    let failed = |message: String| GitError::NotFetched {
        address: git.address.shown().to_owned(),
        message,
    };
    match tokio::time::timeout(GIT_FETCH, end).await {
        Ok(Ok(fetched)) => {
            stop.folder = None;
            fetched
        }
        Ok(Err(_)) => Err(failed("git's library ended without an answer".to_owned())),
        Err(_) => Err(failed(format!("it took longer than {} s", GIT_FETCH.as_secs()))),
    }
}

/// The header that opens the repository: a build secret of BuildKit's names, or else GitHub's token on GitHub itself.
///
/// Source: BuildKit, `source/git`, `getAuthToken`; `docker/build-push-action`, `github-token`.
fn header(settings: &Settings, git: &GitContext) -> io::Result<Option<SecretString>> {
    let Some((origin, host)) = git.address.origin() else {
        return Ok(None);
    };
    let secret = |name: &str| {
        let ids = [format!("{name}.{host}"), name.to_owned()];
        let secrets = &settings.build.secrets;
        let found = ids
            .iter()
            .find_map(|id| secrets.iter().find(|secret| secret.id == *id));
        found.map(|secret| match &secret.source {
            SecretSource::Value(value) => Ok(value.clone()),
            SecretSource::File(path) => {
                let mut text = String::new();
                fs::File::open(path)?
                    .take(MAX_TOKEN_BYTES)
                    .read_to_string(&mut text)?;
                Ok::<_, io::Error>(text.trim().into())
            }
        })
    };
    let of_token = |token: &SecretString| {
        let pair = format!("x-access-token:{}", token.expose_secret());
        SecretString::from(format!("Authorization: basic {}", BASE64_STANDARD.encode(pair)))
    };
    if let Some(header) = secret("GIT_AUTH_HEADER").transpose()? {
        return Ok(Some(format!("Authorization: {}", header.expose_secret()).into()));
    }
    if let Some(token) = secret("GIT_AUTH_TOKEN").transpose()? {
        return Ok(Some(of_token(&token)));
    }
    let github = &settings.github;
    let is_github = github
        .server_url
        .as_ref()
        .is_some_and(|server| server.origin().ascii_serialization() == origin);
    Ok(github.token.as_ref().filter(|_| is_github).map(of_token))
}
