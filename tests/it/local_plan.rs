//! Plans with `--local`: they show what becomes of the repository, and make and change nothing.

use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::local::Ecr;
use test_support::process::{Finished, finish, tagship};

struct Desk {
    ecr: Ecr,
    checkout: Checkout,
    home: tempfile::TempDir,
}

impl Desk {
    fn plan(&self, arguments: &[&str]) -> Finished {
        let mut command = tagship(self.home.path());
        command
            .current_dir(self.checkout.path())
            .args(["plan", "--local", "--local-data"])
            .arg(self.ecr.data())
            .args(arguments);
        finish(&mut command)
    }

    /// The requests that changed something.
    fn changes(&self) -> Vec<String> {
        let journal = self.ecr.journal().into_iter().map(|entry| entry.operation);
        journal
            .filter(|operation| operation.contains("Create") || operation.contains("Put"))
            .collect()
    }
}

/// The address that a run printed may be given again; another server's is never taken for the embedded ECR's.
#[test]
fn an_address_on_this_machine_is_that_of_the_embedded_ecr_or_refused() {
    let desk = Desk {
        ecr: Ecr::start_with_public_registries(),
        checkout: Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]),
        home: tempfile::tempdir().unwrap(),
    };
    let served = desk.ecr.host();
    let port = served.rsplit_once(':').unwrap().1;
    let plan = |registry: &str| desk.plan(&["--registry", registry, "--repository", "team/app"]);
    for own in [served.clone(), format!("localhost:{port}")] {
        let run = plan(&own);
        assert!(
            run.stdout.contains("  make the repository\n"),
            "{own}: {}",
            run.stderr
        );
    }
    let public = desk.ecr.public_host();
    for (other, hint) in [
        ("127.0.0.1:9".to_owned(), format!("write `{served}`")),
        ("localhost".to_owned(), format!("write `{served}`")),
        (public.clone(), "publish to `public.ecr.aws`".to_owned()),
    ] {
        let run = plan(&other);
        run.expect_code(2);
        let said = format!("`{other}` is not the embedded ECR's registry, which is at `{served}`");
        assert!(run.stderr.contains(&said), "{}", run.stderr);
        assert!(run.stderr.contains(&hint), "{}", run.stderr);
    }
    assert_eq!(desk.changes(), [""; 0]);
}

#[test]
fn a_plan_shows_the_repository_that_ship_makes_or_changes_and_leaves_it_alone() {
    let desk = Desk {
        ecr: Ecr::start(),
        checkout: Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]),
        home: tempfile::tempdir().unwrap(),
    };
    desk.ecr.create_repository("there/app", &Mutability::Immutable);
    desk.ecr.forget_journal();
    let missing = desk.plan(&["--repository", "team/app"]);
    assert!(
        missing.stdout.contains("  make the repository\n"),
        "{}{}",
        missing.stdout,
        missing.stderr
    );
    let gated = desk.plan(&["--repository", "team/app", "--scan", "wait"]);
    let reason = "could not be checked: the run makes or changes the repository first";
    assert!(gated.stdout.contains(reason), "{}{}", gated.stdout, gated.stderr);
    let changed = desk.plan(&["--repository", "there/app", "--local-mutability", "mutable"]);
    assert!(
        changed.stdout.contains("  change the repository\n"),
        "{}{}",
        changed.stdout,
        changed.stderr
    );
    let same = desk.plan(&["--repository", "there/app"]);
    assert!(!same.stdout.contains("the repository\n"), "{}", same.stdout);
    assert_eq!(desk.changes(), [""; 0]);
}
