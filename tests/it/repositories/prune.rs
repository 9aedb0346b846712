//! `tagship prune` against the embedded ECR.

use ecr_local::FaultAction;
use serde_json::{Value, json};
use test_support::images::Pusher;
use test_support::page::{check, run_at};
use test_support::process::{Finished, finish};

use super::Bench;

const DAY: i64 = 86_400;

/// Two releases as indexes with a signature each, an image without a tag, and images of branches.
fn stocked(yaml: &str) -> Bench {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    bench.ecr.set_clock_offset(-30 * DAY);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    for version in ["1.0.0", "1.0.1"] {
        let images = ["amd64", "arm64"]
            .map(|platform| pusher.image(platform, &format!("{version} {platform}"), &json!({})));
        let index = pusher.index(&images);
        pusher.tag(version, &index.digest);
        pusher.referrer("application/vnd.dev.cosign.simplesigning.v1+json", &index);
    }
    pusher.image("amd64", "orphan", &json!({}));
    for branch in ["feature-a", "feature-b", "prod"] {
        let image = pusher.image("amd64", branch, &json!({}));
        pusher.tag(branch, &image.digest);
    }
    bench.ecr.set_clock_offset(0);
    bench.declare(yaml);
    bench.ecr.forget_journal();
    bench
}

fn prune(bench: &Bench, arguments: &[&str]) -> Finished {
    let arguments = [&["prune", "team/app"], arguments].concat();
    let mut command = bench.ecr.command(bench.home.path(), &arguments);
    finish(command.current_dir(bench.home.path()))
}

fn data(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap()
}

fn count(bench: &Bench) -> usize {
    let answers = bench.boto3(&json!([["describe_images", {"repositoryName": "team/app"}]]));
    answers[0]["imageDetails"].as_array().unwrap().len()
}

#[test]
fn every_example_prints_what_the_page_says() {
    let bench = stocked("");
    check(include_str!("../../../docs/pruning.md"), 1, |command| {
        run_at(&bench.ecr, bench.home.path(), command)
    });
}

#[test]
fn a_release_goes_with_its_images_and_its_signature_and_a_dry_run_writes_nothing() {
    let bench = stocked("");
    let rules = ["--keep-releases", "1", "--json"];
    let shown = prune(&bench, &rules);
    shown.expect_code(0);
    let removed = data(&shown)["repositories"][0]["removed"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(removed.len(), 4, "{removed:?}");
    assert_eq!(removed[0]["tags"], json!(["1.0.0"]));
    assert!(bench.writes().is_empty());
    assert_eq!(count(&bench), 12);

    prune(&bench, &[&rules[..], &["--apply"]].concat()).expect_code(0);
    assert_eq!(count(&bench), 8);
    let again = prune(&bench, &[&rules[..], &["--apply"]].concat());
    again.expect_code(0);
    assert_eq!(data(&again)["repositories"][0]["removed"], json!([]));
}

#[test]
fn branches_that_are_gone_and_what_has_no_tag_go_and_what_is_protected_stays() {
    let bench = stocked("repositories:\n  team/app: {protect: [prod]}\n");
    std::fs::write(
        bench.home.path().join("branches"),
        "0123456789012345678901234567890123456789\trefs/heads/feature/a\n",
    )
    .unwrap();
    let rules = [
        "--branch-tags",
        "feature-*",
        "--branches",
        "branches",
        "--untagged-days",
        "7",
        "--keep-last",
        "0",
    ];
    let done = prune(&bench, &[&rules[..], &["--apply", "--json"]].concat());
    done.expect_code(0);
    let removed = data(&done)["repositories"][0]["removed"]
        .as_array()
        .unwrap()
        .clone();
    let reasons: Vec<&Value> = removed.iter().map(|one| &one["reason"]["code"]).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons.contains(&&json!("branch-gone")) && reasons.contains(&&json!("untagged")));
    assert_eq!(count(&bench), 10);
}

#[test]
fn too_many_requests_are_waited_for_and_a_run_that_broke_off_is_finished() {
    let bench = stocked("");
    let rules = ["--keep-releases", "1", "--untagged-days", "0", "--apply"];
    let slow_down = || FaultAction::Error {
        code: "ThrottlingException".to_owned(),
        message: "Rate exceeded".to_owned(),
        status: 400,
    };
    bench.ecr.fail("DescribeImages", 0, 3, slow_down());
    bench.ecr.fail("BatchDeleteImage", 0, 3, slow_down());
    prune(&bench, &rules).expect_code(0);
    assert_eq!(count(&bench), 7);
}

#[test]
fn wrong_rules_are_named_before_anything_is_asked() {
    let bench = stocked("");
    std::fs::write(bench.home.path().join("empty"), "\n").unwrap();
    for (arguments, problem) in [
        (&[][..], "no rule says which images may go"),
        (&["--keep-days", "3"][..], "no rule says which images may go"),
        (
            &["--branch-tags", "x*", "--branches", "empty"][..],
            "names no branch",
        ),
        (
            &["--branch-tags", "x*", "--branches", "none"][..],
            "does not exist",
        ),
        (&["--branch-tags", "x*"][..], "--branches"),
        (&["--keep", "a b", "--keep-last", "1"][..], "a pattern is a tag"),
    ] {
        let wrong = prune(&bench, arguments);
        wrong.expect_code(2);
        assert!(wrong.stderr.contains(problem), "{problem}: {}", wrong.stderr);
    }
    assert!(bench.ecr.journal().is_empty());
}
