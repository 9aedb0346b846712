//! The checkout is what git itself says it is.
#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tagship::domain::facts::Source;
use tagship::git::{GitError, GixCheckout};
use tagship::ports::Checkout as _;
use tempfile::TempDir;

/// A repository with one commit.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
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

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(self.root(), arguments)
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
    }

    fn source(&self, context: &str) -> Source {
        GixCheckout::at(self.root()).source(&self.path(context)).unwrap()
    }

    /// The paths that git calls changed; untracked ones in `context` only.
    fn changed(&self, context: &str) -> BTreeSet<String> {
        let status = |more: &[&str]| {
            let mut arguments = vec!["status", "--porcelain", "-z", "--no-renames"];
            arguments.extend(more);
            let output = self.git(&arguments);
            let paths: BTreeSet<String> = output
                .split_terminator('\0')
                .map(|line| line[3..].trim_end_matches('/').to_owned())
                .collect();
            paths
        };
        let mut changed = status(&["--untracked-files=no"]);
        changed.extend(status(&["--untracked-files=all", "--", context]));
        changed
    }

    fn assert_as_git_says(&self, context: &str, what: &str) {
        let source = self.source(context);
        let found: BTreeSet<String> = source.changes.into_iter().collect();
        assert_eq!(found, self.changed(context), "{what}");
        assert_eq!(source.change_count, found.len(), "{what}");
    }
}

