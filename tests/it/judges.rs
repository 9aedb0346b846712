//! The embedded ECR, judged by what AWS documents: a battery of checks, each with its source, run by three clients with
//! three parsers; and inputs generated from botocore's models.

use std::path::Path;

use test_support::clients::python;
use test_support::local::{Ecr, REGION};
use test_support::process::{finish, scrubbed};

/// `reader` may look at everything, and take on the others; `writer` asks for an external id; `partner` is another
/// account's.
const ROLES: &str = r#"
Roles:
  - RoleName: reader
    AssumeRolePolicyDocument:
      Statement:
        - Effect: Allow
          Principal: {Federated: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
          Action: sts:AssumeRoleWithWebIdentity
          Condition:
            StringEquals: {"token.actions.githubusercontent.com:aud": sts.amazonaws.com}
    PolicyDocuments:
      - Statement:
          - Effect: Allow
            Action: [ecr:GetAuthorizationToken, "ecr:Describe*", ecr:ListImages, ecr:BatchGetImage]
            Resource: "*"
          - Effect: Allow
            Action: sts:AssumeRole
            Resource: "*"
  - RoleName: writer
    MaxSessionDuration: 43200
    AssumeRolePolicyDocument:
      Statement:
        - Effect: Allow
          Principal: {AWS: "arn:aws:iam::123456789012:role/reader"}
          Action: sts:AssumeRole
          Condition:
            StringEquals: {"sts:ExternalId": shared-secret}
    PolicyDocuments:
      - Statement:
          - Effect: Allow
            Action: "ecr:*"
            Resource: "*"
  - RoleName: partner
    Account: "999988887777"
    AssumeRolePolicyDocument:
      Statement:
        - Effect: Allow
          Principal: {AWS: "123456789012"}
          Action: sts:AssumeRole
"#;

/// Runs one judge, and fails with what it says.
fn judge(script: &str, arguments: &[&str]) -> String {
    let ecr = Ecr::start_for_judges(ROLES);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/judges");
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let (key_id, secret) = ecr.admin_key();
    let (request_url, request_token) = ecr.oidc_request();
    let finished = finish(
        scrubbed(python(), home.path())
            .current_dir(&folder)
            // No caches in the working tree.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("ENDPOINT", ecr.url())
            .env("REGION", REGION)
            .env("ACCESS_KEY_ID", key_id)
            .env("SECRET_ACCESS_KEY", secret)
            .env("OIDC_REQUEST_URL", request_url)
            .env("OIDC_REQUEST_TOKEN", request_token)
            .arg(script)
            .args(arguments),
    );
    finished.expect_code(0);
    finished.stdout
}

fn battery(client: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/judges/battery");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the battery is there")
        .map(|entry| entry.expect("a file").path().display().to_string())
        .collect();
    files.sort();
    let mut arguments = vec![client];
    arguments.extend(files.iter().map(String::as_str));
    let said = judge("battery.py", &arguments);
    let passed: usize = said
        .lines()
        .last()
        .and_then(|line| line.split(": ").nth(1)?.split(' ').next()?.parse().ok())
        .unwrap_or_default();
    assert!(passed >= 80, "the battery has at least 80 checks:\n{said}");
}

#[test]
fn aws_documents_what_plain_requests_are_answered() {
    battery("plain");
}

#[test]
fn aws_documents_what_boto3_is_answered() {
    battery("boto3");
}

#[test]
fn aws_documents_what_the_aws_cli_is_answered() {
    battery("awscli");
}
