//! `tagship repo cost` against the embedded ECR.

use serde_json::{Value, json};
use test_support::images::Pusher;
use test_support::page::{check, run_at};
use test_support::process::{finish, tagship};

use super::Bench;

const PAGE: &str = include_str!("../../../docs/cost.md");

#[test]
fn every_example_prints_what_the_page_says() {
    let bench = Bench::new();
    check(PAGE, 1, |command| run_at(&bench.ecr, bench.home.path(), command));
}

/// Two images that share a layer, and an index of one of them.
fn stocked(yaml: &str) -> Bench {
    let bench = Bench::new();
    bench.boto3(&json!([
        ["create_repository", {"repositoryName": "team/app"}],
        ["create_repository", {"repositoryName": "team/empty"}],
    ]));
    bench.ecr.set_clock_offset(-10 * 86_400);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    let shared = "x".repeat(1000);
    let first = pusher.image("amd64", &shared, &json!({"number": "1"}));
    pusher.tag("1.0.0", &first.digest);
    bench.ecr.set_clock_offset(0);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    let second = pusher.image("amd64", &shared, &json!({"number": "22"}));
    pusher.tag("1.1.0", &second.digest);
    let index = pusher.index(&[second]);
    pusher.tag("latest", &index.digest);
    bench.declare(yaml);
    bench.ecr.forget_journal();
    bench
}

/// The bytes of distinct blobs, as the registry's own files say.
fn blobs(bench: &Bench, tags: &[&str]) -> u64 {
    let ids: Vec<Value> = tags.iter().map(|tag| json!({"imageTag": tag})).collect();
    let read = json!([["batch_get_image", {"repositoryName": "team/app", "imageIds": ids}]]);
    let answers = bench.boto3(&read);
    let mut sizes = std::collections::BTreeMap::new();
    for image in answers[0]["images"].as_array().unwrap() {
        let manifest: Value = serde_json::from_str(image["imageManifest"].as_str().unwrap()).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        for blob in layers.chain([&manifest["config"]]) {
            sizes.insert(blob["digest"].to_string(), blob["size"].as_u64().unwrap());
        }
    }
    sizes.values().sum()
}

fn operations(bench: &Bench, name: &str) -> usize {
    let entries = bench.ecr.journal().into_iter();
    entries.filter(|entry| entry.operation == name).count()
}

#[test]
fn a_layer_counts_once_and_a_policy_saves_what_goes_with_its_images() {
    let bench =
        stocked("repositories:\n  team/app: {lifecycle: {keep: [latest], keep-last: 2}}\n  team/empty: {}\n");
    let shown = bench.json(&["cost", "--pulls", "3", "--region-pulls", "5"], 0);
    assert!(bench.writes().is_empty());
    assert_eq!(
        operations(&bench, "BatchGetImage"),
        1,
        "one request for all manifests"
    );
    let both = blobs(&bench, &["1.0.0", "1.1.0"]);
    let app = &shown["repositories"][0];
    assert_eq!(
        (&app["repository"], &app["images"]),
        (&json!("team/app"), &json!(3))
    );
    assert_eq!(app["bytes"], both);
    assert_eq!(app["is-upper-bound"], false);
    // The first image goes; the layer that the second has too stays.
    assert_eq!(app["policy"]["images"], 1);
    assert_eq!(app["policy"]["bytes"], both - blobs(&bench, &["1.1.0"]));
    assert_eq!(shown["repositories"][1]["bytes"], 0);
    assert_eq!(shown["transfers"][1]["from"], "other-region");
    assert_eq!(shown["elsewhere"].as_array().unwrap().len(), 4);
    assert!(shown["replication"].is_object());

    let markdown = bench.repo(&["cost", "team/app", "--markdown"]);
    markdown.expect_code(0);
    assert!(
        markdown.stdout.contains("| `team/app` | 3 images |"),
        "{}",
        markdown.stdout
    );
}

#[test]
fn what_counts_from_the_last_pull_is_not_pulled() {
    let bench = stocked("repositories:\n  team/app: {lifecycle: {archive-after-days: 90}}\n");
    let shown = bench.json(&["cost"], 0);
    assert_eq!(shown["repositories"][0]["is-upper-bound"], true);
    // The index alone is read: what it lists must not go before it.
    assert_eq!(operations(&bench, "BatchGetImage"), 1);
    let exact = bench.json(&["cost", "--layers", "always"], 0);
    let bytes = |shown: &Value| shown["repositories"][0]["bytes"].as_u64().unwrap();
    assert!(bytes(&shown) > bytes(&exact));
    let text = bench.repo(&["cost", "--layers", "never"]);
    assert!(text.stdout.contains("at most"), "{}", text.stdout);
}

#[test]
fn all_repositories_are_priced_where_none_is_declared_and_a_missing_one_is_named() {
    let bench = stocked("");
    let shown = bench.json(&["cost"], 0);
    assert_eq!(shown["repositories"].as_array().unwrap().len(), 2);
    let missing = bench.repo(&["cost", "team/other"]);
    missing.expect_code(1);
    assert!(
        missing.stderr.contains("`team/other` does not exist"),
        "{}",
        missing.stderr
    );
}

#[test]
fn numbers_need_no_account_and_wrong_prices_are_named() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = tagship(home.path());
        finish(
            command
                .args(["repo", "cost", "--size", "500MB"])
                .args(arguments)
                .current_dir(home.path()),
        )
    };
    run(&["--versions", "10"]).expect_code(0);
    for (content, problem) in [
        (Some("{"), "is no list of prices: EOF"),
        (Some("{\"as-of\": 1}"), "line 1"),
        (None, "does not exist"),
    ] {
        let path = home.path().join("prices.json");
        std::fs::remove_file(&path).ok();
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let wrong = run(&["--prices", "prices.json"]);
        wrong.expect_code(2);
        assert!(wrong.stderr.contains(problem), "{}", wrong.stderr);
    }
    let own = include_str!("../../../crates/tagship-domain/src/cost/prices.json");
    let dear = own.replacen("\"storage\": 0.10", "\"storage\": 0.2", 1);
    std::fs::write(home.path().join("prices.json"), dear).unwrap();
    let shown = run(&["--versions", "10", "--prices", "prices.json"]);
    assert!(shown.stdout.contains("$1.00"), "{}", shown.stdout);
}
