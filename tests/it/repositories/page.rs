//! The page about repositories as code: every example prints what the page says.

use serde_json::json;
use test_support::images::Pusher;
use test_support::local::Ecr;
use test_support::page::{check, run_at};

use super::Bench;

const PAGE: &str = include_str!("../../../docs/registry-as-code.md");

#[test]
fn every_example_prints_what_the_page_says() {
    let bench = Bench::at(Ecr::start());
    let (_, rest) = PAGE.split_once("```yaml\n").unwrap();
    let (declared, _) = rest.split_once("```").unwrap();
    bench.declare(declared);
    bench.boto3(&json!([
        ["create_repository", {"repositoryName": "team/api", "tags": [{"Key": "owner", "Value": "someone"}]}],
        ["create_repository", {"repositoryName": "team/old"}],
    ]));
    Pusher::new(&bench.ecr, "team/old").image("amd64", "x", &json!({}));
    check(PAGE, 8, |command| run_at(&bench.ecr, bench.home.path(), command));
}

#[test]
fn every_example_about_the_registry_prints_what_the_page_says() {
    const PAGE: &str = include_str!("../../../docs/registry-settings.md");
    let bench = Bench::at(Ecr::start());
    let mut declared = PAGE
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0);
    let (first, second) = (declared.next().unwrap(), declared.next().unwrap());
    // The second is read too; the secret that it names is nowhere.
    bench.declare(second);
    bench.repo(&["plan"]).expect_code(0);
    bench.declare(first);
    check(PAGE, 4, |command| run_at(&bench.ecr, bench.home.path(), command));
}

/// The steps of the workflow on the page, one after the other, in a job of their own.
#[test]
fn the_workflow_of_the_page_plans_into_the_summary_and_applies() {
    let bench = Bench::at(Ecr::start());
    bench.declare("repositories:\n  team/app: {mutability: immutable}\n");
    let summary = bench.home.path().join("summary.md");
    let script = |step: &str| {
        format!(
            "GITHUB_STEP_SUMMARY={} TAGSHIP_CONFIG=tagship.yaml; export GITHUB_STEP_SUMMARY TAGSHIP_CONFIG; {step} || echo \"ended with $?\"",
            summary.display()
        )
    };
    let steps: Vec<&str> = PAGE
        .lines()
        .filter_map(|line| line.split_once("run: "))
        .map(|(_, step)| step)
        .collect();
    let [plan, drift, apply] = steps[..] else {
        panic!("{steps:?}");
    };
    let run = |step: &str| run_at(&bench.ecr, bench.home.path(), &script(step));
    let planned = run(plan);
    assert!(!planned.contains("ended with"), "{planned}");
    let shown = std::fs::read_to_string(&summary).unwrap();
    assert!(
        shown.starts_with("### Repositories in `") && shown.contains("+ mutability: IMMUTABLE"),
        "{shown}"
    );
    assert!(run(drift).contains("ended with 12"));
    let applied = run(apply);
    assert!(
        applied.contains("made team/app") && !applied.contains("ended with"),
        "{applied}"
    );
    assert!(!run(drift).contains("ended with"));
}
