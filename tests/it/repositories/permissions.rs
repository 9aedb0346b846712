//! The policies that `tagship iam --for repo` prints, enforced: with all of one a command succeeds, and each action counts.

use std::process::Command;

use serde_json::{Value, json};
use test_support::images::Pusher;
use test_support::local::{ACCOUNT, Ecr, REGION};
use test_support::process::{Finished, finish, output_of, tagship};

use super::settings::SETTINGS;
use super::{Bench, EVERYTHING};

/// What `tagship iam` prints about the repositories that a file declares.
pub(super) fn printed(folder: &std::path::Path, arguments: &[&str]) -> Value {
    let mut command = tagship(folder);
    command.args(["iam", "--json", "--account-id", ACCOUNT, "--aws-region", REGION]);
    command.args(arguments).current_dir(folder);
    serde_json::from_str(&output_of(&mut command)).unwrap()
}

/// One role for each action that it lacks, and one that lacks none.
pub(super) fn roles(policy: &Value, trust: &Value, actions: &[String]) -> String {
    let role = |lacking: Option<&String>| {
        let mut policy = policy.clone();
        for statement in policy["Statement"].as_array_mut().unwrap() {
            let allowed = statement["Action"].as_array_mut().unwrap();
            allowed.retain(|action| lacking.is_none_or(|lacking| action != lacking));
        }
        let statements = policy["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Action"] != json!([]));
        let name = lacking.map_or("all", |lacking| name_of(lacking));
        json!({"RoleName": name, "AssumeRolePolicyDocument": trust, "PolicyDocuments": [policy]})
    };
    let all: Vec<Value> = std::iter::once(role(None))
        .chain(actions.iter().map(|action| role(Some(action))))
        .chain(["creator", "other"].map(by_ecr))
        .collect();
    json!({ "Roles": all }).to_string()
}

/// A role by which ECR reads other registries.
fn by_ecr(name: &str) -> Value {
    let trust = json!({"Effect": "Allow", "Principal": {"Service": "pullthroughcache.ecr.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let policy = json!({"Effect": "Allow", "Action": "ecr:*", "Resource": "*"});
    let document = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]});
    json!({
        "RoleName": name,
        "AssumeRolePolicyDocument": document(trust),
        "PolicyDocuments": [document(policy)],
    })
}

/// The name of the role that lacks an action.
fn name_of(action: &str) -> &str {
    action.rsplit(':').next().unwrap()
}

fn run_as(bench: &Bench, role: &str, arguments: &[&str]) -> Finished {
    run_of(bench, role, &[&["repo"], arguments].concat())
}

fn run_of(bench: &Bench, role: &str, arguments: &[&str]) -> Finished {
    finish(&mut as_role(bench, role, arguments))
}

/// A command that takes a role.
pub(super) fn as_role(bench: &Bench, role: &str, arguments: &[&str]) -> Command {
    let (url, token) = bench.ecr.oidc_request();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
    let mut command = tagship(bench.home.path());
    command
        .env("TAGSHIP_REGISTRY", bench.ecr.host())
        .env("TAGSHIP_ENDPOINT_URL", bench.ecr.url())
        .env("AWS_REGION", REGION)
        .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
        .args(arguments)
        .args(["--role-to-assume", &role])
        .current_dir(bench.home.path());
    command
}

/// What is declared: two repositories with everything, and one that is to have nothing.
fn declared() -> String {
    format!("{EVERYTHING}  team/bare: {{prune: true, mutability: mutable}}\n")
}

fn bench_with(command: &str) -> (Bench, Vec<String>) {
    bench_of(command, &declared())
}

