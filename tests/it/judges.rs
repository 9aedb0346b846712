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

/// Moto was made by others from the same pages.
#[test]
fn moto_answers_the_same_but_where_a_reason_is_given() {
    let said = judge("second_opinion.py", &[]);
    let alike: usize = said
        .lines()
        .last()
        .and_then(|line| line.split(' ').next()?.parse().ok())
        .unwrap_or_default();
    assert!(alike >= 36, "36 answers are alike:\n{said}");
}

/// Each row of the page's table is about what a check holds, and names the page of AWS that the check does.
#[test]
fn differences_from_moto_have_a_page_of_aws_and_a_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/local-ecr.md")).expect("the page is there");
    let (_, section) = page
        .split_once("\n## Where it differs from moto\n")
        .expect("the section is there");
    let table = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2)
        .collect();
    assert!(rows.len() >= 20, "{rows:?}");
    let files = std::fs::read_dir(root.join("tests/it/judges/battery")).expect("the battery is there");
    let battery: String = files
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("it is text"))
        .collect();
    for row in rows {
        let source = row
            .trim_end_matches(" |")
            .rsplit(" | ")
            .next()
            .unwrap_or_default();
        assert!(
            battery
                .lines()
                .any(|line| line.trim() == format!("source: {source}")),
            "no check is about `{source}`"
        );
    }
}
