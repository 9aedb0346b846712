//! The commit that is checked out, as git says.

use std::fs;

use tagship::engine::ContextInputs;
use tagship::git::GixCheckout;
use tempfile::TempDir;

use super::repository::{Repository, compared, git};

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
    let inputs = ContextInputs::read(&path, &path.join("Dockerfile")).unwrap();
    let changes = compared(&path, &[&inputs]).unwrap().changes;
    assert_eq!(changes[0].path, "app/main.c");
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
    let inputs = ContextInputs::read(&inner, &inner.join("Dockerfile")).unwrap();
    let source = compared(workspace.path(), &[&inputs]).unwrap();
    assert_eq!(source.change_count, 0);
}
