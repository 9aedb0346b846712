//! `tagship release`: an image that is published already, against the embedded ECR and a fake of GitHub.

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::github::{Github, Rule, Trouble};
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::process::{Finished, finish, output_of};
use test_support::schema::problems;

/// Version 1.4.0 of the first of two commits, published.
struct World {
    ecr: Ecr,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
    released: String,
    newer: String,
}

impl World {
    fn new() -> Self {
        let mut checkout = Checkout::with(&[("a", "a")]);
        let released = checkout.head();
        let newer = checkout.commit(&[("a", "b")]);
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let labels = json!({
            "org.opencontainers.image.version": "1.4.0",
            "org.opencontainers.image.revision": released,
        });
        let pusher = Pusher::new(&ecr, "team/app");
        let images = ["amd64", "arm64"].map(|platform| pusher.image(platform, platform, &labels));
        let index = pusher.index(&images);
        pusher.tag("1.4.0", &index.digest);
        ecr.forget_journal();
        Self {
            github: Github::of(checkout.path()),
            home: tempfile::tempdir().unwrap(),
            ecr,
            checkout,
            released,
            newer,
        }
    }

    fn release(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["release", "--json"], arguments].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        command.current_dir(self.checkout.path()).envs(self.github.job());
        finish(&mut command)
    }

    #[track_caller]
    fn report(&self, arguments: &[&str]) -> Value {
        let run = self.release(arguments);
        run.expect_code(0);
        serde_json::from_str(&run.stdout).unwrap()
    }
}

const MOVING: [&str; 3] = ["team/app:1.4.0", "--release-moving-tags", "major,minor"];

#[test]
fn a_published_image_is_released_at_its_own_commit_once() {
    let world = World::new();
    let first = world.report(&MOVING);
    assert_eq!(first["status"], "published");
    assert_eq!(problems("docs/schemas/report.json", &first), "", "{first}");
    for tag in ["v1.4.0", "v1", "v1.4"] {
        assert_eq!(world.github.tags()[tag], world.released, "{tag}");
    }
    let release = world.github.release("v1.4.0");
    let body = release["body"].as_str().unwrap();
    assert!(body.contains(first["digest"].as_str().unwrap()), "{body}");
    assert!(body.contains("linux/arm64"), "{body}");
    assert_eq!(world.github.latest().as_deref(), Some("v1.4.0"));
    world.github.forget();
    let second = world.report(&MOVING);
    assert_eq!(second["status"], "already-published");
    assert_eq!(second["release"]["url"], first["release"]["url"]);
    assert_eq!(world.github.writes(), [] as [String; 0]);
    assert_eq!(world.ecr.writes(), []);
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let world = World::new();
    let plan = world.report(&["team/app:1.4.0", "--dry-run"]);
    assert_eq!(plan["tag"], "v1.4.0");
    assert_eq!(plan["git-tag"]["action"], "create");
    assert_eq!(plan["release"], "create");
    assert_eq!(world.github.writes(), [] as [String; 0]);
}

#[test]
fn what_is_no_release_is_refused() {
    let world = World::new();
    let pusher = Pusher::new(&world.ecr, "team/app");
    let image = |version: &str, revision: &str, tag: &str| {
        let labels = json!({
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.revision": revision,
        });
        pusher.tag(tag, &pusher.image("amd64", tag, &labels).digest);
    };
    image("1.5.0", &world.newer, "other");
    image("1.6.0", "unknown", "1.6.0");
    image("", &world.newer, "unversioned");
    image("1.7.0", &format!("{}-dirty", world.newer), "1.7.0");
    for (tag, problem) in [
        ("other", "tag `1.5.0` does not point to it"),
        ("1.6.0", "it does not say its commit"),
        ("unversioned", "it does not say its version"),
        ("1.7.0", "it was built from a working tree with changes"),
    ] {
        let run = world.release(&[&format!("team/app:{tag}")]);
        run.expect_code(2);
        assert!(run.stderr.contains(problem), "{}", run.stderr);
    }
    world.release(&["team/app:9.9.9"]).expect_code(1);
    assert_eq!(world.github.writes(), [] as [String; 0]);
}

