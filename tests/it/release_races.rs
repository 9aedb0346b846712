//! Two runs that count to the same version, against the embedded ECR and a fake of GitHub.

use std::sync::Arc;

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::github::Github;
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::process::{Finished, finish};

/// A repository whose commits are released one after the other: `v0.1.0` is.
struct World {
    ecr: Arc<Ecr>,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
}

impl World {
    /// After the release, one commit for each message; all are pushed, and have an image under their commit tags.
    fn new(messages: &[&str]) -> (Self, Vec<String>) {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            (
                "tagship.yaml",
                "repository: team/app\nversion: auto\nrelease: true\n",
            ),
        ]);
        checkout.tag("v0.1.0");
        let github = Github::of(checkout.path());
        github.put_tag("v0.1.0", &checkout.head());
        let world = Self {
            github,
            ecr: Arc::new(ecr),
            checkout,
            home: tempfile::tempdir().unwrap(),
        };
        let commits = messages.iter().map(|message| world.commit(message)).collect();
        (world, commits)
    }

    fn commit(&self, message: &str) -> String {
        let commit = ["commit", "--quiet", "--allow-empty", "--message", message];
        self.checkout.git(&commit);
        self.github.push_from(self.checkout.path());
        let head = self.checkout.head();
        assert!(tag_image(&self.ecr, &head, &format!("sha-{}", &head[..12])));
        head
    }

    fn ship(&self, more: &[&str]) -> Finished {
        let arguments = [&["ship", "--json"], more].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.checkout.path()).envs(self.github.job()))
    }

    /// Everything that a version promises that was released of HEAD.
    #[track_caller]
    fn expect_released(&self, run: &Finished, version: &str) {
        run.expect_code(0);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["version"], version, "{}", run.stderr);
        assert_eq!(self.github.tags()[&format!("v{version}")], self.checkout.head());
        let images = self.ecr.tags("team/app");
        assert_eq!(images[version], report["digest"].as_str().unwrap());
        assert_eq!(self.github.latest(), Some(format!("v{version}")));
    }
}

/// Gives the image of a commit a tag, as another run does; `false` where the tag is taken.
fn tag_image(ecr: &Ecr, commit: &str, tag: &str) -> bool {
    if ecr.tags("team/app").contains_key(tag) {
        return false;
    }
    let pusher = Pusher::new(ecr, "team/app");
    let labels = json!({"org.opencontainers.image.revision": commit});
    pusher.tag(tag, &pusher.image("amd64", commit, &labels).digest);
    true
}

#[test]
fn the_later_of_two_runs_counts_again() {
    let (world, commits) = World::new(&["feat: colours", "fix: colours"]);
    // The other run has put its image's tag, and not its git tag yet.
    assert!(tag_image(&world.ecr, &commits[0], "0.2.0"));
    let run = world.ship(&[]);
    world.expect_released(&run, "0.2.1");
    let said = format!(
        "another run took 0.2.0 for commit {}: the version is counted again",
        &commits[0][..12]
    );
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert!(!world.github.tags().contains_key("v0.2.0"));
    let again = world.ship(&[]);
    again.expect_code(0);
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(report["status"], "already-published");
}

#[test]
fn a_version_of_a_commit_that_is_not_contained_is_not_passed_over() {
    let (world, commits) = World::new(&["feat: colours"]);
    world.checkout.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    world.commit("feat: shapes");
    assert!(tag_image(&world.ecr, &commits[0], "0.2.0"));
    let run = world.ship(&[]);
    run.expect_code(10);
    let said = format!(
        "git tag `v0.2.0`, which is taken by commit {}, and HEAD does not contain it",
        &commits[0][..12]
    );
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert_eq!(world.github.tags().len(), 1);
}

#[test]
fn a_version_is_counted_again_three_times_at_most_and_only_for_a_release() {
    let (world, commits) = World::new(&["feat: a", "fix: b", "fix: c", "fix: d", "fix: e"]);
    for (number, commit) in commits.iter().take(4).enumerate() {
        assert!(tag_image(&world.ecr, commit, &format!("0.2.{number}")));
    }
    let run = world.ship(&[]);
    run.expect_code(10);
    assert!(run.stderr.contains("tag `0.2.3` in `team/app`"), "{}", run.stderr);
    assert_eq!(
        run.stderr.matches("is counted again").count(),
        3,
        "{}",
        run.stderr
    );
    // Without a git tag of its own the version would be counted again for ever.
    let run = world.ship(&["--release", "false"]);
    run.expect_code(10);
    assert!(run.stderr.contains("tag `0.2.0` in `team/app`"), "{}", run.stderr);
    assert_eq!(world.github.tags().len(), 1);
}

/// Another run publishes a commit before HEAD as 0.2.0 at any moment: each version is one commit's, and this run ends well or
/// has given its image the number first.
#[test]
fn a_version_that_is_taken_at_any_moment_has_one_commit() {
    let mut taken_first = 0;
    for request in 0.. {
        let (world, commits) = World::new(&["feat: colours", "fix: colours"]);
        let (ecr, other) = (Arc::clone(&world.ecr), commits[0].clone());
        world.github.forget();
        world.github.at_request(request, move || {
            // The fake answers within a runtime, and the client needs one of its own.
            let put = std::thread::spawn(move || tag_image(&ecr, &other, "0.2.0"));
            let _is_first = put.join().expect("the other run puts its tag or finds it taken");
        });
        let run = world.ship(&[]);
        if world.github.requests().len() <= request {
            world.github.forget();
            break;
        }
        let image = world.ecr.tags("team/app");
        let of = |tag: &str| image.get(tag).cloned();
        let other_image = of(&format!("sha-{}", &commits[0][..12]));
        let our_image = of(&format!("sha-{}", &commits[1][..12]));
        if of("0.2.0") == our_image {
            world.expect_released(&run, "0.2.0");
            assert_eq!(of("0.2.1"), None, "{request}");
        } else {
            taken_first += 1;
            assert_eq!(of("0.2.0"), other_image, "{request}");
            world.expect_released(&run, "0.2.1");
            assert!(!world.github.tags().contains_key("v0.2.0"), "{request}");
        }
    }
    assert!(taken_first > 1, "{taken_first}");
}
