//! The policies that `tagship iam --for repo` prints, enforced: with all of one a command succeeds, and each action counts.

use serde_json::{Value, json};
use test_support::images::Pusher;
use test_support::local::{ACCOUNT, Ecr, REGION};
use test_support::process::{Finished, finish, output_of, tagship};

use super::{Bench, EVERYTHING};

/// What `tagship iam` prints about the repositories that a file declares.
fn printed(folder: &std::path::Path, arguments: &[&str]) -> Value {
    let mut command = tagship(folder);
    command.args(["iam", "--json", "--account-id", ACCOUNT, "--aws-region", REGION]);
    command.args(arguments).current_dir(folder);
    serde_json::from_str(&output_of(&mut command)).unwrap()
}

/// One role for each action that it lacks, and one that lacks none.
fn roles(policy: &Value, trust: &Value, actions: &[String]) -> String {
    let role = |lacking: Option<&String>| {
        let mut policy = policy.clone();
        for statement in policy["Statement"].as_array_mut().unwrap() {
            let allowed = statement["Action"].as_array_mut().unwrap();
            allowed.retain(|action| lacking.is_none_or(|lacking| action != lacking));
        }
        let statements = policy["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Action"] != json!([]));
        let name = lacking.map_or("all", |lacking| lacking.trim_start_matches("ecr:"));
        json!({"RoleName": name, "AssumeRolePolicyDocument": trust, "PolicyDocuments": [policy]})
    };
    let all: Vec<Value> = std::iter::once(role(None))
        .chain(actions.iter().map(|action| role(Some(action))))
        .collect();
    json!({ "Roles": all }).to_string()
}

fn run_as(bench: &Bench, role: &str, arguments: &[&str]) -> Finished {
    let (url, token) = bench.ecr.oidc_request();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
    let mut command = tagship(bench.home.path());
    command
        .env("TAGSHIP_REGISTRY", bench.ecr.host())
        .env("TAGSHIP_ENDPOINT_URL", bench.ecr.url())
        .env("AWS_REGION", REGION)
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
        .args(["repo"])
        .args(arguments)
        .args(["--role-to-assume", &role])
        .current_dir(bench.home.path());
    finish(&mut command)
}

/// What is declared: two repositories with everything, and one that is to have nothing.
fn declared() -> String {
    format!("{EVERYTHING}  team/bare: {{prune: true, mutability: mutable}}\n")
}

fn bench_with(command: &str) -> (Bench, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tagship.yaml"), declared()).unwrap();
    let all = printed(folder.path(), &["--for", command]);
    let of = |permission: &Value| permission["action"].as_str().unwrap().to_owned();
    let actions: Vec<String> = all["permissions"].as_array().unwrap().iter().map(of).collect();
    let jobs = [
        "trust",
        "--github-repository",
        "example/app",
        "--branch",
        "main",
        "--repository",
        "x1",
    ];
    let trust = printed(tempfile::tempdir().unwrap().path(), &jobs)["policy"].clone();
    let bench = Bench::at(Ecr::start_for_judges(&roles(&all["policy"], &trust, &actions)));
    bench.declare(&declared());
    (bench, actions)
}

/// Changes by hand whatever the administrator may, so that every action is needed to repair it.
fn disturb(bench: &Bench) {
    let arn = |name: &str| format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}");
    let lifecycle = json!({"rules": [{
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
        "action": {"type": "expire"},
    }]});
    bench.boto3(&json!([
        ["delete_repository", {"repositoryName": "team/plain"}],
        ["create_repository", {"repositoryName": "team/app", "encryptionConfiguration": {
            "encryptionType": "KMS",
            "kmsKey": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        }}],
        ["put_image_tag_mutability", {"repositoryName": "team/app", "imageTagMutability": "MUTABLE"}],
        ["put_image_scanning_configuration", {
            "repositoryName": "team/app", "imageScanningConfiguration": {"scanOnPush": false},
        }],
        ["tag_resource", {"resourceArn": arn("team/app"), "tags": [{"Key": "owner", "Value": "x"}]}],
        ["delete_repository_policy", {"repositoryName": "team/app"}],
        ["put_lifecycle_policy", {"repositoryName": "team/app", "lifecyclePolicyText": lifecycle.to_string()}],
        // What is to be removed from the third.
        ["create_repository", {"repositoryName": "team/bare"}],
        ["tag_resource", {"resourceArn": arn("team/bare"), "tags": [{"Key": "extra", "Value": "x"}]}],
        ["put_lifecycle_policy", {"repositoryName": "team/bare", "lifecyclePolicyText": lifecycle.to_string()}],
        ["set_repository_policy", {"repositoryName": "team/bare", "policyText": json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}],
        }).to_string()}],
    ]));
}

#[test]
fn a_role_with_the_printed_policy_applies_and_each_action_less_is_named() {
    let (bench, actions) = bench_with("repo");
    disturb(&bench);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    pusher.index(&[pusher.image("amd64", "x", &json!({}))]);
    for action in &actions {
        disturb(&bench);
        let name = action.trim_start_matches("ecr:");
        let run = run_as(&bench, name, &["apply"]);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    disturb(&bench);
    let run = run_as(&bench, "all", &["apply"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    run_as(&bench, "all", &["plan", "--exit-code"]).expect_code(0);
}

#[test]
fn a_role_with_the_printed_policy_plans_and_each_action_less_is_named() {
    let (bench, actions) = bench_with("repo-plan");
    disturb(&bench);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    pusher.index(&[pusher.image("amd64", "x", &json!({}))]);
    for action in &actions {
        let run = run_as(&bench, action.trim_start_matches("ecr:"), &["plan"]);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    run_as(&bench, "all", &["plan"]).expect_code(0);
    // What only plans may put nothing.
    let run = run_as(&bench, "all", &["apply"]);
    assert_eq!(run.code, Some(3), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_role_with_the_printed_policy_deletes() {
    let (bench, _) = bench_with("repo-delete");
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/plain"}]]));
    run_as(&bench, "all", &["delete", "team/plain"]).expect_code(0);
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/plain"}]]));
    let run = run_as(&bench, "DeleteRepository", &["delete", "team/plain"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("`ecr:DeleteRepository`"), "{}", run.stderr);
}
