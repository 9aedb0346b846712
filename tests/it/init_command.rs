//! `tagship init` in a checkout: what it shows, what it writes, and that it overwrites nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use test_support::checkout::Checkout;
use test_support::process::{Finished, finish, output_of, tagship};

const FLAGS: [&str; 8] = [
    "--repository",
    "team/app",
    "--account-id",
    "123456789012",
    "--aws-region",
    "eu-central-1",
    "--github-repository",
    "octo/app",
];

fn init(checkout: &Checkout, folder: &str, more: &[&str]) -> Finished {
    let mut command = tagship(checkout.path());
    command.current_dir(checkout.path().join(folder));
    finish(command.arg("init").args(FLAGS).args(more))
}

const FILES: [&str; 5] = [
    "tagship.yaml",
    ".github/workflows/tagship.yml",
    "tagship-setup/trust-policy.json",
    "tagship-setup/permission-policy.json",
    "tagship-setup/create.sh",
];

#[test]
fn a_setup_is_shown_first_and_written_at_the_root_when_that_is_asked_for() {
    let checkout = Checkout::with(&[("app/Dockerfile", "FROM scratch\n")]);
    let shown = init(&checkout, "app", &[]);
    shown.expect_code(0);
    assert!(shown.stderr.contains("nothing was written"), "{}", shown.stderr);
    for file in FILES {
        assert!(
            shown.stdout.contains(&format!("{file} (new)")),
            "{}",
            shown.stdout
        );
        assert!(!checkout.path().join(file).exists(), "{file}");
    }
    let written = init(&checkout, "app", &["--yes"]);
    written.expect_code(0);
    assert_eq!(written.stdout.lines().collect::<Vec<_>>(), FILES);
    let mode = fs::metadata(checkout.path().join(FILES[4]))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o755);
    // The files are what the commands say that read them.
    let mut iam = tagship(checkout.path());
    iam.current_dir(checkout.path()).arg("iam");
    let policy = fs::read_to_string(checkout.path().join(FILES[3])).unwrap();
    assert_eq!(output_of(&mut iam), policy.trim_end());
    let workflow: serde_yaml::Value =
        serde_yaml::from_str(&fs::read_to_string(checkout.path().join(FILES[1])).unwrap()).unwrap();
    let step = &workflow["jobs"]["image"]["steps"][1];
    assert_eq!(
        step["with"]["role-to-assume"],
        "arn:aws:iam::123456789012:role/tagship-publish"
    );

    let again = init(&checkout, "", &["--yes"]);
    again.expect_code(0);
    assert_eq!(again.stdout, "");
}

#[test]
fn a_file_with_other_content_is_not_overwritten_and_nothing_else_is_written() {
    let checkout = Checkout::with(&[(".github/workflows/tagship.yml", "mine\n")]);
    let run = init(&checkout, "", &["--yes"]);
    run.expect_code(1);
    assert!(
        run.stderr
            .contains("`.github/workflows/tagship.yml` is there already"),
        "{}",
        run.stderr
    );
    assert_eq!(
        fs::read_to_string(checkout.path().join(FILES[1])).unwrap(),
        "mine\n"
    );
    assert!(!checkout.path().join("tagship-setup").exists());
}

#[test]
fn json_has_every_file() {
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
    let run = init(&checkout, "", &["--json", "--tool", "terraform"]);
    let data: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(data["written"], false);
    let files = data["files"].as_array().unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, [FILES[0], FILES[1], "tagship-setup/main.tf"]);
}

