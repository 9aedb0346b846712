//! `tagship repo` against the embedded ECR, whose state boto3 makes and reads back.

mod bases;
mod cost;
mod declarations;
mod example;
mod lifecycle;
mod list;
mod maintenance;
mod many;
mod page;
mod permissions;
mod prune;
mod public;
mod settings;
mod ship;
mod templates;
mod undeclared;

use std::io::Write as _;
use std::process::Stdio;

use ecr_local::FaultAction;
use serde_json::{Value, json};
use test_support::clients::python;
use test_support::local::{Ecr, REGION};
use test_support::process::{Finished, Process, Signal, finish, scrubbed};

/// A registry, and a folder with a `tagship.yaml`.
pub(crate) struct Bench {
    pub(crate) ecr: Ecr,
    pub(crate) home: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::at(Ecr::start())
    }

    pub(crate) fn at(ecr: Ecr) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { ecr, home }
    }

    pub(crate) fn declare(&self, yaml: &str) {
        std::fs::write(self.home.path().join("tagship.yaml"), yaml).unwrap();
    }

    pub(crate) fn repo(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["repo"], arguments].concat();
        let mut command = self.ecr.command(self.home.path(), &arguments);
        finish(command.current_dir(self.home.path()))
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str], code: i32) -> Value {
        let finished = self.repo(&[arguments, &["--json"]].concat());
        finished.expect_code(code);
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// Calls the API with another client.
    pub(crate) fn boto3(&self, calls: &Value) -> Vec<Value> {
        boto3(&self.ecr, "ecr", calls)
    }

    /// The operations that changed anything.
    pub(crate) fn writes(&self) -> Vec<String> {
        let writes = self.ecr.writes().into_iter();
        let reads = [
            "ListTagsForResource",
            "GetRepositoryPolicy",
            "GetLifecyclePolicy",
            "GetLifecyclePolicyPreview",
            "DescribeRepositoryCreationTemplates",
        ];
        let names = writes.map(|entry| entry.operation);
        names.filter(|name| !reads.contains(&name.as_str())).collect()
    }
}

