//! The lock on a layout's index, for whoever changes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::LayoutProblem;

/// The file that is locked. Source: BuildKit, `client/ociindex`, which locks the same one with flock(2), and removes it too.
const NAME: &str = "index.json.lock";

/// How long another process is waited for; a change of an index takes milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Held while an index is changed. The lock ends with the file's handle, also when the process is killed.
#[derive(Debug)]
pub(super) struct IndexLock {
    path: PathBuf,
    _file: File,
}

impl IndexLock {
    /// Takes the lock of the layout in the folder `root`, for which others are waited that have it.
    pub(super) async fn take(root: &Path, patience: Duration) -> Result<Self, LayoutProblem> {
        let path = root.join(NAME);
        let began = Instant::now();
        loop {
            if let Some(file) = locked(&path).map_err(LayoutProblem::Unwritable)? {
                return Ok(Self { path, _file: file });
            }
            if began.elapsed() >= patience {
                return Err(LayoutProblem::Locked {
                    seconds: patience.as_secs(),
                });
            }
            sleep(PAUSE).await;
        }
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        // While it is locked: one that is left by a process that was killed is taken as it is.
        fs::remove_file(&self.path).ok();
    }
}

/// Locks the file, unless another has it. No link is followed, and nothing is waited for.
fn locked(path: &Path) -> io::Result<Option<File>> {
    if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other(format!("`{NAME}` is no file")));
    }
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Who had it has removed it, and another may have locked a new one since this one was opened.
    let ours = file.metadata()?;
    let is_there = path
        .symlink_metadata()
        .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
    Ok(is_there.then_some(file))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_lock_is_waited_for_a_while_and_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path();
        let held = IndexLock::take(root, PATIENCE).await.unwrap();
        let patience = Duration::from_millis(20);
        let refused = IndexLock::take(root, patience).await.unwrap_err();
        assert!(matches!(refused, LayoutProblem::Locked { .. }), "{refused}");
        drop(held);
        assert!(!root.join(NAME).exists());
        drop(IndexLock::take(root, Duration::ZERO).await.unwrap());
    }

    /// By flock(1), as another tool would hold it.
    #[tokio::test]
    async fn a_killed_process_leaves_no_lock() {
        let home = tempfile::tempdir().unwrap();
        let (root, path) = (home.path(), home.path().join(NAME));
        let mut holder = Command::new("flock")
            .args(["--no-fork", "--exclusive"])
            .arg(&path)
            .args(["sleep", "60"])
            .spawn()
            .unwrap();
        while locked(&path).unwrap().is_some() {
            sleep(PAUSE).await;
        }
        let patience = Duration::from_millis(20);
        assert!(IndexLock::take(root, patience).await.is_err());
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert!(path.exists());
        drop(IndexLock::take(root, Duration::ZERO).await.unwrap());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_link_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let (root, path) = (home.path(), home.path().join(NAME));
        symlink(root.join("elsewhere"), &path).unwrap();
        let refused = IndexLock::take(root, PATIENCE).await.unwrap_err().to_string();
        assert!(refused.contains("is no file"), "{refused}");
        assert!(!root.join("elsewhere").exists());
    }
}
