//! `tagship repo apply --prune`: repositories that nothing declares.

use serde_json::{Value, json};
use test_support::images::Pusher;

use super::Bench;

const DECLARED: &str = "registry-settings:
  creation-templates: {made: {applied-for: create-on-push}}
repositories:
  team/app: {}
  shop/*: {mutability: immutable}
";

fn names(bench: &Bench) -> Vec<String> {
    let read = bench.boto3(&json!([["describe_repositories", {}]]));
    let repositories = read[0]["repositories"].as_array().unwrap().iter();
    let mut names: Vec<String> = repositories
        .map(|one| one["repositoryName"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn stocked() -> Bench {
    let bench = Bench::new();
    let made = [
        "team/app",
        "team/old",
        "team/full",
        "shop/web",
        "made/by-ecr",
        "made-not",
    ];
    let made: Vec<Value> = (made.iter())
        .map(|name| json!(["create_repository", {"repositoryName": name}]))
        .collect();
    bench.boto3(&json!(made));
    Pusher::new(&bench.ecr, "team/full").image("amd64", "x", &json!({}));
    bench.declare(DECLARED);
    bench
}

#[test]
fn what_nothing_declares_goes_where_it_holds_no_image_and_stays_otherwise() {
    let bench = stocked();
    bench.repo(&["apply"]).expect_code(0);
    assert_eq!(names(&bench).len(), 6, "without the flag nothing goes");
    let planned = bench.repo(&["plan", "--prune", "--exit-code"]);
    planned.expect_code(12);
    for line in [
        "remove made-not: it is not declared and holds no image",
        "remove team/old: it is not declared and holds no image",
        "leave team/full: it is not declared and holds images; `tagship repo delete team/full --force --confirm team/full` removes it",
        "2 to remove",
    ] {
        assert!(planned.stdout.contains(line), "{line}: {}", planned.stdout);
    }
    let markdown = bench.repo(&["plan", "--prune", "--markdown"]).stdout;
    assert!(markdown.contains("remove team/old"), "{markdown}");
    assert_eq!(names(&bench).len(), 6, "a plan writes nothing");

    let report = bench.json(&["apply", "--prune"], 0);
    assert_eq!(report["removed"], json!(["made-not", "team/old"]));
    assert_eq!(
        names(&bench),
        ["made/by-ecr", "shop/web", "team/app", "team/full"]
    );
    bench.repo(&["plan", "--prune", "--exit-code"]).expect_code(0);
    // Names limit a run to these repositories.
    bench.repo(&["apply", "team/app", "--prune"]).expect_code(2);
}

#[test]
fn a_removal_that_is_refused_is_named_and_hides_no_other() {
    let bench = stocked();
    let refused = ecr_local::FaultAction::Error {
        code: "ServerException".to_owned(),
        message: "not now".to_owned(),
        status: 400,
    };
    bench.ecr.fail("DeleteRepository", 0, 1, refused);
    let report = bench.json(&["apply", "--prune"], 1);
    assert_eq!(report["removed"], json!(["team/old"]));
    let message = report["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`made-not`") && message.contains("not now"),
        "{message}"
    );
    bench.repo(&["apply", "--prune"]).expect_code(0);
}