/// Runs git without the settings of whoever runs the tests.
fn git(folder: &Path, arguments: &[&str]) -> String {
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

#[test]
fn the_commit_is_gits() {
    let repository = Repository::new();
    let source = repository.source("app");
    let head = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(source.commit.as_str(), head.trim());
    let time = repository.git(&["log", "-1", "--format=%ct"]);
    assert_eq!(source.committed_at.as_second().to_string(), time.trim());
    assert_eq!(
        (source.change_count, source.changes.len(), source.url),
        (0, 0, None)
    );
}

#[test]
fn the_tags_at_head_are_gits() {
    let repository = Repository::new();
    repository.git(&["tag", "v0.9.0"]);
    repository.write("docs/read.me", "changed\n");
    repository.commit();
    repository.git(&["tag", "v1.0.0"]);
    repository.git(&["tag", "--annotate", "v1.0.0-annotated", "--message", "x"]);
    repository.git(&[
        "tag",
        "nested",
        "--annotate",
        "v1.0.0-annotated",
        "--message",
        "x",
    ]);
    repository.git(&["tag", "tree", "HEAD^{tree}"]);
    repository.git(&["pack-refs", "--all"]);
    repository.git(&["tag", "team/v1", "--annotate", "--message", "x"]);
    repository.git(&["tag", "loose"]);
    repository.git(&["tag", "--delete", "v1.0.0"]);
    let expected: Vec<String> = repository
        .git(&["tag", "--points-at", "HEAD"])
        .lines()
        .map(str::to_owned)
        .collect();
    assert!(expected.contains(&"v1.0.0-annotated".to_owned()));
    assert_eq!(repository.source("app").tags, expected);
}

#[test]
fn changes_are_gits() {
    type Change = fn(&Repository);
    let changes: [(&str, Change); 21] = [
        ("nothing", |_| {}),
        ("content", |r| r.write("app/main.c", "int other;\n")),
        ("same size", |r| r.write("app/main.c", "int mAin;\n")),
        ("content outside of the context", |r| {
            r.write("docs/read.me", "else\n");
        }),
        ("staged", |r| {
            r.write("app/main.c", "staged");
            r.git(&["add", "."]);
        }),
        ("staged, then put back", |r| {
            r.write("app/main.c", "staged");
            r.git(&["add", "."]);
            r.write("app/main.c", "int main;\n");
        }),
        ("deleted", |r| fs::remove_file(r.path("app/main.c")).unwrap()),
        ("deleted from the index alone", |r| {
            r.git(&["rm", "--quiet", "--cached", "docs/read.me"]);
        }),
        ("renamed", |r| {
            r.git(&["mv", "docs/read.me", "docs/moved"]);
        }),
        ("executable", |r| {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(r.path("app/deep/run.sh"), mode).unwrap();
        }),
        ("executable, where modes do not count", |r| {
            r.git(&["config", "core.fileMode", "false"]);
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(r.path("app/deep/run.sh"), mode).unwrap();
        }),
        ("another link", |r| {
            fs::remove_file(r.path("app/link")).unwrap();
            symlink("deep/run.sh", r.path("app/link")).unwrap();
        }),
        ("a file for a link", |r| {
            fs::remove_file(r.path("app/link")).unwrap();
            r.write("app/link", "main.c");
        }),
        ("untracked in the context", |r| {
            r.write("app/new/a", "");
            r.write("app/new/b", "");
        }),
        ("untracked elsewhere", |r| {
            r.write("docs/new", "");
            r.write("application", "");
        }),
        ("ignored", |r| {
            r.write("app/x.log", "");
            r.write("out/x", "");
        }),
        ("excluded by the clone alone", |r| {
            fs::create_dir_all(r.path(".git/info")).unwrap();
            fs::write(r.path(".git/info/exclude"), "secret\n").unwrap();
            r.write("app/secret", "");
        }),
        ("intent to add", |r| {
            r.write("app/new", "x");
            r.git(&["add", "--intent-to-add", "app/new"]);
        }),
        ("an empty folder", |r| {
            fs::create_dir(r.path("app/empty")).unwrap();
        }),
        ("a repository in the repository", |r| {
            r.write("app/inner/x", "");
            git(&r.path("app/inner"), &["init", "--quiet"]);
        }),
        ("only the time", |r| {
            for path in ["app/main.c", "docs/read.me"] {
                let file = fs::File::options().write(true).open(r.path(path)).unwrap();
                let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
                file.set_modified(long_ago).unwrap();
            }
        }),
    ];
    for (what, change) in changes {
        let repository = Repository::new();
        change(&repository);
        // git writes what it learns into the index: so we look first.
        let first = repository.source("app").change_count;
        repository.assert_as_git_says("app", what);
        assert_eq!(first, repository.source("app").change_count, "{what}");
    }
}

#[test]
fn the_context_may_be_the_whole_repository_or_outside() {
    let repository = Repository::new();
    repository.write("docs/new", "");
    repository.assert_as_git_says(".", "root");
    assert_eq!(repository.source(".").change_count, 1);
    assert_eq!(repository.source("../elsewhere").change_count, 0);
    assert_eq!(repository.source("docs/../app/../docs").change_count, 1);
}

#[test]
fn line_endings_follow_the_attributes() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.txt text eol=crlf\n*.auto text=auto\n");
    repository.write("app/a.txt", "one\r\ntwo\r\n");
    repository.write("app/b.auto", "one\ntwo\n");
    repository.commit();
    repository.write("app/b.auto", "one\r\ntwo\r\n");
    repository.assert_as_git_says("app", "other line endings");
    repository.write("app/a.txt", "one\r\n2\r\n");
    repository.assert_as_git_says("app", "other content");
    assert!(repository.source("app").changes.contains(&"app/a.txt".to_owned()));
}

#[test]
fn a_copy_with_new_times_is_clean() {
    let repository = Repository::new();
    let copy = TempDir::new().unwrap();
    let status = Command::new("cp")
        .args(["-R", "-P"])
        .arg(repository.path("."))
        .arg(copy.path())
        .status()
        .unwrap();
    assert!(status.success());
    let copy = Repository { folder: copy };
    assert_eq!(copy.source("app").change_count, 0);
    copy.assert_as_git_says("app", "copy");
}