fn bench_of(command: &str, declared: &str) -> (Bench, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tagship.yaml"), declared).unwrap();
    let all = printed(folder.path(), &["--for", command]);
    let of = |permission: &Value| permission["action"].as_str().unwrap().to_owned();
    let required = |permission: &&Value| permission["need"] == "required";
    let permissions = all["permissions"].as_array().unwrap().iter();
    let actions: Vec<String> = permissions.filter(required).map(of).collect();
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
    bench.declare(declared);
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
fn a_role_with_the_printed_policy_prices_and_each_action_less_is_named() {
    let (bench, actions) = bench_with("repo-cost");
    disturb(&bench);
    Pusher::new(&bench.ecr, "team/app").image("amd64", "x", &json!({}));
    for action in &actions {
        let run = run_as(&bench, action.trim_start_matches("ecr:"), &["cost"]);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    run_as(&bench, "all", &["cost"]).expect_code(0);
}

#[test]
fn a_role_with_the_printed_policy_prunes_and_each_action_less_is_named() {
    let (bench, actions) = bench_with("prune");
    disturb(&bench);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    pusher.index(&[pusher.image("amd64", "x", &json!({}))]);
    let rules = ["prune", "team/app", "--untagged-days", "0", "--apply"];
    for action in &actions {
        let run = run_of(&bench, action.trim_start_matches("ecr:"), &rules);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    run_of(&bench, "all", &rules).expect_code(0);
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

/// Changes by hand every setting of the registry, so that every action is needed to repair it.
fn disturb_settings(bench: &Bench) {
    let one = "arn:aws:iam::123456789012:role/scanner";
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "ecr:ReplicateImage",
        "Resource": "*",
    }]});
    let profile = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/other";
    bench.boto3(&json!([
        ["put_account_setting", {"name": "BLOB_MOUNTING", "value": "DISABLED"}],
        ["put_registry_policy", {"policyText": policy.to_string()}],
        ["put_registry_scanning_configuration", {"scanType": "ENHANCED", "rules": []}],
        ["put_signing_configuration", {"signingConfiguration": {"rules": [{"signingProfileArn": profile}]}}],
        ["delete_repository_creation_template", {"prefix": "mirror"}],
        ["create_repository_creation_template", {"prefix": "ROOT", "appliedFor": ["REPLICATION"]}],
        ["update_repository_creation_template", {"prefix": "ROOT", "appliedFor": ["REPLICATION"]}],
        ["create_repository_creation_template", {"prefix": "left", "appliedFor": ["REPLICATION"]}],
        ["delete_pull_through_cache_rule", {"ecrRepositoryPrefix": "ecr-mirror"}],
        ["create_pull_through_cache_rule", {"ecrRepositoryPrefix": "left", "upstreamRegistryUrl": "quay.io"}],
        ["create_pull_through_cache_rule", {
            "ecrRepositoryPrefix": "by-role",
            "upstreamRegistryUrl": "123456789012.dkr.ecr.us-west-2.amazonaws.com",
            "customRoleArn": "arn:aws:iam::123456789012:role/creator",
        }],
        ["update_pull_through_cache_rule", {
            "ecrRepositoryPrefix": "by-role", "customRoleArn": "arn:aws:iam::123456789012:role/other",
        }],
        ["put_replication_configuration", {"replicationConfiguration": {"rules": []}}],
        ["deregister_pull_time_update_exclusion", {"principalArn": one}],
        ["register_pull_time_update_exclusion", {"principalArn": "arn:aws:iam::123456789012:role/left"}],
    ]));
}

/// The declared settings with what is removed: the policy and the signing in a second run.
fn declared_settings() -> String {
    let by_role = "    by-role: {upstream: 123456789012.dkr.ecr.us-west-2.amazonaws.com, role: \"arn:aws:iam::123456789012:role/creator\"}\n  replication:";
    format!(
        "{}  prune: true\n",
        SETTINGS.replacen("  replication:", by_role, 1)
    )
}

