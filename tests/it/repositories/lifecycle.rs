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
    // What the index lists has no tag, and is not touched before the index is gone.
    assert_eq!((by_rule(1), by_rule(2)), (3, 5));
    let followers = images.iter().filter(|image| !image["after"].is_null());
    let (prod, rule) = (&images[4], json!(1));
    assert_eq!(prod["tags"], json!(["prod"]));
    assert!(
        followers
            .clone()
            .all(|image| image["after"] == prod["digest"] && image["rule"] == rule)
    );
    assert_eq!(followers.count(), 2);
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

/// What is in use changes more often than the policy.
#[test]
fn what_is_protected_later_is_held_against_the_policy_that_stands() {
    let lifecycle = "lifecycle: {keep: [\"*.*\"], keep-last: 1}";
    let bench = stocked(&format!("repositories:\n  team/app: {{{lifecycle}}}\n"));
    bench.repo(&["apply"]).expect_code(0);
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
    for declared in [
        format!("repositories:\n  team/app: {{{lifecycle}, protect: [prod]}}\n"),
        "repositories:\n  team/app: {protect: [prod]}\n".to_owned(),
    ] {
        bench.declare(&declared);
        for arguments in [&["plan", "--exit-code"][..], &["apply"]] {
            let refused = bench.repo(arguments);
            refused.expect_code(12);
            let said = format!("{}{}", refused.stdout, refused.stderr);
            let reason = "the lifecycle policy that stands is going to delete `prod` (protected by `prod`)";
            assert!(said.contains(reason), "{declared}: {said}");
        }
        bench.repo(&["apply", "--allow-protected"]).expect_code(0);
    }
    // Where the policy goes, or another comes that keeps it, nothing is in the way.
    for lifecycle in ["none", "{keep: [prod, \"*.*\"], keep-last: 1}"] {
        bench.declare(&format!(
            "repositories:\n  team/app: {{lifecycle: {lifecycle}, protect: [prod]}}\n"
        ));
        bench.repo(&["apply"]).expect_code(0);
        bench.repo(&["plan", "--exit-code"]).expect_code(0);
    }
}

/// Has a clock run ahead of the machine's by `days`.
fn later(bench: &Bench, days: i64) {
    bench.ecr.set_clock_offset(days * 86_400);
}

#[test]
fn ecr_itself_is_asked_and_compared() {
    let bench = stocked("repositories:\n  team/app:\n    lifecycle: {untagged-days: 7, keep-last: 1}\n");
    bench.ecr.forget_journal();
    let asked = lifecycle(&bench, &["--by-ecr", "--json", "--allow-protected"]);
    asked.expect_code(0);
    let started = bench.ecr.journal_after_login().into_iter();
    let operations: Vec<String> = started.map(|entry| entry.operation).collect();
    let count = |name: &str| operations.iter().filter(|known| *known == name).count();
    assert_eq!(count("StartLifecyclePolicyPreview"), 1, "{operations:?}");
    assert!(
        count("GetLifecyclePolicyPreview") > 1,
        "it was in progress: {operations:?}"
    );
    let data: Value = serde_json::from_str(&asked.stdout).unwrap();
    let shown = &data["repositories"][0];
    assert_eq!(shown["comparison"], json!({"same": 6, "differing": []}));
    // Another client reads the same of ECR.
    let read = json!([["get_lifecycle_policy_preview", {"repositoryName": "team/app"}]]);
    let theirs = bench.boto3(&read)[0].clone();
    assert_eq!(theirs["status"], "COMPLETE");
    let mut theirs: Vec<(&Value, u64)> = (theirs["previewResults"].as_array().unwrap().iter())
        .map(|one| (&one["imageDigest"], one["appliedRulePriority"].as_u64().unwrap()))
        .collect();
    let at_once = |image: &&Value| image.get("after").is_none();
    let mut ours: Vec<(&Value, u64)> = (shown["images"].as_array().unwrap().iter())
        .filter(at_once)
        .map(|image| (&image["digest"], image["rule"].as_u64().unwrap()))
        .collect();
    theirs.sort_by_key(|(digest, _)| digest.as_str());
    ours.sort_by_key(|(digest, _)| digest.as_str());
    assert_eq!(ours, theirs);
    // Nothing was put, and nothing is gone.
    assert_eq!(bench.writes(), ["StartLifecyclePolicyPreview"; 1]);

    let refused = lifecycle(&bench, &["--by-ecr"]);
    refused.expect_code(12);
    let said = "ECR says the same as the evaluator of this program";
    assert!(refused.stdout.contains(said), "{}", refused.stdout);
}

#[test]
fn a_preview_of_another_run_is_waited_for_and_one_that_ecr_sees_otherwise_is_shown() {
    let bench = stocked("repositories:\n  team/app:\n    lifecycle: {keep-last: 1}\n");
    let keep_two = json!({"rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2},
        "action": {"type": "expire"},
    }]});
    bench.boto3(&json!([["start_lifecycle_policy_preview", {
        "repositoryName": "team/app", "lifecyclePolicyText": keep_two.to_string(),
    }]]));
    let asked = lifecycle(&bench, &["--by-ecr", "--allow-protected"]);
    asked.expect_code(0);
    let waited = "another lifecycle policy preview is in progress";
    assert!(asked.stderr.contains(waited), "{}", asked.stderr);
    assert!(asked.stdout.contains("ECR says the same"), "{}", asked.stdout);

    // An ECR whose clock is another sees other images as old.
    let old = "repositories:\n  team/app:\n    lifecycle: {untagged-days: 60}\n";
    bench.declare(old);
    later(&bench, 40);
    let asked = lifecycle(&bench, &["--by-ecr"]);
    asked.expect_code(0);
    let differ = "ECR and the evaluator of this program differ in 1 image";
    assert!(asked.stdout.contains(differ), "{}", asked.stdout);
    assert!(
        asked.stdout.contains("ECR: expire by rule 1  here: stays"),
        "{}",
        asked.stdout
    );
}

#[test]
fn pages_of_ecrs_preview_are_read_to_their_end() {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    let pusher = Pusher::new(&bench.ecr, "team/app");
    // One more than two pages hold, beside the one that stays. Source: `GetLifecyclePolicyPreview`, `maxResults`.
    for number in 0..202 {
        pusher.image("amd64", "x", &json!({"number": number.to_string()}));
    }
    bench.declare("repositories:\n  team/app: {lifecycle: {keep-last: 1}}\n");
    let asked = lifecycle(&bench, &["--by-ecr", "--json"]);
    asked.expect_code(0);
    let data: Value = serde_json::from_str(&asked.stdout).unwrap();
    assert_eq!(data["repositories"][0]["comparison"]["same"], 201);
}

#[test]
fn one_that_is_declared_and_not_made_yet_hides_no_other() {
    let bench = stocked(
        "repositories:\n  team/new: {lifecycle: {keep-last: 1}}\n  team/app: {lifecycle: {untagged-days: 7}}\n",
    );
    let shown = lifecycle(&bench, &[]);
    shown.expect_code(0);
    assert!(shown.stdout.contains("team/app: 1 of 9"), "{}", shown.stdout);
    assert!(
        shown.stderr.contains("repository `team/new` does not exist yet"),
        "{}",
        shown.stderr
    );
    lifecycle(&bench, &["team/new"]).expect_code(1);
}