/// Calls `ecr` or `ecr-public` with another client.
pub(crate) fn boto3(ecr: &Ecr, service: &str, calls: &Value) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/repositories/call.py");
    let (id, secret) = ecr.admin_key();
    let home = tempfile::tempdir().unwrap();
    let region = if service == "ecr" { REGION } else { "us-east-1" };
    let mut child = scrubbed(python(), home.path())
        .env("SERVICE", service)
        .env("ENDPOINT", ecr.url())
        .env("REGION", region)
        .env("ACCESS_KEY_ID", id)
        .env("SECRET_ACCESS_KEY", secret)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(calls.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

const EVERYTHING: &str = r#"
repositories:
  defaults:
    mutability: immutable
    exclusion-filters: [latest, "1.*"]
    tags: {managed-by: tagship}
  team/app:
    encryption: {type: KMS, key: "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    scan-on-push: true
    tags: {owner: web}
    policy: {pull-from: ["111122223333"], lambda: true}
    lifecycle: {keep: ["v*"], untagged-days: 7, keep-last: 30}
  team/plain:
    mutability: mutable
"#;

#[test]
fn what_is_declared_is_put_and_read_back_by_another_client() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    let planned = bench.json(&["plan", "--exit-code"], 12);
    assert_eq!(planned["repositories"][0]["action"], "create");
    assert_eq!(bench.writes(), Vec::<String>::new(), "a plan writes nothing");
    let report = bench.json(&["apply"], 0);
    assert_eq!(report["repositories"][0]["made"], true);

    let app = json!({"repositoryName": "team/app"});
    let arn = "arn:aws:ecr:eu-central-1:123456789012:repository/team/app";
    let read = json!([
        ["describe_repositories", {"repositoryNames": ["team/app", "team/plain"]}],
        ["list_tags_for_resource", {"resourceArn": arn}],
        ["get_repository_policy", app],
        ["get_lifecycle_policy", app],
        ["get_repository_policy", {"repositoryName": "team/plain"}],
    ]);
    let answers = bench.boto3(&read);
    let described = &answers[0]["repositories"];
    assert_eq!(described[0]["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
    assert_eq!(
        described[0]["imageTagMutabilityExclusionFilters"],
        json!([{"filterType": "WILDCARD", "filter": "latest"}, {"filterType": "WILDCARD", "filter": "1.*"}])
    );
    assert_eq!(
        described[0]["encryptionConfiguration"],
        json!({"encryptionType": "KMS", "kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"})
    );
    assert_eq!(
        described[0]["imageScanningConfiguration"],
        json!({"scanOnPush": true})
    );
    assert_eq!(
        described[1]["imageTagMutability"], "MUTABLE",
        "filters belong to the setting beside them"
    );
    assert_eq!(
        answers[1]["tags"],
        json!([{"Key": "managed-by", "Value": "tagship"}, {"Key": "owner", "Value": "web"}])
    );
    let policy: Value = serde_json::from_str(answers[2]["policyText"].as_str().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"][0]["Principal"],
        json!({"AWS": ["111122223333"]})
    );
    assert_eq!(
        policy["Statement"][1]["Principal"],
        json!({"Service": "lambda.amazonaws.com"})
    );
    let lifecycle: Value = serde_json::from_str(answers[3]["lifecyclePolicyText"].as_str().unwrap()).unwrap();
    let counts: Vec<&Value> = (0..3)
        .map(|rule| &lifecycle["rules"][rule]["selection"]["countNumber"])
        .collect();
    assert_eq!(counts, [&json!(1_000_000), &json!(7), &json!(30)]);
    assert_eq!(answers[4]["error"], "RepositoryPolicyNotFoundException");

    // A second run writes nothing.
    bench.ecr.forget_journal();
    let again = bench.json(&["apply"], 0);
    assert_eq!(
        (&again["repositories"], &again["unchanged"]),
        (&json!([]), &json!(2))
    );
    assert_eq!(bench.writes(), Vec::<String>::new());
    bench.json(&["plan", "--exit-code"], 0);
}

#[test]
fn what_is_changed_by_hand_is_found_and_only_that_is_repaired() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    bench.repo(&["apply"]).expect_code(0);
    let app = json!({"repositoryName": "team/app"});
    bench.boto3(&json!([
        ["put_image_tag_mutability", {"repositoryName": "team/app", "imageTagMutability": "MUTABLE"}],
        ["delete_repository_policy", app],
        ["tag_resource", {
            "resourceArn": "arn:aws:ecr:eu-central-1:123456789012:repository/team/app",
            "tags": [{"Key": "owner", "Value": "x"}, {"Key": "cost-center", "Value": "7"}]
        }],
    ]));
    let drift = bench.repo(&["plan", "--exit-code"]);
    drift.expect_code(12);
    insta::assert_snapshot!(drift.stdout.replace(&bench.ecr.host(), "REGISTRY"));
    insta::assert_snapshot!(
        bench
            .repo(&["plan", "--markdown"])
            .stdout
            .replace(&bench.ecr.host(), "REGISTRY")
    );
    bench.ecr.forget_journal();
    bench.repo(&["apply"]).expect_code(0);
    assert_eq!(
        bench.writes(),
        ["PutImageTagMutability", "TagResource", "SetRepositoryPolicy"],
        "nothing else is touched, and no tag that is not declared"
    );
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn every_wrong_rule_is_named_with_its_place_before_aws_is_asked() {
    let bench = Bench::new();
    bench.declare(include_str!("repositories/wrong.yaml"));
    std::fs::write(
        bench.home.path().join("policy.json"),
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:GetObject\"}\n  ]\n}\n",
    )
    .unwrap();
    std::fs::write(
        bench.home.path().join("lifecycle.json"),
        "{\n  \"rules\": [,]\n}\n",
    )
    .unwrap();
    std::fs::write(
        bench.home.path().join("rules.json"),
        include_str!("repositories/rules.json"),
    )
    .unwrap();
    let refused = bench.repo(&["plan"]);
    refused.expect_code(2);
    insta::assert_snapshot!(refused.stderr);
    assert!(bench.ecr.journal().is_empty(), "AWS is not asked");
    // The same, whatever the command: the file is wrong.
    let ship = finish(&mut bench.ecr.command(bench.home.path(), &["ls", "team/app"]));
    ship.expect_code(2);
}

#[test]
fn two_runs_at_once_both_end_well() {
    let bench = Bench::new();
    let names = (0..12).map(|number| {
        format!("  team/app-{number}: {{mutability: immutable, lifecycle: {{keep-last: 5}}}}\n")
    });
    bench.declare(&format!("repositories:\n{}", names.collect::<String>()));
    let runs: Vec<Finished> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(|| bench.repo(&["apply"]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for run in runs {
        run.expect_code(0);
    }
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn a_repository_whose_making_was_not_answered_is_completed() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    bench
        .ecr
        .fail("CreateRepository", 0, 1, FaultAction::ResetMidBody);
    bench.repo(&["apply"]).expect_code(0);
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn too_many_calls_are_repeated_more_slowly() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    let throttled = || FaultAction::Error {
        code: "ThrottlingException".to_owned(),
        message: "Rate exceeded".to_owned(),
        status: 400,
    };
    // More often than the SDK repeats by itself.
    bench.ecr.fail("DescribeRepositories", 0, 4, throttled());
    bench.ecr.fail("PutLifecyclePolicy", 0, 4, throttled());
    let applied = bench.repo(&["apply"]);
    applied.expect_code(0);
    assert!(applied.stderr.contains("Rate exceeded"), "{}", applied.stderr);
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn what_was_put_before_a_failure_is_named_and_a_second_run_completes_it() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    let refused = FaultAction::Error {
        code: "InvalidParameterException".to_owned(),
        message: "no such policy".to_owned(),
        status: 400,
    };
    bench.ecr.fail("SetRepositoryPolicy", 0, 1, refused);
    let report = bench.json(&["apply"], 1);
    let app = &report["repositories"][0];
    let settings: Vec<&Value> = app["applied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["setting"])
        .collect();
    assert_eq!(settings, ["mutability", "encryption", "scan-on-push", "tags"]);
    let message = app["error"]["message"].as_str().unwrap();
    assert!(message.contains("no such policy"), "{message}");
    assert_eq!(
        report["repositories"][1]["made"], true,
        "one failure stops no other repository"
    );
    let hint = report["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("run again"), "{hint}");
    let again = bench.json(&["apply"], 0);
    let settings: Vec<&Value> = again["repositories"][0]["applied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| &change["setting"])
        .collect();
    assert_eq!(settings, ["policy", "lifecycle"]);
}

#[test]
fn a_run_that_a_signal_ends_says_what_was_put_and_what_was_not() {
    for signal in [Signal::Int, Signal::Term] {
        let bench = Bench::new();
        bench.declare(
            "registry-settings: {account-settings: {blob-mounting: enabled}}\nrepositories:\n  team/a: {policy: {lambda: true}}\n  team/b: {mutability: immutable, policy: {lambda: true}}\n  team/c: {}\n",
        );
        bench.ecr.fail("SetRepositoryPolicy", 1, 1, FaultAction::Hang);
        let mut command = bench.ecr.command(bench.home.path(), &["repo", "apply", "--json"]);
        let run = Process::start(command.current_dir(bench.home.path()));
        let is_policy_of_b = |entry: &ecr_local::JournalEntry| {
            entry.operation == "SetRepositoryPolicy" && entry.repository.as_deref() == Some("team/b")
        };
        bench.ecr.wait_for(is_policy_of_b);
        run.signal(signal);
        let ended = run.wait();
        ended.expect_code(130);
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(report["registry-settings"]["applied"][0]["name"], "blob-mounting");
        assert_eq!(report["registry-settings"]["left"], json!([]));
        let [a, b] = report["repositories"].as_array().unwrap().as_slice() else {
            panic!("{report}")
        };
        assert_eq!(
            (&a["repository"], &a["made"], &a["error"]),
            (&json!("team/a"), &json!(true), &Value::Null)
        );
        assert_eq!((&b["repository"], &b["made"]), (&json!("team/b"), &json!(true)));
        assert_eq!(
            b["applied"].as_array().unwrap().len(),
            1,
            "its mutability, and not its policy"
        );
        assert!(
            b["error"]["message"].as_str().unwrap().contains("put or not"),
            "{report}"
        );
        assert_eq!(
            (&report["untried"], &report["left"]),
            (&json!(1), &json!(["team/c"]))
        );
        assert_eq!(report["exit-code"], 130);
        // The next run completes it.
        let again = bench.repo(&["apply"]);
        again.expect_code(0);
        assert!(again.stdout.starts_with("changed team/b\n"), "{}", again.stdout);
        assert!(again.stdout.contains("made team/c\n"), "{}", again.stdout);
    }
}

#[test]
fn a_file_that_the_workflow_does_not_name_declares_nothing() {
    let bench = Bench::new();
    bench.declare(EVERYTHING);
    let event = bench.home.path().join("event.json");
    let run = |of: &str, arguments: &[&str]| {
        let pull_request = json!({"pull_request": {
            "head": {"repo": {"id": if of == "fork" { 2 } else { 1 }, "full_name": of}},
            "base": {"repo": {"id": 1, "full_name": "octo/app"}},
        }, "repository": {"id": 1, "full_name": "octo/app"}});
        std::fs::write(&event, pull_request.to_string()).unwrap();
        let mut command = bench
            .ecr
            .command(bench.home.path(), &[&["repo", "plan"], arguments].concat());
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_EVENT_NAME", "pull_request")
            .env("GITHUB_EVENT_PATH", &event)
            .env("GITHUB_REPOSITORY", "octo/app");
        finish(command.current_dir(bench.home.path()))
    };
    let found = run("octo/app", &[]);
    found.expect_code(2);
    let said = format!("{}{}", found.stdout, found.stderr);
    assert!(
        said.contains("`repositories` counts only when the workflow says so"),
        "{said}"
    );
    run("octo/app", &["--config", "tagship.yaml"]).expect_code(0);
    run("fork", &["--config", "tagship.yaml"]).expect_code(2);
}

#[test]
fn a_name_that_a_pattern_alone_declares_is_made_with_a_warning() {
    let bench = Bench::new();
    bench.declare("repositories:\n  team/*: {mutability: immutable}\n  team/app: {}\n");
    let planned = bench.repo(&["plan", "team/ap"]);
    planned.expect_code(0);
    let expected =
        "declares it by a pattern alone: it is made as a new one; `team/app` is declared by its name";
    assert!(planned.stderr.contains(expected), "{}", planned.stderr);
    let named = bench.repo(&["plan", "team/app"]);
    assert!(!named.stderr.contains("pattern"), "{}", named.stderr);
}

#[test]
fn a_key_that_stands_twice_in_a_policy_is_refused() {
    let bench = Bench::new();
    bench.declare("repositories:\n  team/app:\n    policy: {file: policy.json}\n");
    let twice = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\",\n\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"ecr:*\"}]}";
    std::fs::write(bench.home.path().join("policy.json"), twice).unwrap();
    let refused = bench.repo(&["plan"]);
    refused.expect_code(2);
    let said =
        refused.stderr.contains("policy.json:2:") && refused.stderr.contains("key `Effect` stands twice");
    assert!(said, "{}", refused.stderr);
}

#[test]
fn what_is_imported_of_many_repositories_is_read_again() {
    let bench = Bench::new();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "p".repeat(4000), "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "ecr:BatchGetImage",
    }]});
    let calls: Vec<Value> = (0..20)
        .flat_map(|number| {
            let name = format!("team/app-{number}");
            [
                json!(["create_repository", {"repositoryName": name}]),
                json!(["set_repository_policy", {"repositoryName": name, "policyText": policy.to_string()}]),
            ]
        })
        .collect();
    bench.boto3(&json!(calls));
    let imported = bench.repo(&["import"]);
    imported.expect_code(0);
    assert!(imported.stdout.len() > 64 * 1024, "{}", imported.stdout.len());
    bench.declare(&imported.stdout);
    bench.repo(&["plan", "--exit-code"]).expect_code(0);
}
