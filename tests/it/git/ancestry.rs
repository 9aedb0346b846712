//! Where commits stand to each other, as git says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tagship::git::GixCheckout;
use tagship_domain::facts::{CommitId, Descent};
use tempfile::TempDir;

use super::repository::{Repository, git};
use crate::version_agreement::any_graph;

const UNKNOWN: Descent = Descent::Unknown { is_shallow: false };
const CUT_OFF: Descent = Descent::Unknown { is_shallow: true };

impl Repository {
    fn next(&self, what: &str) -> String {
        self.write("app/main.c", what);
        self.commit();
        self.id("HEAD")
    }

    fn id(&self, name: &str) -> String {
        self.git(&["rev-parse", name]).trim().to_owned()
    }

    fn descent(&self, of: &str, from: &str) -> Descent {
        let id = |text: &str| CommitId::parse(text).unwrap();
        let checkout = GixCheckout::at(self.root());
        checkout.descent(self.root(), &id(of), &id(from)).unwrap()
    }

    /// What git itself says.
    fn git_says(&self, of: &str, from: &str) -> Descent {
        let is_ancestor = |one: &str, other: &str| {
            let base = self.git(&["merge-base", "--all", one, other]);
            base.lines().any(|base| base == one)
        };
        if is_ancestor(from, of) {
            Descent::After
        } else if is_ancestor(of, from) {
            Descent::Before
        } else {
            Descent::Apart
        }
    }

    fn shallow_clone(&self, depth: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("file://{}", self.root().display());
        git(folder.path(), &["clone", "--quiet", "--depth", depth, &url, "."]);
        Self { folder }
    }
}

#[test]
fn every_pair_of_commits_stands_as_git_says() {
    let repository = Repository::new();
    repository.next("one");
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    repository.next("side");
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("docs/read.me", "other\n");
    repository.commit();
    // Criss-cross merges have more than one base.
    let (main, side) = (repository.id("main"), repository.id("side"));
    repository.git(&["merge", "--quiet", "--no-edit", &side]);
    repository.git(&["checkout", "--quiet", "side"]);
    repository.git(&["merge", "--quiet", "--no-edit", &main]);
    repository.write("docs/read.me", "after\n");
    repository.commit();
    let commits = repository.git(&["rev-list", "--all"]);
    let commits: Vec<&str> = commits.lines().collect();
    assert_eq!(commits.len(), 7);
    for of in &commits {
        for from in &commits {
            assert_eq!(
                repository.descent(of, from),
                repository.git_says(of, from),
                "{of} {from}"
            );
        }
    }
}

/// Times say nothing of what comes from what: clocks differ, and a rebase may keep the times of authors.
#[test]
fn where_commits_stand_does_not_hang_on_their_times() {
    let mut compared = 0;
    for seed in 0..4 {
        let checkout = any_graph(seed, seed % 2 == 1);
        let list = |arguments: &[&str]| -> BTreeSet<String> {
            checkout.git(arguments).lines().map(str::to_owned).collect()
        };
        let commits = list(&["rev-list", "HEAD"]);
        let contained: BTreeMap<&String, BTreeSet<String>> = commits
            .iter()
            .map(|tip| (tip, list(&["rev-list", tip])))
            .collect();
        let git = GixCheckout::at(checkout.path());
        for of in &commits {
            for from in &commits {
                let expected = if contained[of].contains(from) {
                    Descent::After
                } else if contained[from].contains(of) {
                    Descent::Before
                } else {
                    Descent::Apart
                };
                let ids = [of, from].map(|id| CommitId::parse(id).unwrap());
                let found = git.descent(checkout.path(), &ids[0], &ids[1]).unwrap();
                assert_eq!(found, expected, "seed {seed}: {of} {from}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

#[test]
fn unrelated_histories_and_rewritten_branches_stand_apart() {
    let repository = Repository::new();
    let base = repository.id("HEAD");
    let before = repository.next("before");
    repository.git(&["reset", "--quiet", "--hard", &base]);
    let after = repository.next("after");
    assert_eq!(repository.descent(&after, &before), Descent::Apart);
    repository.git(&["checkout", "--quiet", "--orphan", "other"]);
    let orphan = repository.next("orphan");
    assert_eq!(repository.descent(&orphan, &after), Descent::Apart);
    // A clone has no commit that no branch reaches.
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", repository.root().display());
    git(folder.path(), &["clone", "--quiet", &url, "."]);
    let clone = Repository { folder };
    assert_eq!(clone.descent(&after, &before), UNKNOWN);
    assert_eq!(clone.descent(&after, &orphan), Descent::Apart);
}

#[test]
fn a_shallow_clone_says_only_what_it_reaches() {
    let origin = Repository::new();
    let commits: Vec<String> = (0..4).map(|number| origin.next(&number.to_string())).collect();
    let [oldest, old, new, newest] = commits.as_slice() else {
        panic!("four commits")
    };
    let clone = origin.shallow_clone("2");
    assert_eq!(clone.descent(newest, new), Descent::After);
    assert_eq!(clone.descent(new, newest), Descent::Before);
    assert_eq!(clone.descent(newest, old), CUT_OFF);
    assert_eq!(clone.descent(newest, newest), Descent::After);
    // A commit that was fetched by itself: the way to it is missing.
    clone.git(&["fetch", "--quiet", "--depth", "1", "origin", oldest]);
    assert_eq!(clone.descent(newest, oldest), CUT_OFF);
    clone.git(&["fetch", "--quiet", "--unshallow", "origin"]);
    assert_eq!(clone.descent(newest, oldest), Descent::After);
}

#[test]
fn an_id_that_is_of_no_commit_is_unknown() {
    let repository = Repository::new();
    let head = repository.id("HEAD");
    let tree = repository.id("HEAD^{tree}");
    let sha256 = "ab".repeat(32);
    for other in [
        "0123456789abcdef0123456789abcdef01234567",
        tree.as_str(),
        sha256.as_str(),
    ] {
        assert_eq!(repository.descent(&head, other), UNKNOWN, "{other}");
    }
}

#[test]
fn all_git_tags_are_told_whatever_they_point_to() {
    let repository = Repository::new();
    repository.git(&["tag", "v1.0.0"]);
    repository.next("two");
    repository.git(&["tag", "--annotate", "v1.1.0", "--message", "x"]);
    repository.git(&["pack-refs", "--all"]);
    repository.git(&["tag", "app/v2.0.0"]);
    let tags = |repository: &Repository| {
        let checkout = GixCheckout::at(repository.root());
        let mut tags = checkout.git_tags(repository.root()).unwrap();
        tags.names.sort_unstable();
        (tags.names, tags.is_shallow)
    };
    let expected: Vec<String> = repository
        .git(&["tag", "--list"])
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(tags(&repository), (expected, false));
    let clone = repository.shallow_clone("1");
    assert_eq!(
        tags(&clone),
        (vec!["app/v2.0.0".to_owned(), "v1.1.0".to_owned()], true)
    );
    // A tag whose commit the clone does not have is a version that exists.
    let old = repository.git(&["rev-parse", "v1.0.0"]);
    fs::write(clone.path(".git/refs/tags/v1.0.0"), old).unwrap();
    assert!(tags(&clone).0.contains(&"v1.0.0".to_owned()));
}
