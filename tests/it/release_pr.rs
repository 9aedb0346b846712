//! Versions that are reviewed before they are released: a pull request adds them to the changelog, and its merge releases
//! them. Against the embedded ECR and a fake of GitHub that keeps its rules.

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::github::{Github, Rule, Trouble};
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::process::{Finished, finish};
use test_support::schema::problems;

/// A repository whose `v0.1.0` is released.
struct World {
    ecr: Ecr,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
}

const CHANGELOG: &str = "CHANGELOG.md";

impl World {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let settings = "repository: team/app\nversion: auto\nrelease: true\nrelease-pr: true\n";
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            ("tagship.yaml", settings),
            (
                CHANGELOG,
                "# Changelog\n\n## [0.1.0] - 2026-01-01\n\n- the first\n",
            ),
        ]);
        checkout.tag("v0.1.0");
        let github = Github::of(checkout.path());
        github.put_tag("v0.1.0", &checkout.head());
        Self {
            github,
            ecr,
            checkout,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Commits and pushes; the image of the commit is there.
    fn commit(&self, message: &str) {
        let commit = ["commit", "--quiet", "--allow-empty", "--message", message];
        self.checkout.git(&commit);
        self.github.push_from(self.checkout.path());
        self.build();
    }

    /// Gives HEAD its image, as the build of an earlier run does.
    fn build(&self) {
        let head = self.checkout.head();
        let pusher = Pusher::new(&self.ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": head});
        let digest = pusher.image("amd64", &head, &labels).digest;
        pusher.tag(&format!("sha-{}", &head[..12]), &digest);
    }

    /// Merges the pull request, and checks out what `main` is then.
    fn merge(&self, number: u64) {
        let commit = self.github.merge(number);
        let bare = self.github.repository();
        self.checkout
            .git(&["fetch", "--quiet", bare.to_str().unwrap(), "main"]);
        self.checkout.git(&["reset", "--quiet", "--hard", &commit]);
        self.build();
    }

    fn ship(&self, more: &[&str]) -> Finished {
        let arguments = [&["ship", "--json"], more].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.checkout.path()).envs(self.github.job()))
    }

    #[track_caller]
    fn report(&self) -> Value {
        let run = self.ship(&[]);
        run.expect_code(0);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(problems("docs/schemas/report.json", &report), "", "{report}");
        report
    }

    /// The one pull request, with the changelog of its branch.
    #[track_caller]
    fn pull(&self) -> (Value, String) {
        let pulls = self.github.pulls(CHANGELOG);
        assert_eq!(pulls.len(), 1, "{pulls:?}");
        pulls[0].clone()
    }
}

fn codes(report: &Value) -> Vec<&str> {
    let notes = report["notes"].as_array().unwrap().iter();
    notes.map(|note| note["message"].as_str().unwrap()).collect()
}

#[test]
fn a_version_is_proposed_kept_up_to_date_and_released_by_its_merge() {
    let world = World::new();
    world.commit("feat: colours");
    let report = world.report();
    assert_eq!(
        report["version"],
        Value::Null,
        "the image has its commit's tag alone"
    );
    assert_eq!(report["proposal"]["version"], "0.2.0");
    assert_eq!(report["proposal"]["outcome"], "opened");
    let said = "a pull request proposes the next version";
    assert!(codes(&report).iter().any(|note| note.contains(said)), "{report}");
    let (pull, changelog) = world.pull();
    assert_eq!(pull["title"], "chore(release): v0.2.0");
    assert_eq!(
        (&pull["head"]["ref"], &pull["base"]["ref"]),
        (&json!("tagship-release/main"), &json!("main"))
    );
    let body = pull["body"].as_str().unwrap();
    assert!(body.contains("Merging this releases `v0.2.0`"), "{body}");
    let day = "## [0.1.0] - 2026-01-01";
    let before = changelog.split(day).next().unwrap();
    assert!(
        before.contains("0.2.0") && before.contains("### Features\n\n- colours"),
        "{changelog}"
    );
    assert!(
        changelog.ends_with("- the first\n"),
        "what was there stays: {changelog}"
    );
    assert_eq!(world.github.tags().len(), 1, "nothing is released");

    // The same commit once more changes nothing.
    world.github.forget();
    assert_eq!(world.report()["proposal"]["outcome"], "kept");
    let writes = world.github.writes();
    assert!(
        writes.iter().all(|write| write.ends_with("/git/trees")),
        "{writes:?}"
    );

    // The next one is added, and may make another version of it.
    world.commit("feat!: other colours");
    world.commit("fix: white");
    let report = world.report();
    assert_eq!(report["proposal"]["outcome"], "updated");
    let (pull, changelog) = world.pull();
    assert_eq!(pull["title"], "chore(release): v0.2.0", "0.x stays 0.x");
    assert!(
        changelog.contains("- white") && changelog.contains("- other colours"),
        "{changelog}"
    );

    // Who merges it releases it.
    world.merge(1);
    let report = world.report();
    assert_eq!(report["version"], "0.2.0");
    assert_eq!(report["proposal"], Value::Null);
    let head = world.checkout.head();
    assert_eq!(world.github.tags()["v0.2.0"], head);
    assert_eq!(world.github.latest().as_deref(), Some("v0.2.0"));
    let release = world.github.release("v0.2.0");
    assert!(release["body"].as_str().unwrap().contains("- white"), "{release}");
    assert_eq!(world.report()["status"], "already-published");

    // And the one after it is proposed again.
    world.commit("fix: black");
    let report = world.report();
    assert_eq!(report["proposal"]["version"], "0.2.1");
    assert_eq!(report["proposal"]["outcome"], "opened");
    let pulls = world.github.pulls(CHANGELOG);
    assert_eq!(pulls.len(), 2);
    assert!(!pulls[1].1.contains("- white\n\n### "), "{}", pulls[1].1);
}

