//! `tagship doctor` on seeded mistakes: each is found, with its cure. No engine is there but where a test says so.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::git_server::GitServer;
use test_support::github::Github;
use test_support::local::{ACCOUNT, Ecr};
use test_support::process::{Finished, finish};
use test_support::shipping::{NO_ENGINE, REPOSITORY, Shipyard};

const TRUSTED: &str = "repo:example/app:ref:refs/heads/main";

/// A role that the embedded issuer's jobs may assume, without some of the permissions.
fn role(name: &str, subject: &str, missing: &[&str]) -> Value {
    let actions = [
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "ecr:DescribeRepositories",
        "ecr:GetDownloadUrlForLayer",
        "ecr:ListImages",
    ];
    let allowed: Vec<&str> = actions
        .into_iter()
        .filter(|action| !missing.contains(action))
        .collect();
    json!({
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": subject,
            }},
        }},
        "PolicyDocuments": [{"Statement": {"Effect": "Allow", "Action": allowed, "Resource": "*"}}],
    })
}

fn yard() -> Shipyard {
    let roles = json!({"Roles": [
        role("tagship-example", TRUSTED, &[]),
        role("stranger", "repo:example/other:ref:refs/heads/main", &[]),
        role("no-login", TRUSTED, &["ecr:GetAuthorizationToken"]),
        role("no-look", TRUSTED, &["ecr:BatchGetImage"]),
        role("no-put", TRUSTED, &["ecr:PutImage"]),
        role("no-upload", TRUSTED, &["ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:ListImages"]),
        role("no-list", TRUSTED, &["ecr:ListImages"]),
        role("no-settings", TRUSTED, &["ecr:DescribeRepositories"]),
    ]});
    Shipyard::with(
        Ecr::start_for_judges(&roles.to_string()),
        &[("Dockerfile", "FROM scratch\nCOPY hello /\n")],
    )
}

/// What a mistake is found by.
struct Found {
    state: &'static str,
    subject: &'static str,
    reason: &'static str,
    cure: &'static str,
}

fn found(state: &'static str, subject: &'static str, reason: &'static str, cure: &'static str) -> Found {
    Found {
        state,
        subject,
        reason,
        cure,
    }
}

#[track_caller]
fn expect(run: &Finished, wanted: &Found) {
    let report: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}\n{}", run.stdout, run.stderr));
    let checks = report["checks"].as_array().unwrap();
    let is_wanted = |check: &&Value| {
        let has = |key: &str, text: &str| check[key].as_str().unwrap_or_default().contains(text);
        check["state"] == wanted.state
            && check["subject"] == wanted.subject
            && has("reason", wanted.reason)
            && has("cure", wanted.cure)
    };
    assert!(
        checks.iter().any(|check| is_wanted(&check)),
        "no check is `{} {}` because of `{}` with the cure `{}`:\n{:#}",
        wanted.state,
        wanted.subject,
        wanted.reason,
        wanted.cure,
        report["checks"]
    );
    if wanted.state == "fail" {
        assert_ne!(run.code, Some(0));
    }
}

fn doctor(yard: &Shipyard, more: &[&str]) -> Command {
    let arguments: Vec<&str> = ["--json"].iter().chain(more).copied().collect();
    yard.command("doctor", NO_ENGINE, &arguments)
}

/// The account's role of this name.
fn arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

