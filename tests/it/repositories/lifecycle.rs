//! `tagship lifecycle preview`, and what `tagship repo apply` refuses of a lifecycle policy.

use serde_json::{Value, json};
use test_support::images::Pusher;

use super::Bench;

/// A repository with releases of two majors, an index, what lost its tag, and a branch's image; pushed a day after the other but for the last.
fn stocked(yaml: &str) -> Bench {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    // Each a day after the one before, with a login of its own day.
    let mut day = -41;
    let mut next = || {
        day += 1;
        bench.ecr.set_clock_offset(day * 86_400);
        Pusher::new(&bench.ecr, "team/app")
    };
    for version in ["1.0.0", "1.1.0", "2.0.0-rc.1", "2.0.0"] {
        let pusher = next();
        let image = pusher.image("amd64", version, &json!({"version": version}));
        pusher.tag(version, &image.digest);
    }
    let pusher = next();
    let images = ["amd64", "arm64"].map(|platform| pusher.image(platform, platform, &json!({})));
    let index = pusher.index(&images);
    pusher.tag("prod", &index.digest);
    next().image("amd64", "orphan", &json!({}));
    bench.ecr.set_clock_offset(0);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    let main = pusher.image("amd64", "main", &json!({}));
    pusher.tag("main", &main.digest);
    bench.declare(yaml);
    bench
}

fn lifecycle(bench: &Bench, arguments: &[&str]) -> test_support::process::Finished {
    let arguments = [&["lifecycle", "preview"], arguments].concat();
    let mut command = bench.ecr.command(bench.home.path(), &arguments);
    test_support::process::finish(command.current_dir(bench.home.path()))
}

#[test]
fn a_preview_says_per_rule_and_per_image_what_goes_and_what_must_not() {
    let bench = stocked(
        "repositories:\n  team/app:\n    lifecycle: {untagged-days: 7, keep-last: 1}\n    protect: [prod]\n",
    );
    bench.ecr.forget_journal();
    let shown = lifecycle(&bench, &[]);
    shown.expect_code(12);
    insta::assert_snapshot!(format!("{}{}", shown.stdout, shown.stderr));
    assert!(bench.writes().is_empty());

    let data: Value = serde_json::from_str(&lifecycle(&bench, &["--json"]).stdout).unwrap();
    let images = data["repositories"][0]["images"].as_array().unwrap();
    let by_rule = |rule: u32| images.iter().filter(|image| image["rule"] == rule).count();
    // What the index lists is not touched, though it has no tag.
    assert_eq!((by_rule(1), by_rule(2)), (1, 5));
}

#[test]
fn a_policy_that_deletes_what_is_in_use_is_refused_and_put_only_when_asked() {
    let bench = stocked("repositories:\n  team/app: {lifecycle: {keep-last: 1}}\n");
    let refused = bench.repo(&["apply"]);
    refused.expect_code(12);
    assert!(
        refused.stderr.contains("`2.0.0` (the last release of 2.x)"),
        "{}",
        refused.stderr
    );
    assert!(bench.writes().iter().all(|write| write != "PutLifecyclePolicy"));
    bench.repo(&["apply", "--allow-protected"]).expect_code(0);
    assert!(bench.writes().contains(&"PutLifecyclePolicy".to_owned()));
}

#[test]
fn what_files_of_deployments_name_is_protected_by_digest_and_by_tag() {
    let bench = stocked(
        "repositories:\n  team/app:\n    lifecycle: {keep: [\"[0-9]*\", \"*.*\"], keep-last: 1}\n    protect: [{file: deployed.json}]\n",
    );
    let read =
        json!([["describe_images", {"repositoryName": "team/app", "imageIds": [{"imageTag": "prod"}]}]]);
    let digest = bench.boto3(&read)[0]["imageDetails"][0]["imageDigest"]
        .as_str()
        .unwrap()
        .to_owned();
    let named = |image: &str| {
        let task = json!({"containerDefinitions": [{"image": image}]});
        std::fs::write(bench.home.path().join("deployed.json"), task.to_string()).unwrap();
        bench.declare("repositories:\n  team/app:\n    lifecycle: {keep: [\"*.*\"], keep-last: 1}\n    protect: [{file: deployed.json}]\n");
        bench.repo(&["plan"])
    };
    for image in [
        format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@{digest}"),
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:prod".to_owned(),
        format!("team/app:latest@{digest}"),
    ] {
        let refused = named(&image);
        refused.expect_code(12);
        assert!(
            refused.stdout.contains("`prod` (protected by `deployed.json`)"),
            "{image}: {}",
            refused.stdout
        );
    }
    let other = named("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/other:prod");
    other.expect_code(0);
    let nothing = named("no image");
    nothing.expect_code(2);
    assert!(nothing.stderr.contains("names no image"), "{}", nothing.stderr);
}