#[test]
fn a_workflow_of_the_usual_actions_is_printed_anew_with_notes() {
    let workflow = "on: push\njobs:\n  image:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: actions/checkout@v4\n      \
        - uses: aws-actions/configure-aws-credentials@v4\n        with:\n          \
        role-to-assume: arn:aws:iam::123456789012:role/ci\n          aws-region: eu-central-1\n      \
        - id: login\n        uses: aws-actions/amazon-ecr-login@v2\n      - uses: docker/build-push-action@v6\n        \
        with:\n          push: true\n          builder: x\n          \
        tags: ${{ steps.login.outputs.registry }}/team/app:latest\n";
    let checkout = Checkout::with(&[(".github/workflows/ci.yml", workflow)]);
    let mut command = tagship(checkout.path());
    command.current_dir(checkout.path());
    let run = finish(command.args(["init", "--from", ".github/workflows/ci.yml"]));
    run.expect_code(0);
    assert!(run.stdout.contains("uses: tagship/tagship@v1"), "{}", run.stdout);
    assert!(run.stderr.contains("`builder` of"), "{}", run.stderr);
    assert_eq!(
        fs::read_to_string(checkout.path().join(".github/workflows/ci.yml")).unwrap(),
        workflow
    );
    // What holds for all commands holds here too.
    let mut command = tagship(checkout.path());
    command.current_dir(checkout.path());
    let json = finish(command.args(["--json", "init", "--quiet", "--from", ".github/workflows/ci.yml"]));
    json.expect_code(0);
    let data: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(data.to_string().contains("tagship/tagship@v1"), "{data}");
    for other in ["--yes", "--tool=terraform", "--branch=main"] {
        let mut command = tagship(checkout.path());
        command.current_dir(checkout.path());
        finish(command.args(["init", "--from", "ci.yml", other])).expect_code(2);
    }
    let missing = finish(
        tagship(checkout.path())
            .current_dir(checkout.path())
            .args(["init", "--from", "no.yml"]),
    );
    missing.expect_code(2);
}

/// What a file switches on, the role may do and the job has the rights for.
#[test]
fn a_setup_beside_a_file_has_what_its_settings_need() {
    let file = "repository: team/app\naccount-id: \"123456789012\"\naws-region: eu-central-1\nscan: wait\nsign: managed\nrelease: true\n";
    let checkout = Checkout::with(&[("tagship.yaml", file)]);
    let mut command = tagship(checkout.path());
    command.current_dir(checkout.path());
    let run = finish(command.args(["init", "--yes", "--github-repository", "octo/app"]));
    run.expect_code(0);
    let read = |name: &str| fs::read_to_string(checkout.path().join(name)).unwrap();
    let job = &serde_yaml::from_str::<serde_yaml::Value>(&read(FILES[1])).unwrap()["jobs"]["image"];
    assert_eq!(job["permissions"]["contents"], "write");
    assert_eq!(job["steps"][0]["with"]["fetch-depth"], 0);
    // A file that is not named has no say in what decides over credentials or the gate.
    assert_eq!(job["steps"][1]["with"]["config"], "tagship.yaml");
    let policy = read(FILES[3]);
    for action in [
        "ecr:PutImage",
        "ecr:DescribeImageScanFindings",
        "signer:SignPayload",
    ] {
        assert!(policy.contains(&format!("\"{action}\"")), "{action}: {policy}");
    }
    let mut iam = tagship(checkout.path());
    iam.current_dir(checkout.path()).arg("iam");
    assert_eq!(output_of(&mut iam), policy.trim_end());
}