#[test]
fn a_reviewer_may_name_another_version() {
    let world = World::new();
    let changelog = "# Changelog\n\n## 1.0.0 - 2026-02-01\n\n- stable\n\n## [0.1.0] - 2026-01-01\n";
    world.checkout.write(CHANGELOG, changelog);
    world
        .checkout
        .git(&["commit", "--all", "--quiet", "--message", "chore: a great day"]);
    world.github.push_from(world.checkout.path());
    world.build();
    let report = world.report();
    assert_eq!(report["version"], "1.0.0");
    assert_eq!(world.github.tags()["v1.0.0"], world.checkout.head());
    assert_eq!(world.github.pulls(CHANGELOG), []);
}

#[test]
fn a_run_of_an_earlier_commit_leaves_the_proposal_of_a_later_one() {
    let world = World::new();
    world.commit("feat: colours");
    let early = world.checkout.head();
    world.commit("fix: white");
    world.report();
    world.checkout.git(&["checkout", "--quiet", "-B", "main", &early]);
    let report = world.report();
    assert_eq!(report["proposal"], Value::Null);
    assert!(world.pull().1.contains("- white"));
}

#[test]
fn whatever_breaks_off_the_next_run_leaves_one_pull_request() {
    let first = World::new();
    first.commit("feat: colours");
    first.github.forget();
    first.report();
    let requests = first.github.requests();
    let writes = requests
        .iter()
        .enumerate()
        .filter(|(_, request)| !request.starts_with("GET"));
    let numbers: Vec<usize> = writes.map(|(number, _)| number).collect();
    assert_eq!(
        numbers.len(),
        4,
        "tree, commit, branch, pull request: {requests:?}"
    );
    for number in numbers {
        for trouble in [Trouble::Lost, Trouble::Failed(502), Trouble::Failed(503)] {
            let world = World::new();
            world.commit("feat: colours");
            world.github.forget();
            world.github.trouble(number, trouble);
            let run = world.ship(&[]);
            if run.code != Some(0) {
                world.report();
            }
            let (pull, changelog) = world.pull();
            assert_eq!(
                pull["title"], "chore(release): v0.2.0",
                "{trouble:?} at {}",
                requests[number]
            );
            assert!(changelog.contains("- colours"));
        }
    }
}

#[test]
fn what_github_refuses_is_explained_and_the_image_stays_published() {
    type Arrange = fn(&Github);
    let cases: [(Arrange, i32, &str, &str); 3] = [
        (
            |github| github.let_propose(false),
            3,
            "GitHub Actions is not permitted to create or approve pull requests.",
            "allow GitHub Actions to create pull requests",
        ),
        (
            |github| github.let_write(false),
            3,
            "Resource not accessible by integration",
            "`permissions: pull-requests: write` and `contents: write`",
        ),
        (
            |github| github.restrict(Rule::Creation, "refs/heads/tagship-release/"),
            1,
            "Cannot create ref due to creations being restricted.",
            "the ruleset that restricts creations",
        ),
    ];
    for (arrange, code, said, hint) in cases {
        let world = World::new();
        world.commit("feat: colours");
        arrange(&world.github);
        let run = world.ship(&[]);
        run.expect_code(code);
        assert!(
            run.stderr.contains(said) && run.stderr.contains(hint),
            "{}",
            run.stderr
        );
        assert_eq!(world.github.tags().len(), 1);
        let commit_tag = format!("sha-{}", &world.checkout.head()[..12]);
        assert!(world.ecr.tags("team/app").contains_key(&commit_tag));
    }
}

#[test]
fn what_cannot_be_reviewed_is_refused_before_anything_is_done() {
    let world = World::new();
    world.commit("feat: colours");
    for (arguments, said) in [
        (&["--version", "1.0.0"][..], "no `version: auto` makes one"),
        (
            &["--release", "false"],
            "says more of a release, and none is asked for",
        ),
        (
            &["--changelog-file", "../CHANGELOG.md"],
            "leads out of the checkout",
        ),
    ] {
        let run = world.ship(arguments);
        run.expect_code(2);
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    std::fs::remove_file(world.checkout.path().join(CHANGELOG)).unwrap();
    std::fs::create_dir(world.checkout.path().join(CHANGELOG)).unwrap();
    let run = world.ship(&["--allow-dirty"]);
    assert_ne!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(world.github.writes(), [] as [String; 0]);
}
