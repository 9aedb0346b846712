//! `wait-for-replication` against an embedded ECR that copies what is pushed to other regions and accounts of its own.

use ecr_local::FaultAction;
use serde_json::json;
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::images::Pusher;
use test_support::local::{ACCOUNT, Ecr, REGION};
use test_support::process::{Finished, finish, output_of, tagship};

struct World {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
}

impl World {
    /// The image of the commit is there under its tag; it was pushed under the rules of `ecr`.
    fn new(ecr: Ecr, is_pushed_first: bool, rule: impl FnOnce(&Ecr)) -> Self {
        let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
        ecr.create_repository("team/app", &Mutability::Immutable);
        let mut rule = Some(rule);
        if !is_pushed_first && let Some(rule) = rule.take() {
            rule(&ecr);
        }
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": checkout.head()});
        let image = pusher.image("amd64", "amd64", &labels);
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &image.digest);
        if let Some(rule) = rule.take() {
            rule(&ecr);
        }
        ecr.forget_journal();
        Self {
            ecr,
            checkout,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn ship(&self, arguments: &[&str]) -> Finished {
        let ship = ["ship", "--repository", "team/app", "--tags", "type=sha"];
        let arguments = [&ship[..], &["--wait-for-replication"], arguments].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.checkout.path()))
    }

    /// How often the registry was asked for something.
    fn count(&self, operation: &str) -> usize {
        let journal = self.ecr.journal();
        journal
            .iter()
            .filter(|entry| entry.operation == operation)
            .count()
    }
}

#[test]
fn a_run_ends_when_ecr_has_copied_the_image() {
    let world = World::new(Ecr::start(), false, |ecr| {
        ecr.replicate_to(ACCOUNT, "us-west-2", "team/");
    });
    let run = world.ship(&[]);
    run.expect_code(0);
    let said = format!("the image is in {ACCOUNT} in us-west-2");
    assert!(run.stderr.contains(&said), "{}", run.stderr);
    assert_eq!(world.count("DescribeRegistry"), 1);
    assert_eq!(world.count("DescribeImageReplicationStatus"), 1);
    world.ecr.forget_journal();
    world.ship(&["--dry-run"]).expect_code(0);
    assert_eq!(world.count("DescribeImageReplicationStatus"), 0);
}

#[test]
fn a_copy_under_way_is_waited_for_politely() {
    let ecr = Ecr::start_replicating(4);
    let world = World::new(ecr, false, |ecr| ecr.replicate_to(ACCOUNT, "us-west-2", "team/"));
    world.ship(&[]).expect_code(0);
    let asked = world.count("DescribeImageReplicationStatus");
    assert!((2..=4).contains(&asked), "{asked} questions");
}

#[test]
fn what_is_never_copied_is_known_before_the_build_and_what_fails_is_named() {
    let none = World::new(Ecr::start(), false, |ecr| {
        ecr.replicate_to(ACCOUNT, "us-west-2", "other/");
    });
    for arguments in [&[][..], &["--dry-run"]] {
        let run = none.ship(arguments);
        run.expect_code(2);
        assert!(
            run.stderr
                .contains("no replication rule of the registry is for `team/app`")
        );
    }
    assert!(none.ecr.writes().is_empty());

    let foreign = World::new(Ecr::start(), false, |ecr| {
        ecr.replicate_to("210987654321", "us-west-2", "team/");
    });
    let run = foreign.ship(&["--json"]);
    run.expect_code(1);
    assert!(
        run.stderr.contains("to 210987654321 in us-west-2: AccessDenied"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("the policy of the other registry"),
        "{}",
        run.stderr
    );
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(report["digest"].as_str().is_some(), "{report}");
}

#[test]
fn each_right_that_the_table_names_is_needed_and_named() {
    let world = World::new(Ecr::start(), false, |ecr| {
        ecr.replicate_to(ACCOUNT, "us-west-2", "team/");
    });
    let mut printed = tagship(world.home.path());
    printed.args(["iam", "--for", "wait-for-replication", "--account-id", ACCOUNT]);
    printed.args(["--aws-region", REGION, "--repository", "team/app"]);
    let policy = output_of(&mut printed);
    for action in ["DescribeRegistry", "DescribeImageReplicationStatus"] {
        assert!(policy.contains(&format!("ecr:{action}")), "{policy}");
        let denied = FaultAction::Error {
            code: "AccessDeniedException".to_owned(),
            message: String::new(),
            status: 400,
        };
        world.ecr.fail(action, 0, 1, denied);
        let run = world.ship(&[]);
        assert_ne!(run.code, Some(0), "{action}");
        assert!(run.stderr.contains(&format!("ecr:{action}")), "{}", run.stderr);
        world.ecr.forgive();
    }
}