/// Images of one account have one role, whose jobs are those of their own git tags.
#[test]
fn several_images_have_one_setup() {
    let file = "registry: 123456789012.dkr.ecr.eu-central-1.amazonaws.com\nimages:\n  \
        api: {repository: shop/api, tag-prefix: api/v, targets: 123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/api}\n  \
        web: {repository: shop/web, tag-prefix: web/v, tags: [\"type=sha\", latest]}\n";
    let checkout = Checkout::with(&[("tagship.yaml", file)]);
    let run = |tool: &str| {
        let mut command = tagship(checkout.path());
        command.current_dir(checkout.path());
        finish(command.args([
            "init",
            "--yes",
            "--github-repository",
            "octo/shop",
            "--tool",
            tool,
        ]))
    };
    let written = run("aws-cli");
    written.expect_code(0);
    let read = |name: &str| fs::read_to_string(checkout.path().join(name)).unwrap();
    let workflow: serde_yaml::Value = serde_yaml::from_str(&read(FILES[1])).unwrap();
    assert_eq!(
        serde_json::to_value(&workflow["on"]["push"]["tags"]).unwrap(),
        serde_json::json!(["api/v*", "web/v*"])
    );
    let steps = &workflow["jobs"]["image"]["steps"];
    assert_eq!(steps[0]["with"]["fetch-depth"], 0);
    assert_eq!(steps[1]["with"]["all"], true);
    assert_eq!(steps[1]["with"]["changed"], true);
    let policy = read(FILES[3]);
    for resource in [
        "eu-central-1:123456789012:repository/shop/api",
        "us-east-1:123456789012:repository/shop/api",
        "eu-central-1:123456789012:repository/shop/web",
    ] {
        assert!(policy.contains(resource), "{resource}: {policy}");
    }
    assert!(read(FILES[2]).contains("refs/tags/web/v*"), "{}", read(FILES[2]));
    let script = read(FILES[4]);
    let made = script.matches("aws ecr create-repository").count();
    assert_eq!(made, 3, "{script}");
    assert!(
        script.contains("create-repository --region us-east-1 --repository-name shop/api"),
        "{script}"
    );
    assert!(
        script.contains(
            "--repository-name shop/web --image-tag-mutability IMMUTABLE_WITH_EXCLUSION \
             --image-tag-mutability-exclusion-filters 'filterType=WILDCARD,filter=latest'"
        ),
        "{script}"
    );

    let templates = run("cloudformation");
    templates.expect_code(0);
    assert_eq!(
        templates.stdout.lines().collect::<Vec<_>>(),
        [
            "tagship-setup/template.json",
            "tagship-setup/template-us-east-1.json"
        ]
    );
    assert!(
        templates
            .stderr
            .contains("--template-file tagship-setup/template-us-east-1.json"),
        "{}",
        templates.stderr
    );
    let template: Value = serde_json::from_str(&read("tagship-setup/template.json")).unwrap();
    let trusted = &template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"];
    let trust: Value = serde_json::from_str(&read(FILES[2])).unwrap();
    assert_eq!(*trusted, trust);
}

/// A repository of the same name on another server is another one.
#[test]
fn a_remote_on_another_server_names_no_repository_that_is_trusted() {
    let trust = |remote: &str, more: &[&str], server: &str| {
        let checkout = Checkout::empty();
        checkout.git(&["remote", "add", "origin", remote]);
        let mut command = tagship(checkout.path());
        command
            .current_dir(checkout.path())
            .env("GITHUB_SERVER_URL", server);
        command.args(["iam", "trust"]).args(&FLAGS[..6]).args(more);
        finish(&mut command)
    };
    let github = "https://github.com";
    for remote in ["https://github.com/octo/app.git", "git@github.com:octo/app.git"] {
        let run = trust(remote, &[], github);
        run.expect_code(0);
        assert!(run.stdout.contains("repo:octo/app:"), "{}", run.stdout);
    }
    for remote in ["https://gitlab.com/octo/app.git", "git@ghes.example:octo/app.git"] {
        let run = trust(remote, &[], github);
        run.expect_code(2);
        assert!(run.stderr.contains("`--github-repository"), "{}", run.stderr);
    }
    let issuer = ["--issuer", "https://ghes.example/_services/token"];
    trust("git@ghes.example:octo/app.git", &issuer, github).expect_code(0);
    trust("https://github.com/octo/app.git", &issuer, github).expect_code(2);
    let other = trust(
        "https://github.com/octo/app.git",
        &["--issuer", "https://gitlab.com"],
        github,
    );
    other.expect_code(2);
    assert!(other.stderr.contains("subjects"), "{}", other.stderr);
}