#[test]
fn wrong_inputs_are_found_with_their_cures() {
    let yard = yard();
    for (flags, reason, cure) in [
        (["--repository", "Team/App"], "upper-case", "write `team/app`"),
        (
            ["--repository", "team/app:1.0"],
            "repository name",
            "write `team/app`; tags are given",
        ),
        (["--registry", "https://x/y"], "is a URL", ""),
        (["--aws-region", "eu-central-1a"], "region `eu-central-1a`", ""),
        (
            ["--role-to-assume", "arn:aws:sts::123456789012:assumed-role/a/b"],
            "not the ARN of a role",
            "give the role itself",
        ),
        (["--role-duration-seconds", "60"], "900 to 43200", ""),
        (["--role-session-name", "a b"], "2 to 64", ""),
        (["--platforms", "windows"], "windows", "linux/amd64,linux/arm64"),
        (["--tags", "type=semvr"], "semvr", "lists the rules"),
        (["--version", "latest"], "latest", "such as `1.2.3`"),
        (["--allowed-account-ids", "12"], "12 digits", ""),
    ] {
        expect(
            &finish(&mut doctor(&yard, &flags)),
            &found("fail", "inputs", reason, cure),
        );
    }
    let run = finish(doctor(&yard, &[]).env("TAGSHIP_REPOSITRY", "x"));
    expect(
        &run,
        &found(
            "fail",
            "inputs",
            "is no variable of Tagship",
            "did you mean `TAGSHIP_REPOSITORY`?",
        ),
    );
}

#[test]
fn the_context_of_an_address_is_judged_and_not_the_checkout() {
    let yard = yard();
    let elsewhere = Checkout::with(&[("app/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n")]);
    elsewhere.tag("v3.0.0");
    let server = GitServer::of(&[("app", elsewhere.path())], None);
    // What is wrong here is none of its business.
    yard.checkout.write("hello", "changed");
    let address = |fragment: &str| format!("{}#{fragment}", server.url("app"));
    let whole = address("main:app");
    expect(
        &finish(&mut doctor(&yard, &["--context", &whole])),
        &found(
            "ok",
            "checkout",
            "the commit can be built from `app/Dockerfile`",
            "",
        ),
    );
    let none = address("other:app");
    expect(
        &finish(&mut doctor(&yard, &["--context", &none])),
        &found("fail", "checkout", "has no branch or tag `other`", ""),
    );
}

