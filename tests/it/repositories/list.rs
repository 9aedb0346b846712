//! `tagship repo list` as table, Markdown and JSON, of one registry and of several.

use ecr_local::FaultAction;
use serde_json::{Value, json};
use test_support::images::Pusher;
use test_support::local::REGION;
use test_support::process::Finished;

use super::Bench;

/// Two repositories, one with images, of which one is declared, and one that is declared and missing.
fn stocked() -> Bench {
    let bench = Bench::new();
    bench.boto3(&json!([
        ["create_repository", {"repositoryName": "team/app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "latest"}],
            "imageScanningConfiguration": {"scanOnPush": true}}],
        ["create_repository", {"repositoryName": "team/old", "encryptionConfiguration": {"encryptionType": "KMS"}}],
    ]));
    let pusher = Pusher::new(&bench.ecr, "team/app");
    let images = ["amd64", "arm64"].map(|platform| pusher.image(platform, platform, &json!({})));
    let index = pusher.index(&images);
    pusher.tag("1.0.0", &index.digest);
    // Long enough for a scan.
    bench.ecr.set_clock_offset(60);
    bench.declare("repositories:\n  team/app: {mutability: immutable}\n  team/new: {scan-on-push: true}\n");
    bench
}

/// What was printed, without what is another each time.
fn shown(bench: &Bench, run: &Finished) -> String {
    let data = bench.json(&["list", "team/app"], 0);
    let pushed = data["registries"][0]["repositories"][0]["last-push"].as_str();
    let text = run.stdout.replace(&bench.ecr.host(), "REGISTRY");
    text.replace(&pushed.unwrap()[..10], "YYYY-MM-DD")
}

#[test]
fn a_list_says_what_repositories_are_hold_and_how_they_differ() {
    let bench = stocked();
    bench.ecr.forget_journal();
    let listed = bench.repo(&["list"]);
    listed.expect_code(0);
    insta::assert_snapshot!(shown(&bench, &listed));
    insta::assert_snapshot!(shown(&bench, &bench.repo(&["list", "--markdown"])));
    bench.repo(&["list", "--exit-code"]).expect_code(12);
    let missing = bench.repo(&["list", "team/app", "nope"]);
    missing.expect_code(0);
    assert!(
        missing.stderr.contains("there is no repository `nope`"),
        "{}",
        missing.stderr
    );

    let data = bench.json(&["list", "team/app"], 0);
    let listed = data["registries"][0]["repositories"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{data}");
    let read = bench.boto3(&json!([["describe_images", {"repositoryName": "team/app"}]]));
    let images = read[0]["imageDetails"].as_array().unwrap();
    let is_index = |image: &&Value| {
        image["imageManifestMediaType"]
            .as_str()
            .unwrap()
            .contains("index")
    };
    let sizes = images.iter().filter(|image| !is_index(image));
    let bytes: u64 = sizes
        .map(|image| image["imageSizeInBytes"].as_u64().unwrap())
        .sum();
    assert_eq!(
        (&listed[0]["images"], &listed[0]["bytes"]),
        (&json!(images.len()), &json!(bytes))
    );
    assert_eq!(listed[0]["drift"], "differs");
    assert_eq!(
        listed[0]["findings"]["status"], "COMPLETE",
        "the scans of the index's images: {data}"
    );
    let writes = bench.writes().into_iter();
    assert_eq!(writes.filter(|name| name.starts_with("Put")).count(), 0);
}

#[test]
fn registries_of_targets_are_listed_and_one_that_cannot_be_read_hides_no_other() {
    let bench = stocked();
    let (url, other) = (bench.ecr.url(), "123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    bench.declare(&format!("targets:\n  - {other}/team/app,endpoint-url={url}\n"));
    let listed = bench.repo(&["list"]);
    listed.expect_code(0);
    insta::assert_snapshot!(shown(&bench, &listed));
    assert_ne!(REGION, "eu-west-1");

    let refused = FaultAction::Error {
        code: "AccessDeniedException".to_owned(),
        message: "not authorized".to_owned(),
        status: 400,
    };
    bench.ecr.fail("DescribeRepositories", 1, 1, refused);
    let listed = bench.repo(&["list"]);
    listed.expect_code(3);
    assert!(listed.stdout.contains("team/old"), "{}", listed.stdout);
    assert!(
        listed.stderr.contains(&format!("registry `{other}`"))
            && listed.stderr.contains("`ecr:DescribeRepositories`"),
        "{}",
        listed.stderr
    );
}

#[test]
fn settings_of_the_registry_that_differ_are_named() {
    let bench = Bench::new();
    bench.declare("registry-settings:\n  account-settings: {blob-mounting: enabled}\n  scanning: {type: basic, on-push: '*'}\nrepositories:\n  team/app: {}\n");
    bench.repo(&["apply"]).expect_code(0);
    let same = bench.repo(&["list", "--exit-code"]);
    same.expect_code(0);
    assert!(
        same.stdout.ends_with("settings of the registry: as declared\n"),
        "{}",
        same.stdout
    );
    bench.boto3(&json!([["put_account_setting", {"name": "BLOB_MOUNTING", "value": "DISABLED"}]]));
    let differs = bench.repo(&["list", "--exit-code"]);
    differs.expect_code(12);
    let said = "settings of the registry: account-settings differ\n";
    assert!(differs.stdout.ends_with(said), "{}", differs.stdout);
    let data = bench.json(&["list"], 0);
    assert_eq!(
        data["registries"][0]["settings-that-differ"],
        json!(["account-settings"])
    );
    let markdown = bench.repo(&["list", "--markdown"]).stdout;
    assert!(
        markdown.contains("Settings of the registry: account-settings differ"),
        "{markdown}"
    );
    // Names of repositories are about these alone.
    let data = bench.json(&["list", "team/app"], 0);
    assert_eq!(data["registries"][0].get("settings-that-differ"), None);
}
