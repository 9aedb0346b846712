//! The page about base images by way of the cache: its example prints what the page says, and imports nothing.

use serde_json::{Value, json};
use test_support::checkout::Checkout;
use test_support::git_server::GitServer;
use test_support::local::{ACCOUNT, Ecr};
use test_support::page::{check, run_at};
use test_support::process::finish;

use super::Bench;

const PAGE: &str = include_str!("../../../docs/base-images.md");

fn dockerfile() -> &'static str {
    let (_, rest) = PAGE.split_once("```dockerfile\n").unwrap();
    rest.split_once("```").unwrap().0
}

/// A checkout that is shipped to `team/app`, and a rule for the images of another region.
fn checkout(bench: &Bench) -> Checkout {
    bench.boto3(&json!([["create_repository", {
        "repositoryName": "team/app", "imageTagMutability": "IMMUTABLE"}]]));
    bench
        .ecr
        .cache("ecr-base", "123456789012.dkr.ecr.us-east-1.amazonaws.com");
    let mut checkout = Checkout::with(&[("Dockerfile", dockerfile())]);
    let declared = "repository: team/app\nversion: 1.0.0\ntags: [\"type=semver,pattern={{version}}\"]\n";
    checkout.commit(&[("tagship.yaml", declared)]);
    checkout
}

#[test]
fn every_example_prints_what_the_page_says() {
    let bench = Bench::at(Ecr::start());
    let checkout = checkout(&bench);
    let folder = checkout.path().display().to_string();
    bench.ecr.forget_journal();
    let run = |command: &str| {
        let printed = run_at(&bench.ecr, checkout.path(), command);
        printed
            .replace(&folder, "FOLDER")
            .replace(&checkout.head(), "COMMIT")
    };
    check(PAGE, 1, run);
    let asked = bench.writes();
    assert_eq!(
        asked,
        ["DescribePullThroughCacheRules", "ValidatePullThroughCacheRule"],
        "nothing is pulled"
    );
    assert!(!bench.ecr.has_repository("ecr-base/base/python"));
}

#[test]
fn base_images_of_a_repository_elsewhere_come_from_the_cache_too() {
    let bench = Bench::at(Ecr::start());
    let checkout = checkout(&bench);
    let server = GitServer::of(&[("app", checkout.path())], None);
    let here = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
    let context = format!("{}#main", server.url("app"));
    let arguments = [
        "plan",
        "--json",
        "--from-cache",
        "--docker-host",
        "unix:///none",
        "--context",
        &context,
        "--repository",
        "team/app",
        "--version",
        "1.0.0",
        "--tags",
        "type=semver,pattern={{version}}",
    ];
    let mut command = bench.ecr.command(bench.home.path(), &arguments);
    let run = finish(command.current_dir(here.path()));
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let request = &plan["content"]["request"];
    assert_eq!(request["context"], context.as_str(), "{}", run.stderr);
    let origins = request["base-images"].as_array().unwrap().iter();
    let origins: Vec<&str> = origins.map(|base| base["from"].as_str().unwrap()).collect();
    assert_eq!(origins, ["cache", "no-rule"]);
}

#[test]
fn a_rule_that_cannot_be_used_ends_the_run_before_the_build() {
    let bench = Bench::at(Ecr::start());
    let mut checkout = checkout(&bench);
    bench.ecr.cache("quay", "quay.io");
    checkout.commit(&[("Dockerfile", "FROM quay.io/a/b:1\nCOPY Dockerfile /\n")]);
    for command in ["plan", "ship"] {
        let arguments = [command, "--from-cache", "--docker-host", "unix:///none"];
        let mut command = bench.ecr.command(bench.home.path(), &arguments);
        let run = finish(command.current_dir(checkout.path()));
        run.expect_code(1);
        let said =
            "base image `quay.io/a/b:1` is not in the pull-through cache, and rule `quay` cannot import it: ";
        assert!(run.stderr.contains(said), "{}", run.stderr);
        assert!(
            run.stderr.contains("validate-pull-through-cache-rule"),
            "{}",
            run.stderr
        );
    }
    // Without a registry nothing is known of it.
    let mut offline = bench.ecr.command(
        bench.home.path(),
        &[
            "plan",
            "--offline",
            "--from-cache",
            "--registry",
            &format!("{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"),
        ],
    );
    let offline = finish(offline.current_dir(checkout.path()));
    offline.expect_code(0);
    assert!(
        offline
            .stdout
            .contains("read quay.io/a/b:1 from where is not known: the registry's rules were not read"),
        "{}",
        offline.stdout
    );
}