#[test]
fn an_image_of_several_has_git_tags_of_its_own() {
    let world = World::new();
    world.github.put_tag("v9.0.0", &world.newer);
    world.github.put_tag("api/v1.3.0", &world.released);
    let report = world.report(&[&MOVING[..], &["--tag-prefix", "api/v"]].concat());
    let tags: Vec<&str> = report["release"]["git-tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["tag"].as_str().unwrap())
        .collect();
    assert_eq!(tags, ["api/v1.4.0", "api/v1", "api/v1.4"]);
    assert_eq!(world.github.latest().as_deref(), Some("api/v1.4.0"));
    assert_eq!(world.github.tags()["v9.0.0"], world.newer);
}

#[test]
fn a_git_tag_alone_is_annotated_with_the_digest() {
    let world = World::new();
    let report = world.report(&["team/app:1.4.0", "--git-tag"]);
    assert_eq!(report["release"]["outcome"], Value::Null);
    assert_ne!(
        world.github.tags()["v1.4.0"],
        world.released,
        "it is an object of its own"
    );
    assert_eq!(world.github.releases(), json!([]));
    // Read through its object, it is this commit.
    let again = world.report(&["team/app:1.4.0", "--git-tag"]);
    assert_eq!(again["status"], "already-published");
}

#[test]
fn a_release_has_an_annotated_git_tag_with_the_digest_where_that_is_asked_for() {
    let world = World::new();
    let annotated = [&MOVING[..], &["--release-annotated"]].concat();
    let plan = world.report(&[&annotated[..], &["--dry-run"]].concat());
    assert_eq!(plan["is-annotated"], true);
    let report = world.report(&annotated);
    assert_eq!(report["release"]["outcome"], "published");
    let mut git = std::process::Command::new("git");
    git.args(["cat-file", "tag", "v1.4.0"])
        .current_dir(world.github.repository());
    let object = output_of(&mut git);
    assert!(object.contains(&format!("object {}", world.released)), "{object}");
    let digest = report["digest"].as_str().unwrap();
    assert!(object.contains(&format!("team/app@{digest}")), "{object}");
    assert_eq!(
        world.github.tags()["v1"],
        world.released,
        "what moves is no object"
    );
    assert_eq!(world.report(&annotated)["status"], "already-published");
    let alone = world.release(&["team/app:1.4.0", "--git-tag", "--dry-run"]);
    alone.expect_code(0);
}

#[test]
fn what_the_repositorys_rules_refuse_is_explained_by_its_rule() {
    for (rule, begin, code, said, hint) in [
        (
            Rule::Creation,
            "refs/tags/v",
            1,
            "the rules of `tagship/tagship` refuse `v1.4.0`: Repository rule violations found",
            "the bypass list of the ruleset that restricts creations",
        ),
        (
            Rule::Protected,
            "refs/tags/v1.4.0",
            1,
            "the rules of `tagship/tagship` refuse `v1.4.0`: Reference update failed (422",
            "look at the rulesets and tag protection",
        ),
    ] {
        let world = World::new();
        world.github.restrict(rule, begin);
        let run = world.release(&MOVING);
        run.expect_code(code);
        assert!(run.stderr.contains(said), "{}", run.stderr);
        assert!(run.stderr.contains(hint), "{}", run.stderr);
        assert!(world.github.tags().is_empty());
        assert_eq!(world.github.releases(), json!([]));
    }
}

#[test]
fn a_rule_against_moving_leaves_the_release_published_and_says_what_would_let_it() {
    let world = World::new();
    world.github.put_tag("v1", &world.newer);
    world.github.restrict(Rule::Update, "refs/tags/v");
    let run = world.release(&["team/app:1.4.0", "--release-moving-tags", "major"]);
    run.expect_code(1);
    let said = "refuse `v1`: Repository rule violations found";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(
        run.stderr.contains("without `release-moving-tags` nothing moves"),
        "{}",
        run.stderr
    );
    assert_eq!(world.github.release("v1.4.0")["draft"], false);
    assert_eq!(world.github.tags()["v1"], world.newer);
}

/// Source: GitHub docs, "`GITHUB_TOKEN`": its events create no workflow run, besides `workflow_dispatch` and
/// `repository_dispatch`.
#[test]
fn a_release_by_the_jobs_own_token_says_what_it_does_not_start() {
    let codes = |report: &Value| {
        let notes = report["notes"].as_array().cloned().unwrap_or_default();
        notes
            .iter()
            .map(|note| note["code"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for arguments in [&["team/app:1.4.0"][..], &["team/app:1.4.0", "--git-tag"]] {
        let world = World::new();
        world.github.be_the_jobs();
        let report = world.report(arguments);
        assert_eq!(codes(&report), ["starts-no-workflow"], "{arguments:?}");
        assert_eq!(
            codes(&world.report(arguments)),
            [] as [&str; 0],
            "it released nothing"
        );
        let other = World::new();
        assert_eq!(
            codes(&other.report(arguments)),
            [] as [&str; 0],
            "an app's token starts them"
        );
    }
    let world = World::new();
    world.github.be_the_jobs();
    world.github.add_workflow("deploy.yml", Some(&STARTED));
    assert_eq!(codes(&world.report(&STARTING)), [] as [&str; 0], "one is started");
}

#[test]
fn a_shallow_clone_gets_its_version_and_its_changes_from_github() {
    let mut world = World::new();
    world.github.put_tag("v1.4.0", &world.released);
    world
        .checkout
        .commit(&[("Dockerfile", "FROM scratch\nCOPY a /\n")]);
    let elsewhere = world.checkout.head();
    for message in ["feat: deep", "fix: deeper"] {
        world
            .checkout
            .git(&["commit", "--quiet", "--allow-empty", "--message", message]);
    }
    world.github.push_from(world.checkout.path());
    let clone = world.checkout.shallow_clone();
    // Releases of other branches are greater, and not contained.
    world
        .checkout
        .git(&["checkout", "--quiet", "--detach", &elsewhere]);
    world.checkout.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "feat!: elsewhere",
    ]);
    world.github.push_from(world.checkout.path());
    world.github.put_tag("v2.0.0", &world.checkout.head());
    let plan = |more: &[&str]| {
        let arguments = ["plan", "--json", "--version", "auto", "--repository", "team/app"];
        let mut command = world
            .ecr
            .command(world.home.path(), &[&arguments[..], more].concat());
        command.current_dir(clone.path()).envs(world.github.job());
        finish(&mut command)
    };
    let run = plan(&["--release", "true"]);
    run.expect_code(0);
    let planned: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(planned["version"], "1.5.0", "{planned}");
    assert_eq!(planned["release"]["previous-tag"], "v1.4.0");
    let described = |group: usize| &planned["release"]["changelog"][group]["entries"][0]["description"];
    assert_eq!((described(0), described(1)), (&json!("deep"), &json!("deeper")));
    assert_eq!(planned["release"]["is-latest"], false);
    // Without a release GitHub is not asked for it.
    let run = plan(&[]);
    run.expect_code(2);
    assert!(run.stderr.contains("is a shallow clone"), "{}", run.stderr);
}

/// Another run releases 1.5.0 at any moment: it is the latest then, and has the moving tag.
#[test]
fn a_greater_version_that_comes_meanwhile_keeps_what_is_its() {
    let mut overtaken = 0;
    for request in 0.. {
        let world = World::new();
        world.github.overtake(request, &["v1.5.0", "v1"], &world.newer);
        let report = world.report(&MOVING);
        if world.github.requests().len() <= request {
            break;
        }
        overtaken += 1;
        assert_eq!(
            world.github.latest().as_deref(),
            Some("v1.5.0"),
            "{request}: {report}"
        );
        let tags = world.github.tags();
        assert_eq!(tags["v1"], world.newer, "{request}: {report}");
        assert_eq!(tags["v1.4"], world.released, "{request}: {report}");
        assert_eq!(tags["v1.4.0"], world.released, "{request}: {report}");
    }
    assert!(overtaken > 10, "{overtaken}");
}

/// Another run puts this version on another commit at any moment up to the git tag's own: then this one gives up.
#[test]
fn the_same_version_that_comes_meanwhile_is_never_moved() {
    for request in 0..6 {
        let world = World::new();
        world.github.overtake(request, &["v1.4.0"], &world.newer);
        let run = world.release(&["team/app:1.4.0"]);
        let tag = world.github.tags()["v1.4.0"].clone();
        if tag == world.newer {
            run.expect_code(10);
        }
    }
}

const STARTED: [&str; 3] = ["version", "image", "digest"];

/// A release that starts a workflow.
const STARTING: [&str; 3] = ["team/app:1.4.0", "--dispatch-workflow", "deploy.yml"];

#[test]
fn a_release_starts_workflows_once_with_the_image_by_its_digest() {
    for says_run in [false, true] {
        let world = World::new();
        world.github.add_workflow("deploy.yml", Some(&STARTED));
        if says_run {
            world.github.say_run();
        }
        let plan = world.report(&[&STARTING[..], &["--dry-run"]].concat());
        assert_eq!(plan["workflows"], json!(["deploy.yml"]));
        assert_eq!(world.github.started(), []);
        let report = world.report(&STARTING);
        assert_eq!(problems("docs/schemas/report.json", &report), "", "{report}");
        assert_eq!(report["release"]["workflows"], json!(["deploy.yml"]));
        let digest = report["digest"].as_str().unwrap();
        let image = format!("{}/team/app@{digest}", world.ecr.host());
        let sent = json!({"ref": "v1.4.0", "inputs": {"version": "1.4.0", "image": image, "digest": digest}});
        assert_eq!(world.github.started(), [("deploy.yml".to_owned(), sent)]);
        let last = world.github.requests().pop().unwrap();
        assert!(last.ends_with("/dispatches"), "it comes last: {last}");
        let again = world.report(&STARTING);
        assert_eq!(again["release"]["workflows"], Value::Null);
        assert_eq!(world.github.started().len(), 1);
    }
}

#[test]
fn a_workflow_that_is_not_started_is_a_warning() {
    type Arrange = fn(&Github);
    let cases: [(Arrange, &str); 4] = [
        (
            |_| {},
            "`deploy.yml` of `tagship/tagship` was not started: Not Found (404",
        ),
        (
            |github| github.add_workflow("deploy.yml", None),
            "Workflow does not have 'workflow_dispatch' trigger (422",
        ),
        (
            |github| github.add_workflow("deploy.yml", Some(&["version"])),
            "Unexpected inputs provided",
        ),
        (
            |github| {
                github.add_workflow("deploy.yml", Some(&STARTED));
                github.let_start_workflows(false);
            },
            "`permissions: actions: write`",
        ),
    ];
    for (arrange, said) in cases {
        let world = World::new();
        arrange(&world.github);
        let run = world.release(&STARTING);
        run.expect_code(0);
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
        assert_eq!(world.github.latest().as_deref(), Some("v1.4.0"));
        assert_eq!(world.github.started(), []);
    }
}

/// GitHub starts it, and its answer is lost: it is not started again.
#[test]
fn a_workflow_whose_start_is_not_answered_is_not_started_twice() {
    let first = World::new();
    first.github.add_workflow("deploy.yml", Some(&STARTED));
    first.report(&STARTING);
    let last = first.github.requests().len() - 1;
    let world = World::new();
    world.github.add_workflow("deploy.yml", Some(&STARTED));
    world.github.trouble(last, Trouble::Lost);
    let run = world.release(&STARTING);
    run.expect_code(0);
    let said = "whether workflow `deploy.yml` was started is not known: ";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert_eq!(world.github.started().len(), 1);
}

#[test]
fn a_workflow_is_named_by_its_file() {
    let world = World::new();
    let run = world.release(&["team/app:1.4.0", "--dispatch-workflow", "../deploy.yml"]);
    run.expect_code(2);
    assert!(
        run.stderr
            .contains("`../deploy.yml` is no file of `.github/workflows`"),
        "{}",
        run.stderr
    );
    assert_eq!(world.github.requests(), [] as [String; 0]);
}
