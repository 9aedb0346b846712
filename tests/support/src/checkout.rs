//! Throw-away git repositories with fixed authors and times.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{output_of, scrubbed};

/// The owner of a hosted runner's workspace.
/// Source: docs.github.com, "Dockerfile support for GitHub Actions", and the image's own `runner` account.
pub const RUNNER_USER: u32 = 1001;

/// The time of the first commit in seconds since 1970: 2026-01-02T03:04:05Z. Each later one is an hour after.
pub const FIRST_COMMIT_AT: u64 = 1_767_323_045;

/// A repository with a working tree, removed when dropped.
#[derive(Debug)]
pub struct Checkout {
    folder: TempDir,
    commits: u64,
}

impl Checkout {
    /// An empty repository on branch `main`.
    pub fn empty() -> Self {
        let checkout = Self {
            folder: tempfile::tempdir().expect("a temporary folder can be made"),
            commits: 0,
        };
        checkout.git(&["init", "--quiet", "--initial-branch=main"]);
        checkout
    }

    /// A repository whose one commit holds `files` (path, content).
    pub fn with(files: &[(&str, &str)]) -> Self {
        let mut checkout = Self::empty();
        checkout.commit(files);
        checkout
    }

    /// The working tree.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the working tree without committing it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Commits `files` on top of what is there; gives the commit's full id.
    pub fn commit(&mut self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            self.write(path, content);
        }
        self.git(&["add", "--all"]);
        let message = format!("commit {}", self.commits);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", &message]);
        self.commits += 1;
        self.head()
    }

    /// The full id of the commit at HEAD.
    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Puts a lightweight tag on HEAD.
    pub fn tag(&self, name: &str) {
        self.git(&["tag", name]);
    }

    /// Puts an annotated tag on HEAD.
    pub fn annotated_tag(&self, name: &str) {
        self.git(&["tag", "--annotate", "--message", name, name]);
    }

    /// A clone that has the newest commit and the tags that point to it, as `actions/checkout` makes it.
    pub fn shallow_clone(&self) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let clone = Self {
            folder,
            commits: self.commits,
        };
        let origin = format!("file://{}", self.path().display());
        clone.git(&["clone", "--quiet", "--depth=1", &origin, "."]);
        clone
    }

    /// Gives the whole repository to `user`, as the runner's workspace belongs to the runner's user.
    pub fn give_to(&self, user: u32) {
        give_to(self.path(), user);
    }

    /// Runs git in the working tree; gives its output.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        output_of(self.command().args(arguments))
    }

    /// The variables that give commits their author and time.
    pub fn identity(&self) -> [(&'static str, String); 8] {
        let date = format!("{} +0000", FIRST_COMMIT_AT + 3600 * self.commits);
        let text = str::to_owned;
        [
            ("GIT_CONFIG_NOSYSTEM", text("1")),
            ("GIT_CONFIG_GLOBAL", text("/dev/null")),
            ("GIT_AUTHOR_NAME", text("Ada")),
            ("GIT_AUTHOR_EMAIL", text("ada@example.com")),
            ("GIT_AUTHOR_DATE", date.clone()),
            ("GIT_COMMITTER_NAME", text("Ada")),
            ("GIT_COMMITTER_EMAIL", text("ada@example.com")),
            ("GIT_COMMITTER_DATE", date),
        ]
    }

    fn command(&self) -> Command {
        let mut command = scrubbed("git", self.path());
        command
            .current_dir(self.path())
            .args(["-c", "safe.directory=*", "-c", "protocol.file.allow=always"])
            .envs(self.identity());
        command
    }
}

/// Gives a folder and all in it to `user`; symbolic links are left alone.
pub fn give_to(path: &Path, user: u32) {
    let kind = fs::symlink_metadata(path).expect("the path exists");
    if kind.is_symlink() {
        return;
    }
    chown(path, Some(user), Some(user)).unwrap_or_else(|error| {
        panic!(
            "`{}` cannot be given away (the tests run as root): {error}",
            path.display()
        )
    });
    if kind.is_dir() {
        for entry in fs::read_dir(path).expect("the folder can be read") {
            give_to(&entry.expect("the entry can be read").path(), user);
        }
    }
}
