//! What is said of a commit, or of a version, that is published already.

use serde_json::json;
use test_support::images::Pusher;
use test_support::process::finish;
use test_support::shipping::{NO_ENGINE, Shipyard};

/// A checkout whose commit is published, under its commit tag and under `more`.
fn published(more: &[&str]) -> Shipyard {
    let yard = Shipyard::new();
    fix(&yard);
    let pusher = Pusher::new(&yard.ecr, "team/app");
    let labels = json!({"org.opencontainers.image.revision": yard.checkout.head(), "kept": "one"});
    let image = pusher.image("amd64", "layer", &labels);
    for tag in more.iter().copied().chain([yard.commit_tag().as_str()]) {
        pusher.tag(tag, &image.digest);
    }
    yard
}

/// A commit that calls for a patch release.
fn fix(yard: &Shipyard) {
    let message = "fix: a mistake";
    yard.checkout
        .git(&["commit", "--quiet", "--allow-empty", "--message", message]);
}

#[test]
fn labels_that_a_published_commit_lacks_are_named() {
    let yard = published(&[]);
    let labels = ["--labels", "kept=one\nnew=two\norg.opencontainers.image.title=x"];
    let plan = finish(&mut yard.command("plan", NO_ENGINE, &labels));
    plan.expect_code(0);
    assert!(plan.stdout.contains("already published"), "{}", plan.stdout);
    let note =
        "the published image has no label `new`, `org.opencontainers.image.title` as it is asked for now";
    assert!(plan.stdout.contains(note), "{}", plan.stdout);
    let same = finish(&mut yard.command("plan", NO_ENGINE, &["--labels", "kept=one"]));
    assert!(!same.stdout.contains("has no label"), "{}", same.stdout);
}

#[test]
fn a_version_that_is_counted_twice_names_the_git_tag_that_is_missing() {
    let yard = published(&["1.0.1"]);
    let first = yard.checkout.head();
    fix(&yard);
    let run = finish(&mut yard.command("plan", NO_ENGINE, &["--version", "auto"]));
    run.expect_code(10);
    let cure = format!("git tag v1.0.1 {first} && git push origin v1.0.1");
    assert!(run.stderr.contains(&cure), "{}", run.stderr);
    assert!(run.stderr.contains("`release: git-tag`"), "{}", run.stderr);
    // Who says the version counts nothing.
    let run = finish(&mut yard.command("plan", NO_ENGINE, &["--version", "1.0.1"]));
    run.expect_code(10);
    assert!(
        run.stderr.contains("publish this commit under another version"),
        "{}",
        run.stderr
    );
}
