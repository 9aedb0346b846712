//! Who hears how a run ended: Slack, a program that takes JSON, and the commit on GitHub.

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::github::Github;
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::page::{REGISTRY, check};
use test_support::process::{Finished, finish, scrubbed, tagship_program};
use test_support::schema::problems;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECRET: &str = "T0/B0/very-secret";

/// A commit whose image has its commit tag, a GitHub, and what takes notices.
struct World {
    ecr: Ecr,
    github: Github,
    checkout: Checkout,
    home: tempfile::TempDir,
    receiver: MockServer,
    runtime: tokio::runtime::Runtime,
    digest: String,
}

impl World {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[
            ("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n"),
            ("tagship.yaml", "repository: team/app\n"),
        ]);
        checkout.tag("v1.4.0");
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": checkout.head()});
        let digest = pusher.image("amd64", "content", &labels).digest;
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &digest);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let receiver = runtime.block_on(MockServer::start());
        let world = Self {
            github: Github::of(checkout.path()),
            digest: digest.to_string(),
            home: tempfile::tempdir().unwrap(),
            ecr,
            checkout,
            receiver,
            runtime,
        };
        world.answer(200);
        world
    }

    /// Lets the receiver answer with this status from now on.
    fn answer(&self, status: u16) {
        self.runtime.block_on(async {
            self.receiver.reset().await;
            let answer = Mock::given(any()).respond_with(ResponseTemplate::new(status));
            answer.mount(&self.receiver).await;
        });
    }

    /// What was received since, by path.
    fn received(&self, path: &str) -> Vec<Value> {
        let requests = self.runtime.block_on(self.receiver.received_requests()).unwrap();
        let of_path = requests.iter().filter(|request| request.url.path() == path);
        of_path
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect()
    }

    fn receivers(&self) -> String {
        let uri = self.receiver.uri();
        format!("slack={uri}/{SECRET}\nwebhook={uri}/hook\ncommit-status\n")
    }

    fn job(&self) -> Vec<(&'static str, String)> {
        let mut job = self.github.job().to_vec();
        job.push(("TAGSHIP_NOTIFY", self.receivers()));
        job.push(("TAGSHIP_NOTIFY_KEY", KEY.to_owned()));
        job
    }

    fn ship(&self, more: &[&str]) -> Finished {
        let arguments = [&["ship", "--json"], more].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        let run = finish(command.current_dir(self.checkout.path()).envs(self.job()));
        assert!(
            !run.stdout.contains(SECRET) && !run.stderr.contains(SECRET),
            "an address is a secret: {}",
            run.stderr
        );
        run
    }
}

#[test]
fn a_published_image_is_told_to_all_once() {
    let world = World::new();
    world.ship(&[]).expect_code(0);
    let slack = world.received(&format!("/{SECRET}"));
    assert_eq!(slack.len(), 1);
    assert_eq!(slack[0]["text"], "Published: team/app:1.4.0");
    let hook = world.received("/hook");
    assert_eq!(hook[0]["type"], "run.success");
    assert_eq!(hook[0]["data"]["digest"], world.digest);
    assert_eq!(
        problems("docs/schemas/report.json", &hook[0]["data"]),
        "",
        "{}",
        hook[0]
    );
    let [(commit, status)] = &world.github.statuses()[..] else {
        panic!("{:?}", world.github.statuses())
    };
    assert_eq!(
        (commit, &status["state"]),
        (&world.checkout.head(), &json!("success"))
    );
    assert_eq!(status["context"], "tagship/team/app");

    // What changes nothing is no news; the commit's status is set all the same.
    world.answer(200);
    world.ship(&[]).expect_code(0);
    assert_eq!(world.received("/hook"), [] as [Value; 0]);
    assert_eq!(world.github.statuses().len(), 2);
    world.ship(&["--notify-on", "unchanged"]).expect_code(0);
    assert_eq!(world.received("/hook")[0]["type"], "run.unchanged");
}