#[test]
fn only_the_first_changes_are_told() {
    let repository = Repository::new();
    for number in 10..35 {
        repository.write(&format!("app/new-{number}"), "");
    }
    repository.write("app/new-0\n::error::", "");
    let source = repository.source("app");
    assert_eq!((source.change_count, source.changes.len()), (26, 10));
    assert_eq!(source.changes[0], "app/new-0\u{fffd}::error::");
    assert_eq!(source.changes[9], "app/new-18");
}

#[test]
fn a_shallow_clone_is_read() {
    let origin = Repository::new();
    origin.git(&["tag", "v0.1.0"]);
    origin.write("app/main.c", "int two;\n");
    origin.commit();
    origin.git(&["tag", "v0.2.0", "--annotate", "--message", "x"]);
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", origin.root().display());
    git(folder.path(), &["clone", "--quiet", "--depth", "1", &url, "."]);
    let clone = Repository { folder };
    let source = clone.source("app");
    assert_eq!(source.commit, origin.source("app").commit);
    assert_eq!(source.tags, ["v0.2.0"]);
    assert_eq!((source.change_count, source.url), (0, None));
    // A tag whose commit the clone does not have.
    let old = origin.git(&["rev-parse", "v0.1.0"]);
    fs::write(clone.path(".git/refs/tags/v0.1.0"), old).unwrap();
    assert_eq!(clone.source("app").tags, ["v0.2.0"]);
}

#[test]
fn submodules_count_as_git_counts_them() {
    let library = Repository::new();
    let repository = Repository::new();
    let url = library.root().to_str().unwrap();
    repository.git(&["submodule", "--quiet", "add", url, "app/library"]);
    repository.commit();
    repository.assert_as_git_says("app", "clean");
    assert_eq!(repository.source("app").change_count, 0);
    repository.write("app/library/app/main.c", "int changed;\n");
    repository.assert_as_git_says("app", "changed within");
    assert_eq!(repository.source("app").change_count, 1);
    git(
        &repository.path("app/library"),
        &["commit", "--quiet", "--all", "--message", "x"],
    );
    repository.assert_as_git_says("app", "another commit");
    assert_eq!(repository.source("app").change_count, 1);

    let folder = TempDir::new().unwrap();
    let url = repository.root().to_str().unwrap();
    git(folder.path(), &["clone", "--quiet", url, "."]);
    let clone = Repository { folder };
    assert_eq!(clone.source("app").change_count, 0, "not initialised");
}

#[test]
fn the_origin_tells_the_web_address() {
    let repository = Repository::new();
    repository.git(&["remote", "add", "origin", "git@github.com:octo/app.git"]);
    let source = repository.source("app");
    assert_eq!(source.url.as_deref(), Some("https://github.com/octo/app"));
}

#[test]
fn a_worktree_and_a_detached_head_are_read() {
    let repository = Repository::new();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tree");
    repository.git(&["worktree", "add", "--quiet", "--detach", path.to_str().unwrap()]);
    let source = GixCheckout::at(&path).source(&path.join("app")).unwrap();
    assert_eq!(source.commit, repository.source("app").commit);
    fs::write(path.join("app/main.c"), "changed").unwrap();
    assert_eq!(
        GixCheckout::at(&path).source(&path).unwrap().changes,
        ["app/main.c"]
    );
    assert_eq!(repository.source("app").change_count, 0);
}

#[test]
fn a_repository_in_a_folder_of_the_workspace_is_found_by_the_context() {
    let workspace = TempDir::new().unwrap();
    let inner = workspace.path().join("checkout");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("x"), "").unwrap();
    git(&inner, &["init", "--quiet"]);
    git(&inner, &["add", "."]);
    git(&inner, &["commit", "--quiet", "--message", "x"]);
    let source = GixCheckout::at(workspace.path()).source(&inner).unwrap();
    assert_eq!(source.change_count, 0);
}

