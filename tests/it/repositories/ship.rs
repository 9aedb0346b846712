//! `create-repository: true`: a missing repository is made as it is declared, and a dry run makes nothing.

use serde_json::{Value, json};
use test_support::checkout::Checkout;
use test_support::process::{Finished, finish};

use super::{Bench, EVERYTHING};

fn run(bench: &Bench, checkout: &Checkout, arguments: &[&str]) -> Finished {
    let more = [
        "--repository",
        "team/app",
        "--tags",
        "type=sha",
        "--docker-host",
        "unix:///none",
    ];
    let mut command = bench.ecr.command(bench.home.path(), &[arguments, &more].concat());
    finish(command.current_dir(checkout.path()))
}

fn is_there(bench: &Bench) -> Value {
    let described = json!([["describe_repositories", {"repositoryNames": ["team/app"]}]]);
    bench.boto3(&described).remove(0)
}

#[test]
fn a_missing_repository_is_planned_shown_and_made_before_the_build() {
    let bench = Bench::new();
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    checkout.commit(&[("tagship.yaml", EVERYTHING)]);
    let missing = run(&bench, &checkout, &["plan"]);
    missing.expect_code(1);
    assert!(
        missing.stderr.contains("`team/app` does not exist"),
        "{}",
        missing.stderr
    );

    let planned = run(&bench, &checkout, &["plan", "--create-repository", "--json"]);
    planned.expect_code(0);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(plan["repository"]["action"], "create");
    assert_eq!(plan["mutability"]["setting"], "IMMUTABLE_WITH_EXCLUSION");
    assert_eq!(plan["tags"][0]["action"], "create");
    let shown = run(&bench, &checkout, &["ship", "--dry-run", "--create-repository"]);
    assert!(
        shown.stdout.contains("make the repository"),
        "{}{}",
        shown.stdout,
        shown.stderr
    );
    assert_eq!(bench.writes(), Vec::<String>::new(), "a dry run makes nothing");
    assert_eq!(is_there(&bench)["error"], "RepositoryNotFoundException");

    // No engine answers, but the repository comes before the build.
    let failed = run(&bench, &checkout, &["ship", "--create-repository"]);
    failed.expect_code(1);
    assert!(failed.stderr.contains("make the repository"), "{}", failed.stderr);
    let described = &is_there(&bench)["repositories"][0];
    assert_eq!(described["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
    assert_eq!(described["encryptionConfiguration"]["encryptionType"], "KMS");
    bench.declare(EVERYTHING);
    bench.repo(&["plan", "team/app", "--exit-code"]).expect_code(0);

    // What is there stays as it is.
    bench.boto3(&json!([[
        "put_image_tag_mutability",
        {"repositoryName": "team/app", "imageTagMutability": "MUTABLE"},
    ]]));
    let again = run(&bench, &checkout, &["plan", "--create-repository", "--json"]);
    let plan: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(plan.get("repository"), None);
    assert_eq!(plan["mutability"]["setting"], "MUTABLE");
}

#[test]
fn a_repository_that_is_not_declared_lets_no_tag_move_but_latest() {
    let bench = Bench::new();
    let mut checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
    checkout.commit(&[]);
    let planned = run(&bench, &checkout, &["plan", "--create-repository", "--json"]);
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    assert_eq!(
        plan["repository"]["changes"],
        json!([{"setting": "mutability", "from": null, "to": {"setting": "IMMUTABLE_WITH_EXCLUSION", "filters": ["latest"]}}])
    );
}