#[test]
fn wrong_files_are_found_with_their_cures() {
    let mut yard = yard();
    yard.checkout.commit(&[("tagship.yaml", "repositry: team/app\n")]);
    expect(
        &finish(&mut doctor(&yard, &[])),
        &found(
            "fail",
            "inputs",
            "unknown key `repositry`",
            "did you mean `repository`?",
        ),
    );
    // What a file that is no YAML would have said is not missing besides.
    yard.checkout.commit(&[("tagship.yaml", "repository: [\n")]);
    let run = finish(doctor(&yard, &[]).env_remove("TAGSHIP_REPOSITORY"));
    expect(&run, &found("fail", "inputs", "is not YAML", ""));
    yard.checkout
        .commit(&[("tagship.yaml", ""), ("Dockerfile.prod", "FROM scratch\n")]);
    expect(
        &finish(&mut doctor(&yard, &["--file", "Dockerfile.prd"])),
        &found("fail", "inputs", "Dockerfile.prd", "name the Dockerfile"),
    );
    yard.checkout.write("hello", "changed");
    expect(
        &finish(&mut doctor(&yard, &[])),
        &found("fail", "checkout", "differs from its commit", "allow-dirty"),
    );
    let other = Checkout::empty();
    other.write("Dockerfile", "FROM scratch\n");
    let run = finish(doctor(&yard, &[]).current_dir(other.path()));
    expect(
        &run,
        &found("fail", "checkout", "has no commit yet", "commit first"),
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let run = finish(doctor(&yard, &[]).current_dir(folder.path()));
    expect(
        &run,
        &found("fail", "checkout", "is not in a git repository", "git init"),
    );
}

#[test]
fn what_is_wrong_around_the_checkout_is_found_with_its_cure() {
    let yard = yard();
    let run = finish(&mut doctor(&yard, &[]));
    expect(
        &run,
        &found("fail", "engine", "/nonexistent/docker.sock", "start Docker"),
    );
    expect(&run, &found("ok", "credentials", "tagship-example", ""));
    expect(&run, &found("ok", "credentials", TRUSTED, ""));
    expect(
        &run,
        &found("ok", "inputs", "`repository` is `team/app`, from", ""),
    );
    expect(&run, &found("ok", "permissions", "9 of 10", ""));
    expect(&run, &found("ok", "repository", "2 of 2 tags would be put", ""));
    expect(&run, &found("ok", "clock", "within five minutes", ""));
    run.expect_code(1);

    let keys = ["--json", "--role-to-assume", ""];
    let mut away = yard.command_at("127.0.0.1:9", "doctor", NO_ENGINE, &keys);
    away.env("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX")
        .env("AWS_SECRET_ACCESS_KEY", "wrong");
    let run = finish(&mut away);
    expect(&run, &found("fail", "registry", "does not answer", "NO_PROXY"));

    let run = finish(&mut doctor(&yard, &["--repository", "team/missing"]));
    expect(
        &run,
        &found("fail", "repository", "does not exist", "ecr create-repository"),
    );
    // What may be done in a repository that is not there is not known.
    expect(&run, &found("unknown", "permissions", "1 of 10", ""));
    expect(&run, &found("ok", "disk", "free", ""));

    let run = finish(&mut doctor(
        &yard,
        &["--tags", "type=sha", "--flavor", "latest=true"],
    ));
    expect(&run, &found("fail", "repository", "latest", ""));
}

#[test]
fn every_way_to_no_credentials_is_found_with_its_cure() {
    let yard = yard();
    let run = finish(&mut doctor(&yard, &["--role-to-assume", &arn("stranger")]));
    expect(
        &run,
        &found(
            "fail",
            "credentials",
            TRUSTED,
            "token.actions.githubusercontent.com:sub",
        ),
    );
    expect(&run, &found("unknown", "permissions", "no credentials", ""));

    let run = finish(&mut doctor(&yard, &["--audience", "elsewhere"]));
    expect(&run, &found("fail", "credentials", "elsewhere", ""));

    let mut job = doctor(&yard, &[]);
    job.env("GITHUB_ACTIONS", "true");
    job.env_remove("ACTIONS_ID_TOKEN_REQUEST_URL")
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    expect(
        &finish(&mut job),
        &found("fail", "credentials", "id-token: write", "permissions:"),
    );

    let mut none = yard.command("doctor", NO_ENGINE, &["--json", "--role-to-assume", ""]);
    none.env_remove("ACTIONS_ID_TOKEN_REQUEST_URL")
        .env_remove("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    expect(
        &finish(&mut none),
        &found("fail", "credentials", "no AWS credentials", "role-to-assume"),
    );

    let mut wrong = yard.command("doctor", NO_ENGINE, &["--json", "--role-to-assume", ""]);
    wrong
        .env("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX")
        .env("AWS_SECRET_ACCESS_KEY", "wrong");
    expect(
        &finish(&mut wrong),
        &found("fail", "credentials", "refuses the credentials", "sign in again"),
    );

    let mut broken = yard.command("doctor", NO_ENGINE, &["--json", "--role-to-assume", ""]);
    broken
        .env("AWS_ACCESS_KEY_ID", "AKIA X")
        .env("AWS_SECRET_ACCESS_KEY", "wrong");
    expect(
        &finish(&mut broken),
        &found("fail", "credentials", "AWS_ACCESS_KEY_ID", "set it anew"),
    );
}

#[test]
fn what_a_checkout_lacks_is_found_with_its_cure() {
    let mut yard = yard();
    yard.ecr.create_repository("team/moving", &Mutability::Mutable);
    let source = yard.checkout.path().display().to_string();
    let first = yard.checkout.head();
    yard.checkout.commit(&[("second", "2")]);
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REPOSITORY", "octo-org/octo-app"),
        ("GITHUB_SHA", &first),
        ("GITHUB_WORKSPACE", &source),
    ];
    let run = finish(doctor(&yard, &[]).envs(variables));
    let cure = "check out the commit that the event is about";
    expect(&run, &found("warn", "checkout", "is checked out", cure));
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("shallow");
    let from = format!("file://{source}");
    let cloned = Command::new("git")
        .args(["clone", "--quiet", "--depth", "1", &from])
        .arg(&clone)
        .status();
    assert!(cloned.unwrap().success());
    let shallow = ["--repository", "team/moving", "--version", "auto"];
    let run = finish(doctor(&yard, &shallow).current_dir(&clone));
    expect(
        &run,
        &found("fail", "checkout", "shallow clone", "fetch-depth: 0"),
    );
}