#[test]
fn what_is_published_is_handed_over_by_a_deployment() {
    let world = World::new();
    let ship = |more: &[(&str, &str)]| {
        let mut command = world.ecr.command(world.home.path(), &["ship", "--json"]);
        command
            .current_dir(world.checkout.path())
            .envs(world.github.job());
        let lines = "deployment=production\ncommit-status";
        finish(command.env("TAGSHIP_NOTIFY", lines).envs(more.iter().copied()))
    };
    let head = world.checkout.head();
    // Nothing of a pull request is to be deployed.
    let event = world.home.path().join("event.json");
    let repository = json!({"full_name": "team/app", "default_branch": "main"});
    let side = |name: &str| json!({"ref": name, "sha": head, "repo": repository});
    let pull_request = json!({"base": side("main"), "head": side("topic")});
    let payload = json!({"number": 7, "repository": repository, "pull_request": pull_request});
    std::fs::write(&event, payload.to_string()).unwrap();
    let pull_request = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
        ("GITHUB_REF", "refs/pull/7/merge"),
        ("GITHUB_SHA", head.as_str()),
    ];
    ship(&pull_request).expect_code(0);
    assert_eq!(world.github.deployments(), []);

    ship(&[]).expect_code(0);
    let [(deployment, statuses)] = &world.github.deployments()[..] else {
        panic!("{:?}", world.github.deployments())
    };
    assert_eq!(deployment["ref"], head);
    assert_eq!(deployment["environment"], "production");
    assert_eq!(deployment["auto_merge"], false);
    assert_eq!(deployment["required_contexts"], json!([]));
    let image = format!("{}/team/app@{}", world.ecr.host(), world.digest);
    assert_eq!(deployment["payload"]["image"], image);
    assert_eq!(statuses[0]["state"], "queued");

    // What was there before is not deployed again, and what fails is not deployed at all.
    ship(&[]).expect_code(0);
    ship(&[("TAGSHIP_SCAN", "wait"), ("TAGSHIP_VERSION", "1.5.0")]).expect_code(11);
    assert_eq!(world.github.deployments().len(), 1);
}

#[test]
fn a_deployment_that_may_not_be_made_is_a_warning() {
    let world = World::new();
    world.github.let_deploy(false);
    let mut command = world.ecr.command(world.home.path(), &["ship", "--json"]);
    command
        .current_dir(world.checkout.path())
        .envs(world.github.job());
    let run = finish(command.env("TAGSHIP_NOTIFY", "deployment=production"));
    run.expect_code(0);
    let said = "`notify`: `deployment` has no notice of this run";
    assert!(
        run.stderr.contains(said) && run.stderr.contains("deployments: write"),
        "{}",
        run.stderr
    );
}

#[test]
fn receivers_that_take_nothing_are_warnings() {
    let world = World::new();
    world.answer(500);
    world.github.let_set_statuses(false);
    let run = world.ship(&[]);
    run.expect_code(0);
    for part in [
        "`notify`: `slack` has no notice of this run: it answers 500",
        "`notify`: `webhook` has no notice of this run: it answers 500",
        "statuses: write",
    ] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
    assert_eq!(world.received("/hook").len(), 3);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["status"], "published");
}

#[test]
fn a_failure_is_told_with_its_reason_and_a_dry_run_is_not() {
    let world = World::new();
    world.ship(&["--dry-run"]).expect_code(0);
    assert_eq!(world.received("/hook"), [] as [Value; 0]);
    assert_eq!(world.github.statuses(), []);

    let pusher = Pusher::new(&world.ecr, "team/app");
    let other = pusher.image(
        "amd64",
        "other",
        &json!({"org.opencontainers.image.revision": "0".repeat(40)}),
    );
    pusher.tag("1.4.0", &other.digest);
    world.ship(&[]).expect_code(10);
    let hook = world.received("/hook");
    assert_eq!(
        (&hook[0]["type"], &hook[0]["data"]["exit-code"]),
        (&json!("run.failure"), &json!(10))
    );
    assert_eq!(
        problems("docs/schemas/report.json", &hook[0]["data"]),
        "",
        "{}",
        hook[0]
    );
    let slack = world.received(&format!("/{SECRET}"));
    assert_eq!(slack[0]["text"], "Not published: team/app");
    let reason = slack[0]["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(reason.contains("1.4.0"), "{reason}");
    assert_eq!(world.github.statuses()[0].1["state"], "error");
    world.ship(&["--notify-on", "success"]).expect_code(10);
    assert_eq!(world.received("/hook").len(), 1, "{:?}", world.received("/hook"));
}

#[test]
fn the_gate_has_an_end_of_its_own() {
    let world = World::new();
    // Nothing scans the repository, which is known before any tag is put.
    world.ship(&["--scan", "wait"]).expect_code(11);
    assert_eq!(world.received("/hook")[0]["type"], "run.gate");
    assert_eq!(world.github.statuses()[0].1["state"], "failure");
}

#[test]
fn every_example_prints_what_the_page_says() {
    let world = World::new();
    let settings = world.ecr.command(world.home.path(), &[]);
    let settings: Vec<_> = settings
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .filter(|(name, _)| name != "PATH")
        .collect();
    let printed = |command: &str| {
        let program = tagship_program();
        let mut shell = scrubbed("/bin/sh", world.home.path());
        shell
            .envs(settings.clone())
            .envs(world.github.job())
            .env("PROGRAMS", program.parent().unwrap())
            .env("RECEIVER", world.receiver.uri())
            .args(["-c", &format!("PATH=\"$PROGRAMS:$PATH\"; ({command}) 2>&1")])
            .current_dir(world.checkout.path());
        let said = finish(&mut shell).stdout;
        said.replace(&world.ecr.host(), REGISTRY)
            .replace(&world.digest, "DIGEST")
    };
    check(include_str!("../../docs/notifications.md"), 3, printed);
}
