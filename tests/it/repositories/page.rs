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
    check(PAGE, 7, |command| run_at(&bench.ecr, bench.home.path(), command));
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