#[test]
fn a_wrong_clock_and_a_scan_that_never_runs_are_found_with_their_cures() {
    let yard = yard();
    let gate = ["--scan", "wait", "--fail-on", "critical"];
    let run = finish(&mut doctor(&yard, &gate));
    expect(
        &run,
        &found(
            "fail",
            "scanning",
            "`ecr:DescribeImageScanFindings`",
            "allow `ecr:",
        ),
    );
    let (id, secret) = yard.ecr.admin_key();
    let mut whole = doctor(&yard, &[&gate[..], &["--role-to-assume", ""]].concat());
    whole
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    expect(
        &finish(&mut whole),
        &found("fail", "scanning", "are never scanned", "`scan: start`"),
    );

    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = server.local_addr().unwrap().to_string();
    // It ends with the test's process.
    thread::spawn(move || {
        for stream in server.incoming().flatten() {
            let mut stream = stream;
            let mut request = String::new();
            BufReader::new(&stream).read_line(&mut request).ok();
            let answer = "HTTP/1.1 401 Unauthorized\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    let mut late = yard.command_at(&there, "doctor", NO_ENGINE, &["--json", "--role-to-assume", ""]);
    late.env("AWS_ACCESS_KEY_ID", "AKIAXXXXXXXXXXXXXXXX")
        .env("AWS_SECRET_ACCESS_KEY", "wrong");
    expect(
        &finish(&mut late),
        &found("fail", "clock", "s apart", "timedatectl"),
    );
}

#[test]
fn what_a_release_needs_of_github_is_found_without_an_effect() {
    let yard = yard();
    let github = Github::of(yard.checkout.path());
    let doctor = || {
        let mut doctor = doctor(&yard, &["--release", "true"]);
        doctor.envs(github.job());
        doctor
    };
    let run = finish(&mut doctor());
    expect(
        &run,
        &found("ok", "github", "may put git tags and make releases", ""),
    );
    github.let_write(false);
    let run = finish(&mut doctor());
    expect(
        &run,
        &found(
            "fail",
            "github",
            "it needs contents=write",
            "`permissions: contents: write`",
        ),
    );
    let run = finish(doctor().env_remove("TAGSHIP_GITHUB_TOKEN"));
    expect(
        &run,
        &found("fail", "github", "needs a token", "TAGSHIP_GITHUB_TOKEN"),
    );
    assert!(github.tags().is_empty());
}

#[test]
fn missing_permissions_are_found_all_at_once_without_an_effect() {
    let yard = yard();
    yard.ecr.create_repository("team/other", &Mutability::Immutable);
    for (name, state, reason, cure) in [
        (
            "no-login",
            "fail",
            "`ecr:GetAuthorizationToken`",
            "ecr:GetAuthorizationToken",
        ),
        ("no-look", "fail", "`ecr:BatchGetImage`", "ecr:BatchGetImage"),
        ("no-put", "fail", "`ecr:PutImage`", "\"ecr:PutImage\""),
        (
            "no-list",
            "warn",
            "`ecr:ListImages`, which a run works without",
            "\"ecr:ListImages\"",
        ),
        (
            "no-settings",
            "warn",
            "`ecr:DescribeRepositories`",
            "\"ecr:DescribeRepositories\"",
        ),
        (
            "no-upload",
            "fail",
            "`ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, `ecr:ListImages`",
            "arn:aws:ecr:eu-central-1:123456789012:repository/team/app",
        ),
    ] {
        let run = finish(&mut doctor(&yard, &["--role-to-assume", &arn(name)]));
        expect(&run, &found(state, "permissions", reason, cure));
    }
    // Nothing was put, and no upload was begun.
    let journal = yard.ecr.journal();
    assert!(
        !journal
            .iter()
            .any(|entry| entry.operation == "InitiateLayerUpload")
    );
    assert_eq!(yard.repository, REPOSITORY);
    let succeeded = journal.iter().filter(|entry| {
        matches!(
            entry.operation.as_str(),
            "PutImage" | "UploadLayerPart" | "CompleteLayerUpload"
        )
    });
    for entry in succeeded {
        assert!(entry.status.is_some_and(|status| status >= 400), "{entry:?}");
    }
}

#[test]
fn one_wrong_input_hides_nothing_of_the_rest() {
    let yard = yard();
    let run = finish(&mut doctor(
        &yard,
        &["--platforms", "windows", "--role-duration-seconds", "60"],
    ));
    expect(
        &run,
        &found("fail", "inputs", "windows", "linux/amd64,linux/arm64"),
    );
    expect(&run, &found("fail", "inputs", "900 to 43200", ""));
    expect(
        &run,
        &found("unknown", "inputs", "without those that cannot be used", ""),
    );
    expect(
        &run,
        &found("fail", "engine", "/nonexistent/docker.sock", "start Docker"),
    );
    expect(&run, &found("ok", "credentials", "tagship-example", ""));
    expect(&run, &found("ok", "repository", "2 of 2 tags would be put", ""));
    run.expect_code(2);
    // Without a registry there is nothing to ask.
    let run = finish(&mut doctor(&yard, &["--repository", "Team/App"]));
    expect(
        &run,
        &found("unknown", "registry", "the inputs cannot be used", ""),
    );
}

#[test]
fn what_the_settings_need_besides_is_asked_for_too() {
    let yard = yard();
    let gate = ["--scan", "wait", "--fail-on", "critical"];
    let run = finish(&mut doctor(&yard, &gate));
    expect(
        &run,
        &found(
            "fail",
            "permissions",
            "`ecr:DescribeImageScanFindings`",
            "\"ecr:DescribeImageScanFindings\"",
        ),
    );
    let run = finish(&mut doctor(&yard, &["--wait-for-replication"]));
    expect(
        &run,
        &found(
            "fail",
            "permissions",
            "`ecr:DescribeImageReplicationStatus`",
            "\"ecr:DescribeRegistry\"",
        ),
    );
}

#[test]
fn looking_at_a_repository_that_a_template_would_make_makes_none() {
    let yard = yard();
    let (id, secret) = yard.ecr.admin_key();
    let as_admin = |arguments: &[&str]| {
        let mut command = doctor(&yard, &[arguments, &["--role-to-assume", ""]].concat());
        command
            .env("AWS_ACCESS_KEY_ID", &id)
            .env("AWS_SECRET_ACCESS_KEY", &secret);
        command
    };
    let file = "registry-settings:\n  creation-templates:\n    ROOT: {applied-for: [create-on-push], mutability: immutable}\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tagship.yaml"), file).unwrap();
    let applied = yard
        .ecr
        .command(folder.path(), &["repo", "apply"])
        .current_dir(folder.path())
        .status();
    assert!(applied.unwrap().success());
    let missing = ["--repository", "team/missing"];
    let run = finish(&mut as_admin(&missing));
    expect(&run, &found("fail", "repository", "does not exist", ""));
    let by_template = [&missing[..], &["--create-repository=template"]].concat();
    let run = finish(&mut as_admin(&by_template));
    expect(&run, &found("ok", "repository", "tags would be put", ""));
    expect(&run, &found("unknown", "permissions", "of 11", ""));
    assert!(!yard.ecr.has_repository("team/missing"));
}
