//! One build in several repositories and registries: real engines, embedded ECRs, one of them used as any registry.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecr_local::FaultAction;
use serde_json::Value;
use tagship_domain::immutability::Mutability;
use test_support::clients::{crane, docker_pulls};
use test_support::engines;
use test_support::engines::Engine;
use test_support::local::{Ecr, shown};
use test_support::process::{Finished, finish};
use test_support::schema::problems;
use test_support::shipping::{NO_ENGINE, Shipyard};

/// A commit, its registry, and another one that takes a password.
struct World {
    yard: Shipyard,
    other: Ecr,
}

impl World {
    fn new() -> Self {
        let (yard, other) = (Shipyard::new(), Ecr::start());
        yard.ecr.create_repository("prod/app", &Mutability::Immutable);
        other.create_repository("octo/app", &Mutability::Immutable);
        Self { yard, other }
    }

    fn run(&self, command: &str, docker_host: &str) -> Finished {
        let login = self.other.login();
        let pair = String::from_utf8(STANDARD.decode(&login.token).unwrap()).unwrap();
        let (username, password) = pair.split_once(':').unwrap();
        let targets = format!("prod/app\n{}/octo/app", login.host);
        let auth = format!("host={},username={username},password-env=OTHER", login.host);
        let arguments = ["--json", "--targets", &targets, "--registry-auth", &auth];
        let mut program = self.yard.command(command, docker_host, &arguments);
        finish(program.env("OTHER", password))
    }

    fn ship(&self, engine: &Engine) -> Finished {
        self.run("ship", &engine.host())
    }

    /// The tags of all three.
    fn tags(&self) -> [BTreeMap<String, String>; 3] {
        [
            self.yard.tags(),
            self.yard.ecr.tags("prod/app"),
            self.other.tags("octo/app"),
        ]
    }
}

fn report(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap()
}

fn statuses(report: &Value) -> Vec<&str> {
    let targets = report["targets"].as_array().unwrap();
    let statuses = targets.iter().map(|target| target["status"].as_str().unwrap());
    statuses.collect()
}

#[test]
fn one_build_is_pulled_from_every_target_by_one_digest() {
    for name in ["docker28-classic", "docker28-containerd"] {
        let world = World::new();
        let engine = engines::named(name);
        let planned = world.run("plan", &engine.host());
        planned.expect_code(0);
        let planned = report(&planned);
        assert_eq!(problems("docs/schemas/plan.json", &planned), "");
        assert_eq!(planned["targets"][1]["tags"][0]["action"], "create");

        let shipped = world.ship(engine);
        shipped.expect_code(0);
        let shipped = report(&shipped);
        assert_eq!(problems("docs/schemas/report.json", &shipped), "");
        let digest = shipped["digest"].as_str().unwrap();
        assert_eq!(statuses(&shipped), ["published", "published"], "{name}");
        for tags in world.tags() {
            let expected = [&world.yard.commit_tag(), "1.0.0"].map(|tag| (tag.to_owned(), digest.to_owned()));
            assert_eq!(tags, BTreeMap::from(expected), "{name}");
        }
        for (registry, repository) in [
            (world.yard.ecr.login(), "prod/app"),
            (world.other.login(), "octo/app"),
        ] {
            let reference = format!("{}/{repository}:1.0.0", registry.host);
            assert_eq!(docker_pulls(engine, &registry, &reference), digest, "{name}");
            crane(&registry, &["manifest", &reference]);
        }

        world.other.forget_journal();
        let again = world.run("ship", NO_ENGINE);
        again.expect_code(0);
        assert_eq!(report(&again)["status"], "already-published");
        assert!(
            world.other.writes().is_empty(),
            "{}",
            shown(&world.other.writes())
        );
    }
}

#[test]
fn a_target_that_fails_is_named_with_what_each_holds_and_the_next_run_completes() {
    let engine = engines::named("docker28-containerd");
    // Its first manifest is that of the copy, its second a tag.
    for skip in [0, 1] {
        let world = World::new();
        let refusal = FaultAction::Status {
            status: 403,
            envelope: false,
        };
        world.other.fail("PutManifest", skip, 100, refusal);
        let failed = world.ship(engine);
        failed.expect_code(1);
        let said = &failed.stderr;
        let far = format!("`{}/octo/app` ", world.other.host());
        for expected in [
            "the image did not come to all targets",
            "/prod/app` has the image",
            &far,
        ] {
            assert!(said.contains(expected), "{said}");
        }
        let failed = report(&failed);
        let [first, near, other] = world.tags();
        assert!(other.is_empty());
        if skip == 0 {
            assert_eq!(statuses(&failed), ["verified", "pending"]);
            assert!(
                first.is_empty() && near.is_empty(),
                "no tag before all are verified"
            );
        } else {
            assert_eq!(statuses(&failed), ["published", "verified"]);
            assert_eq!(first, near);
        }
        world.other.forgive();
        world.ship(engine).expect_code(0);
        let [first, near, other] = world.tags();
        assert!(first == near && near == other && other.len() == 2);
    }
}

#[test]
fn what_stands_in_the_way_in_any_target_is_found_before_the_build() {
    let world = World::new();
    let another = test_support::images::Pusher::new(&world.other, "octo/app");
    let image = another.image("amd64", "another", &serde_json::json!({}));
    another.tag("1.0.0", &image.digest);
    let taken = world.run("ship", NO_ENGINE);
    taken.expect_code(10);
    assert!(
        taken.stderr.contains("/octo/app` must not move"),
        "{}",
        taken.stderr
    );
    assert!(world.yard.tags().is_empty());
}