#[test]
fn what_is_no_checkout_is_told() {
    let folder = TempDir::new().unwrap();
    let read = |path: &Path| GixCheckout::at(path).source(path).unwrap_err();
    assert!(matches!(read(folder.path()), GitError::NoRepository { .. }));
    assert!(matches!(
        read(&folder.path().join("missing")),
        GitError::NoRepository { .. } | GitError::Unreadable { .. }
    ));

    git(folder.path(), &["init", "--quiet"]);
    assert!(matches!(read(folder.path()), GitError::Unborn { .. }));

    let bare = TempDir::new().unwrap();
    git(bare.path(), &["init", "--quiet", "--bare"]);
    assert!(matches!(read(bare.path()), GitError::Bare { .. }));

    let repository = Repository::new();
    let head = repository.git(&["rev-parse", "HEAD"]);
    let (first, rest) = head.trim().split_at(2);
    fs::remove_file(repository.path(&format!(".git/objects/{first}/{rest}"))).unwrap();
    let error = read(repository.root());
    assert!(matches!(error, GitError::Unreadable { .. }), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");

    let repository = Repository::new();
    fs::write(repository.path(".git/index"), "DIRCgarbage").unwrap();
    assert!(matches!(read(repository.root()), GitError::Unreadable { .. }));

    let repository = Repository::new();
    fs::write(repository.path(".git/config"), "[core\nnonsense").unwrap();
    assert!(matches!(read(repository.root()), GitError::Unreadable { .. }));
}

/// In a container action the checkout belongs to the runner's user, and the action is root. Only root can give files
/// away, so that other users see only the first half of this test.
#[test]
fn another_users_repository_is_read_but_its_programs_are_not_run() {
    let repository = Repository::new();
    repository.write(".gitattributes", "*.c filter=evil\n");
    repository.commit();
    repository.git(&["tag", "v1.2.3", "--annotate", "--message", "x"]);
    repository.git(&["remote", "add", "origin", "https://u:p@github.com/octo/app.git"]);
    let trace = repository.path(".git/ran");
    let program = format!("touch {}; cat", trace.display());
    repository.git(&["config", "filter.evil.clean", &program]);
    repository.git(&["config", "core.fsmonitor", &program]);
    let other = Some(1001);
    if std::os::unix::fs::chown(repository.root(), other, other).is_err() {
        return;
    }
    let given = Command::new("chown")
        .args(["-R", "1001:1001"])
        .arg(repository.root())
        .status()
        .unwrap();
    assert!(given.success());
    let file = fs::File::options()
        .write(true)
        .open(repository.path("app/main.c"))
        .unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    let source = repository.source("app");
    assert_eq!(source.tags, ["v1.2.3"]);
    assert_eq!(source.change_count, 0);
    assert_eq!(source.url.as_deref(), Some("https://github.com/octo/app"));
    assert!(!trace.exists());
    repository.write("app/main.c", "changed");
    assert_eq!(repository.source("app").changes, ["app/main.c"]);
}

/// Runs itself again in an environment that points git elsewhere.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the parent tells the child by a variable"
)]
fn the_environment_does_not_redirect() {
    const REPOSITORY: &str = "TAGSHIP_TEST_REPOSITORY";
    if let Ok(path) = std::env::var(REPOSITORY) {
        let path = PathBuf::from(path);
        let source = GixCheckout::at(&path).source(&path).unwrap();
        assert_eq!(source.changes, ["app/main.c"]);
        assert_eq!(source.tags, ["here"]);
        return;
    }
    let (here, elsewhere) = (Repository::new(), Repository::new());
    here.git(&["tag", "here"]);
    here.write("app/main.c", "changed");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_environment_does_not_redirect"])
        .env(REPOSITORY, here.root())
        .env("GIT_DIR", elsewhere.path(".git"))
        .env("GIT_WORK_TREE", elsewhere.root())
        .env("GIT_INDEX_FILE", elsewhere.path(".git/index"))
        .env("GIT_OBJECT_DIRECTORY", elsewhere.path(".git/objects"))
        .env("GIT_CEILING_DIRECTORIES", here.root())
        .env("GIT_NAMESPACE", "elsewhere")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.worktree")
        .env("GIT_CONFIG_VALUE_0", elsewhere.root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
