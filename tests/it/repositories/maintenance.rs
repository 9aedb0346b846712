//! `tagship repo import` and `tagship repo delete`.

use ecr_local::FaultAction;
use serde_json::json;
use test_support::images::Pusher;
use test_support::process::{Process, Signal};

use super::{Bench, EVERYTHING};

#[test]
fn an_import_of_many_repositories_is_read_back() {
    let bench = Bench::new();
    let create = |number| json!(["create_repository", {"repositoryName": format!("team/app-{number}")}]);
    bench.boto3(&(0..101).map(create).collect());
    let imported = bench.repo(&["import"]);
    imported.expect_code(0);
    assert!(
        imported
            .stdout
            .starts_with("repositories:\n  - name: team/app-0\n    mutability: mutable\n")
    );
    bench.declare(&imported.stdout);
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn an_imported_declaration_says_what_is_there() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    bench.repo(&["apply"]).expect_code(0);
    bench.boto3(&json!([
        ["create_repository", {"repositoryName": "other/one", "encryptionConfiguration": {"encryptionType": "KMS_DSSE", "kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/aaaa"}}],
        ["create_repository", {"repositoryName": "other/two", "imageTagMutability": "IMMUTABLE", "tags": [{"Key": "a: b", "Value": "c: d @e"}]}],
    ]));
    bench.ecr.forget_journal();
    let imported = bench.repo(&["import"]);
    imported.expect_code(0);
    assert_eq!(bench.writes(), Vec::<String>::new());
    insta::assert_snapshot!(imported.stdout);
    bench.declare(&imported.stdout);
    let plan = bench.json(&["plan", "--exit-code"], 0);
    assert_eq!(plan["repositories"].as_array().unwrap().len(), 4);

    let one = bench.repo(&["import", "other/two"]);
    assert!(!one.stdout.contains("team/app"), "{}", one.stdout);
    let missing = bench.repo(&["import", "other/two", "other/none"]);
    missing.expect_code(1);
    assert!(
        missing.stderr.contains("`other/none` does not exist"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_repository_with_images_goes_only_when_its_name_is_typed() {
    let bench = Bench::new();
    bench.boto3(&json!([
        ["create_repository", {"repositoryName": "team/full"}],
        ["create_repository", {"repositoryName": "team/empty"}],
    ]));
    let pusher = Pusher::new(&bench.ecr, "team/full");
    pusher.image("amd64", "x", &json!({}));
    let there = |name: &str| {
        let described = json!([["describe_repositories", {"repositoryNames": [name]}]]);
        bench.boto3(&described)[0].get("error").is_none()
    };
    bench.repo(&["delete", "team/empty"]).expect_code(0);
    assert!(!there("team/empty"));
    let again = bench.repo(&["delete", "team/empty"]);
    again.expect_code(1);
    assert!(again.stderr.contains("does not exist"), "{}", again.stderr);

    let full = bench.repo(&["delete", "team/full"]);
    full.expect_code(1);
    assert!(full.stderr.contains("holds images"), "{}", full.stderr);
    bench.ecr.forget_journal();
    for unsure in [
        &["--force"][..],
        &["--force", "--confirm", "team/ful"],
        &["--confirm", "team/full"],
    ] {
        let arguments = [&["delete", "team/full"], unsure].concat();
        bench.repo(&arguments).expect_code(2);
    }
    assert!(bench.ecr.journal().is_empty());
    assert!(there("team/full"));
    bench
        .repo(&["delete", "team/full", "--force", "--confirm", "team/full"])
        .expect_code(0);
    assert!(!there("team/full"));
}

#[test]
fn a_removal_whose_answer_is_lost_is_known_to_be_done() {
    let bench = Bench::new();
    for (name, fault) in [
        ("team/cut", FaultAction::ResetMidBody),
        ("team/short", FaultAction::Truncate),
    ] {
        bench.boto3(&json!([["create_repository", {"repositoryName": name}]]));
        bench.ecr.fail("DeleteRepository", 0, 1, fault);
        let removed = bench.repo(&["delete", name]);
        removed.expect_code(0);
        assert_eq!(removed.stdout, format!("removed {name}\n"));
    }
    // Nothing was done before the connection broke: it is tried again.
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/late"}]]));
    bench.ecr.fail("DeleteRepository", 0, 1, FaultAction::Reset);
    bench.repo(&["delete", "team/late"]).expect_code(0);
    // A name that never was is none that was lost.
    bench.repo(&["delete", "team/late"]).expect_code(1);
}

#[test]
fn a_run_that_was_ended_before_the_answer_is_repeated_without_a_failure() {
    let bench = Bench::new();
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/full"}]]));
    Pusher::new(&bench.ecr, "team/full").image("amd64", "x", &json!({}));
    let typed = ["repo", "delete", "team/full", "--force", "--confirm", "team/full"];
    bench.ecr.fail("DeleteRepository", 0, 1, FaultAction::HangAfter);
    let run = Process::start(&mut bench.ecr.command(bench.home.path(), &typed));
    bench
        .ecr
        .wait_for(|entry| entry.operation == "DeleteRepository" && entry.held.is_some());
    run.signal(Signal::Int);
    run.wait().expect_code(130);
    let again = bench.json(&typed[1..], 0);
    assert_eq!(
        (&again["was-there"], &again["repository"]),
        (&json!(false), &json!("team/full"))
    );
}