#[test]
fn a_role_with_the_printed_policy_puts_settings_and_each_action_less_is_named() {
    let declared = declared_settings();
    let (bench, actions) = bench_of("repo-settings", &declared);
    bench.repo(&["apply"]).expect_code(0);
    for action in &actions {
        // What is put and what is removed cannot both be declared of one setting.
        let removes =
            ["ecr:DeleteRegistryPolicy", "ecr:DeleteSigningConfiguration"].contains(&action.as_str());
        bench.declare(if removes {
            "registry-settings: {prune: true}\n"
        } else {
            &declared
        });
        disturb_settings(&bench);
        let run = run_as(&bench, name_of(action), &["apply"]);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    for declared in ["registry-settings: {prune: true}\n", &declared] {
        bench.declare(declared);
        disturb_settings(&bench);
        let run = run_as(&bench, "all", &["apply"]);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
        run_as(&bench, "all", &["plan", "--exit-code"]).expect_code(0);
    }
}

#[test]
fn a_role_with_the_printed_policy_plans_settings_and_each_action_less_is_named() {
    let declared = declared_settings();
    let (bench, actions) = bench_of("repo-settings-plan", &declared);
    bench.repo(&["apply"]).expect_code(0);
    for action in &actions {
        let run = run_as(&bench, name_of(action), &["plan"]);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    run_as(&bench, "all", &["plan"]).expect_code(0);
    let refused = run_as(&bench, "all", &["import", "--registry-settings"]);
    assert!(
        refused.stderr.contains("`ecr:DescribeRepositories`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_role_with_the_printed_policy_lists_and_each_action_less_is_named() {
    let (bench, actions) = bench_of("repo-list", &declared());
    bench.boto3(&json!([["create_repository", {"repositoryName": "team/app"}]]));
    let pusher = Pusher::new(&bench.ecr, "team/app");
    pusher.index(&[pusher.image("amd64", "x", &json!({}))]);
    let list = ["list", "team/app"];
    for action in &actions {
        let run = run_as(&bench, name_of(action), &list);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    // What differs needs what a plan does, and is left out without.
    let run = run_as(&bench, "all", &list);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr
            .contains("what differs from the declaration is not shown"),
        "{}",
        run.stderr
    );
}

/// Proves the row of a command that asks for everything that it needs.
fn prove(row: &str, arguments: &[&str]) {
    let (bench, actions) = bench_of(row, &declared());
    disturb(&bench);
    let pusher = Pusher::new(&bench.ecr, "team/app");
    pusher.index(&[pusher.image("amd64", "x", &json!({}))]);
    for action in &actions {
        let run = run_of(&bench, name_of(action), arguments);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    run_of(&bench, "all", arguments).expect_code(0);
}

#[test]
fn a_role_with_the_printed_policy_previews_and_each_action_less_is_named() {
    prove("lifecycle-preview", &["lifecycle", "preview"]);
}

#[test]
fn a_role_with_the_printed_policy_has_ecr_preview_and_each_action_less_is_named() {
    prove("lifecycle-preview-by-ecr", &["lifecycle", "preview", "--by-ecr"]);
}

#[test]
fn a_role_with_the_printed_policy_imports_and_each_action_less_is_named() {
    prove("repo-import", &["repo", "import", "team/app", "team/bare"]);
}

#[test]
fn a_role_with_the_printed_policy_removes_what_is_not_declared_and_each_action_less_is_named() {
    let (bench, actions) = bench_of("repo,repo-prune", "repositories:\n  team/app: {}\n");
    let of_removal = [
        "ecr:DescribeRepositories",
        "ecr:DescribeImages",
        "ecr:DeleteRepository",
    ];
    assert!(
        of_removal
            .iter()
            .all(|action| actions.contains(&(*action).to_owned())),
        "{actions:?}"
    );
    bench.repo(&["apply"]).expect_code(0);
    bench.boto3(&json!([["create_repository", {"repositoryName": "other/old"}]]));
    let apply = ["apply", "--prune"];
    for action in of_removal {
        let run = run_as(&bench, name_of(action), &apply);
        assert_eq!(run.code, Some(3), "{action}: {}{}", run.stdout, run.stderr);
        assert!(
            run.stderr.contains(&format!("`{action}`")),
            "{action}: {}",
            run.stderr
        );
    }
    let run = run_as(&bench, "all", &apply);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("removed other/old"), "{}", run.stdout);
}
