use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use tempfile::TempDir;

use super::repository::{Repository, git};

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
