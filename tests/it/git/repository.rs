//! A repository that the tests make with git.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tagship::engine::ContextInputs;
use tagship::git::GixCheckout;
use tagship::ports::{BuildInputs, GitError};
use tagship_domain::facts::{DifferenceCause, Source};
use tempfile::TempDir;

/// A repository with one commit.
pub(crate) struct Repository {
    pub(crate) folder: TempDir,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let repository = Self {
            folder: TempDir::new().unwrap(),
        };
        repository.git(&["init", "--quiet"]);
        repository.write("app/main.c", "int main;\n");
        repository.write("app/deep/run.sh", "#!/bin/sh\n");
        repository.write("docs/read.me", "read\n");
        repository.write(".gitignore", "*.log\n/out/\n");
        symlink("main.c", repository.path("app/link")).unwrap();
        repository.commit();
        repository
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(self.root(), arguments)
    }

    pub(crate) fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
    }

    /// What a build of `context` with its own Dockerfile reads, compared with the commit.
    pub(crate) fn source(&self, context: &str) -> Source {
        self.source_with(context, &format!("{context}/Dockerfile"))
    }

    pub(crate) fn source_with(&self, context: &str, dockerfile: &str) -> Source {
        let inputs = ContextInputs::read(&self.path(context), &self.path(dockerfile)).unwrap();
        compared(self.root(), &[&inputs]).unwrap()
    }

    /// Each path that differs, with its cause.
    pub(crate) fn differences(&self, context: &str) -> Vec<(String, DifferenceCause)> {
        let changes = self.source(context).changes;
        changes
            .into_iter()
            .map(|change| (change.path, change.cause))
            .collect()
    }

    /// The paths in `context` of which git says that the working tree is not what HEAD is.
    pub(crate) fn changed(&self, context: &str) -> BTreeSet<String> {
        let paths = |arguments: &[&str]| -> BTreeSet<String> {
            let output = self.git(arguments);
            output.split_terminator('\0').map(str::to_owned).collect()
        };
        let mut changed = paths(&["diff", "-z", "--name-only", "--no-renames", "HEAD", "--", context]);
        changed.extend(paths(&[
            "ls-files",
            "-z",
            "--others",
            "--exclude-standard",
            "--",
            context,
        ]));
        changed
    }

    pub(crate) fn assert_as_git_says(&self, context: &str, what: &str) {
        let source = self.source(context);
        let found: BTreeSet<String> = source.changes.into_iter().map(|change| change.path).collect();
        assert_eq!(found, self.changed(context), "{what}");
        assert_eq!(source.change_count, found.len(), "{what}");
    }
}

/// What the checkout at `folder` says of its commit, with what of `inputs` differs from it.
pub(crate) fn compared(folder: &Path, inputs: &[&dyn BuildInputs]) -> Result<Source, GitError> {
    let checkout = GixCheckout::at(folder);
    let context = inputs.first().map_or(folder, |main| main.context());
    checkout.compared(checkout.source(context)?, inputs)
}

/// Runs git without the settings of whoever runs the tests.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .current_dir(folder)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", "/nonexistent")
        .env("GIT_COMMITTER_DATE", "2026-02-03T04:05:06+09:00")
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {talk}");
    String::from_utf8(output.stdout).unwrap()
}
