//! `release: git-tag` without a forge whose API is spoken: git pushes the tag with the checkout's own credential.

use std::path::Path;

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::images::Pusher;
use test_support::local::{Ecr, is_tag_put};
use test_support::process::{Finished, finish, output_of, scrubbed};

/// A checkout whose `origin` is a bare repository, with an image under its commit tag.
struct World {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
    origin: tempfile::TempDir,
    digest: String,
}

impl World {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            (
                "tagship.yaml",
                "repository: team/app\nversion: auto\nrelease: git-tag\n",
            ),
        ]);
        let (home, origin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        git(origin.path(), &["init", "--quiet", "--bare"]);
        let path = origin.path().to_str().unwrap();
        checkout.git(&["remote", "add", "origin", path]);
        checkout.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": checkout.head()});
        let digest = pusher.image("amd64", "content", &labels).digest;
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &digest);
        ecr.forget_journal();
        Self {
            digest: digest.to_string(),
            ecr,
            checkout,
            home,
            origin,
        }
    }

    fn ship(&self, more: &[&str]) -> Finished {
        let arguments = [&["ship", "--json"], more].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.checkout.path()))
    }

    fn tags(&self) -> String {
        git(
            self.origin.path(),
            &[
                "for-each-ref",
                "--format=%(refname:strip=2) %(objecttype) %(*objectname)",
                "refs/tags",
            ],
        )
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = scrubbed("git", folder);
    output_of(
        command
            .current_dir(folder)
            .args(["-c", "safe.directory=*"])
            .args(arguments),
    )
}

#[test]
fn the_git_tag_is_pushed_with_the_digest_once() {
    let world = World::new();
    let more = ["--release-moving-tags", "minor"];
    let arguments = [&["plan", "--json"], &more[..]].concat();
    let mut plan = world.ecr.command(world.home.path(), &arguments);
    let planned = finish(plan.current_dir(world.checkout.path()));
    planned.expect_code(0);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(plan["release"]["git-tag"]["action"], "create", "{plan}");
    assert_eq!(world.tags(), "");
    let run = world.ship(&more);
    run.expect_code(0);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["version"], "0.1.0");
    let head = world.checkout.head();
    let tags = world.tags();
    let expected = format!("v0.1 commit \nv0.1.0 tag {head}");
    assert_eq!(tags.trim(), expected.trim(), "{tags}");
    let message = git(
        world.origin.path(),
        &["tag", "--list", "--format=%(contents)", "v0.1.0"],
    );
    let image = format!("{}/team/app@{}", world.ecr.host(), world.digest);
    assert!(message.contains(&image), "{message}");
    assert_eq!(
        world.checkout.git(&["tag", "--list"]).trim(),
        "",
        "the checkout has no tag of it"
    );
    let again = world.ship(&more);
    again.expect_code(0);
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(report["status"], "already-published");
}

#[test]
fn a_version_that_the_remote_has_is_counted_and_never_moved() {
    let world = World::new();
    world
        .checkout
        .git(&["commit", "--quiet", "--allow-empty", "--message", "feat: other"]);
    world.checkout.git(&[
        "push",
        "--quiet",
        "origin",
        "HEAD:refs/heads/other",
        "HEAD:refs/tags/v0.1.0",
    ]);
    world.checkout.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let run = world.ship(&[]);
    run.expect_code(10);
    assert!(run.stderr.contains("git tag `v0.1.0`"), "{}", run.stderr);
    assert_eq!(world.tags().lines().count(), 1);
    assert!(!world.ecr.journal().iter().any(is_tag_put));
}

#[test]
fn a_remote_that_takes_no_tag_is_found_before_any_tag_is_put() {
    let world = World::new();
    world
        .checkout
        .git(&["remote", "set-url", "--push", "origin", "/nonexistent"]);
    let run = world.ship(&[]);
    run.expect_code(1);
    assert!(
        run.stderr.contains("git remote `origin` failed: "),
        "{}",
        run.stderr
    );
    assert!(!world.ecr.journal().iter().any(is_tag_put));
    world.checkout.git(&["remote", "remove", "origin"]);
    let run = world.ship(&[]);
    run.expect_code(1);
    assert!(run.stderr.contains("a remote `origin`"), "{}", run.stderr);
}

/// Only GitHub's API starts workflows: a git remote has no such thing.
#[test]
fn a_workflow_that_nothing_could_start_is_refused_before_anything_is_done() {
    let world = World::new();
    let more = ["--dispatch-workflow", "deploy.yml"];
    for (command, release) in [
        ("plan", "git-tag"),
        ("ship", "git-tag"),
        ("plan", "true"),
        ("ship", "true"),
    ] {
        let arguments = [&[command, "--release", release], &more[..]].concat();
        let mut run = world.ecr.command(world.home.path(), &arguments);
        let run = finish(run.current_dir(world.checkout.path()));
        run.expect_code(2);
        let said = "`dispatch-workflow` needs a token for GitHub";
        assert!(run.stderr.contains(said), "{}", run.stderr);
        assert!(run.stderr.contains("TAGSHIP_GITHUB_TOKEN"), "{}", run.stderr);
    }
    assert_eq!(world.tags(), "");
    assert!(!world.ecr.journal().iter().any(is_tag_put));
}

#[test]
fn what_github_would_take_is_a_warning_of_the_plan_where_it_cannot_be_reached() {
    let world = World::new();
    for command in ["plan", "ship"] {
        let mut run = world.ecr.command(world.home.path(), &[command]);
        run.current_dir(world.checkout.path());
        let run = finish(run.env("TAGSHIP_NOTIFY", "commit-status\ndeployment=production"));
        run.expect_code(0);
        for kind in ["commit-status", "deployment"] {
            let said = format!("`notify`: `{kind}` needs a token for GitHub");
            assert_eq!(run.stderr.matches(&said).count(), 1, "{}", run.stderr);
        }
    }
}
