//! Targets and promotions with roles of their own, and what a run says of a target that fails; no engine is needed.

use ecr_local::{FaultAction, JournalEntry};
use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;
use test_support::clients::login;
use test_support::images::Pusher;
use test_support::local::{ACCOUNT, Ecr, REGION, is_tag_put, shown};
use test_support::process::{Finished, finish, tagship};
use test_support::shipping::{NO_ENGINE, Shipyard};

fn arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{role}")
}

/// A role for jobs that may do everything in one repository, and nothing in others.
fn role(name: &str, repository: &str) -> Value {
    let issuer = "token.actions.githubusercontent.com";
    let condition = json!({"StringEquals": {
        format!("{issuer}:aud"): "sts.amazonaws.com",
        format!("{issuer}:sub"): "repo:example/app:ref:refs/heads/main",
    }});
    json!({
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }]},
        "PolicyDocuments": [{"Statement": [
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": "ecr:*",
                "Resource": format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"),
            },
        ]}],
    })
}

/// A published commit in `team/app`, which the role `first` is for; `second` is for `prod/app`.
fn published() -> (Shipyard, Digest) {
    let roles = json!({"Roles": [role("first", "team/app"), role("second", "prod/app")]});
    let ecr = Ecr::start_with_roles(&roles.to_string());
    let yard = Shipyard::with(ecr, &[("Dockerfile", "FROM scratch\n")]);
    yard.ecr.create_repository("prod/app", &Mutability::Immutable);
    let pusher = Pusher::new(&yard.ecr, "team/app");
    let labels = json!({
        "org.opencontainers.image.revision": yard.checkout.head(),
        "org.opencontainers.image.version": "1.0.0",
    });
    let image = pusher.image("amd64", "layer", &labels);
    for tag in ["1.0.0", &yard.commit_tag()] {
        pusher.tag(tag, &image.digest);
    }
    yard.ecr.forget_journal();
    (yard, image.digest)
}

/// How often a job became a role.
fn assumed(journal: &[JournalEntry]) -> usize {
    let assumed = journal
        .iter()
        .filter(|entry| entry.operation == "AssumeRoleWithWebIdentity" && entry.status == Some(200));
    assumed.count()
}

/// Each of the two roles has no right in the other's repository, so that a copy shows that both were assumed and used.
#[track_caller]
fn assert_copied_by_both(yard: &Shipyard, digest: Digest, run: &Finished) {
    run.expect_code(0);
    let journal = yard.ecr.journal();
    assert_eq!(assumed(&journal), 2, "{}", shown(&journal));
    let put: Vec<&JournalEntry> = journal.iter().filter(|entry| is_tag_put(entry)).collect();
    assert!(!put.is_empty(), "{}", shown(&journal));
    for entry in put {
        assert_eq!(
            (entry.repository.as_deref(), entry.status),
            (Some("prod/app"), Some(201)),
            "{}",
            shown(&journal)
        );
    }
    assert_eq!(yard.ecr.tags("prod/app")["1.0.0"], digest.to_string());
}

#[test]
fn a_target_is_written_with_its_own_role() {
    let (yard, digest) = published();
    let ship = |target: &str| {
        let first = arn("first");
        let arguments = ["--role-to-assume", &first, "--targets", target];
        finish(&mut yard.command("ship", NO_ENGINE, &arguments))
    };
    // The run's own role has no right there.
    let refused = ship("prod/app");
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    assert!(yard.ecr.tags("prod/app").is_empty());
    yard.ecr.forget_journal();
    let run = ship(&format!("prod/app,role-to-assume={}", arn("second")));
    assert_copied_by_both(&yard, digest, &run);
}

#[test]
fn a_promotion_is_written_with_the_role_of_its_target() {
    let (yard, digest) = published();
    let promote = |more: &[&str]| {
        let (url, token) = yard.ecr.oidc_request();
        let to = format!("{}/prod/app", yard.ecr.host());
        let from = yard.image();
        let mut program = tagship(yard.home());
        program
            .current_dir(yard.checkout.path())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
            .args([
                "promote",
                &from,
                "--from",
                "1.0.0",
                "--to",
                "1.0.0",
                "--to-repository",
                &to,
            ])
            .env("AWS_REGION", REGION)
            .args(["--endpoint-url", &yard.ecr.url()])
            .args(["--role-to-assume", &arn("first")])
            .args(more);
        finish(&mut program)
    };
    let refused = promote(&[]);
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    assert!(yard.ecr.tags("prod/app").is_empty());
    yard.ecr.forget_journal();
    let run = promote(&["--to-role-to-assume", &arn("second")]);
    assert_copied_by_both(&yard, digest, &run);
}

/// A further name of `images` is a target, with the login that docker has.
#[test]
fn one_image_goes_to_all_names_of_images() {
    let (yard, digest) = published();
    let other = Ecr::start();
    other.create_repository("octo/app", &Mutability::Immutable);
    login(yard.home(), &other.login());
    let images = format!("{}\n{}/octo/app", yard.image(), other.host());
    let first = arn("first");
    let mut command = yard.command(
        "ship",
        NO_ENGINE,
        &["--role-to-assume", &first, "--images", &images],
    );
    finish(&mut command).expect_code(0);
    assert_eq!(other.tags("octo/app")["1.0.0"], digest.to_string());
}

/// What the page shows of a target that fails is what a run says.
#[test]
fn the_error_of_the_page_is_that_of_a_run() {
    let (yard, _) = published();
    let other = Ecr::start();
    other.create_repository("octo/app", &Mutability::Immutable);
    login(yard.home(), &other.login());
    let refusal = FaultAction::Status {
        status: 403,
        envelope: false,
    };
    other.fail("PutManifest", 0, 100, refusal);
    let targets = format!(
        "prod/app,role-to-assume={}\n{}/octo/app",
        arn("second"),
        other.host()
    );
    let first = arn("first");
    let arguments = ["--role-to-assume", &first, "--targets", &targets];
    let failed = finish(&mut yard.command("ship", NO_ENGINE, &arguments));
    failed.expect_code(1);
    let (_, said) = failed.stderr.split_once("error: ").unwrap();
    let said = said
        .replace(&yard.ecr.host(), "123456789012.dkr.ecr.us-east-1.amazonaws.com")
        .replace("prod/app", "team/app")
        .replace(&other.host(), "ghcr.io");
    let page = include_str!("../../docs/targets.md");
    let (_, block) = page.split_once("```\nerror: ").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    // The registry's own words differ.
    let expected = block.trim_end().strip_suffix('…').unwrap();
    assert!(said.starts_with(expected), "{said}\n{expected}");
}
