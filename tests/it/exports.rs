//! What a run gives to later steps of its job, and `docs/credentials.md`, whose examples say so.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tagship::schema;
use tagship_domain::immutability::Mutability;
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::images::Pusher;
use test_support::local::{Ecr, REGION, ROLE_ARN};
use test_support::process::{Finished, finish, output_of, repository_root, scrubbed, tagship};

/// A job of GitHub Actions whose commit is published, so that no engine is needed.
struct Job {
    ecr: Ecr,
    checkout: Checkout,
    files: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let ecr = Ecr::start();
        ecr.create_repository("team/app", &Mutability::Immutable);
        let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\n")]);
        let pusher = Pusher::new(&ecr, "team/app");
        let labels = json!({"org.opencontainers.image.revision": checkout.head()});
        let image = pusher.image("amd64", "amd64", &labels);
        pusher.tag(&format!("sha-{}", &checkout.head()[..12]), &image.digest);
        Self {
            ecr,
            checkout,
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// `tagship action` with these inputs besides those that say where the image goes.
    fn run(&self, inputs: &[(&str, &str)]) -> Finished {
        for name in ["env", "output", "summary"] {
            fs::write(self.file(name), "").unwrap();
        }
        let (url, token) = self.ecr.oidc_request();
        let host = self.ecr.host();
        let mut command = tagship(self.files.path());
        command
            .arg("action")
            .current_dir(self.checkout.path())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", self.checkout.path())
            .env("GITHUB_RUN_ID", "77")
            .env("GITHUB_ENV", self.file("env"))
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary"))
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token);
        let place = [
            ("repository", "team/app"),
            ("registry", &host),
            ("endpoint-url", &format!("http://{host}")),
            ("aws-region", REGION),
            ("role-to-assume", ROLE_ARN),
            ("tags", "type=sha"),
        ];
        for (name, value) in place.iter().chain(inputs) {
            command.env(format!("INPUT_{}", name.to_uppercase()), value);
        }
        finish(&mut command)
    }

    /// What a file of the runner says, by name.
    fn values(&self, file: &str) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.file(file)).unwrap();
        let mut lines = text.lines();
        let mut values = BTreeMap::new();
        while let Some(line) = lines.next() {
            let (name, delimiter) = line.split_once("<<").unwrap();
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            values.insert(name.to_owned(), value.join("\n"));
        }
        values
    }

    /// The AWS command line of a later step, with the variables of the job.
    fn aws(&self, arguments: &[&str]) -> Command {
        let mut command = scrubbed(client("aws"), self.files.path());
        command
            .env("AWS_ENDPOINT_URL", self.ecr.url())
            .envs(self.values("env"))
            .args(arguments);
        command
    }
}

#[track_caller]
fn assert_hidden(run: &Finished, secret: &str) {
    let log = format!("{}{}", run.stdout, run.stderr);
    let mut lines = log.lines();
    let mask = format!("::add-mask::{secret}");
    assert!(log.lines().any(|line| line == mask), "it is not masked:\n{log}");
    assert!(!lines.any(|line| line != mask && line.contains(secret)), "{log}");
}

#[test]
fn later_steps_get_what_the_role_allows_and_the_log_shows_none_of_it() {
    let job = Job::new();
    let run = job.run(&[("export-credentials", "true")]);
    run.expect_code(0);
    let variables = job.values("env");
    let names: Vec<&str> = variables.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN"
        ]
    );
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        assert_hidden(&run, &variables[name]);
    }
    assert_eq!(variables["AWS_REGION"], REGION);
    assert_eq!(job.values("output")["docker-password"], "");
    let who: Value = serde_json::from_str(&output_of(&mut job.aws(&["sts", "get-caller-identity"]))).unwrap();
    let arn = who["Arn"].as_str().unwrap();
    assert!(arn.ends_with(":assumed-role/tagship-example/tagship-77"), "{arn}");
    // The run's own session may not write to other repositories; what is exported is not narrowed by it.
    job.ecr.create_repository("team/other", &Mutability::Mutable);
    let begun = ["ecr", "initiate-layer-upload", "--repository-name", "team/other"];
    output_of(&mut job.aws(&begun));

    let inline = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:DescribeRepositories"],"Resource":"*"}]}"#;
    job.run(&[("export-credentials", "true"), ("inline-session-policy", inline)])
        .expect_code(0);
    let refused = finish(&mut job.aws(&begun));
    assert!(
        refused.stderr.contains("no session policy allows"),
        "{}",
        refused.stderr
    );
}

#[test]
fn later_steps_get_a_login_of_docker_and_a_run_that_fails_gives_nothing() {
    let job = Job::new();
    let both = [("export-docker-login", "true"), ("export-credentials", "true")];
    let run = job.run(&both[..1]);
    run.expect_code(0);
    let outputs = job.values("output");
    assert_eq!(outputs["docker-username"], "AWS");
    assert_hidden(&run, &outputs["docker-password"]);
    assert!(!run.stderr.contains("::add-mask::AWS\n"), "the name is no secret");
    assert!(!outputs["json"].contains(&outputs["docker-password"]));
    assert_eq!(job.values("env"), BTreeMap::new());
    let login = format!("{}:{}", outputs["docker-username"], outputs["docker-password"]);
    let mut curl = scrubbed("curl", job.files.path());
    let address = format!("{}/v2/", job.ecr.url());
    output_of(curl.args(["--silent", "--fail", "--user", &login, &address]));

    let conflict = job.run(&[both[0], both[1], ("tags", "type=raw,value=1.0.0,enable=maybe")]);
    conflict.expect_code(2);
    assert_eq!(job.values("output")["docker-password"], "");
    assert_eq!(job.values("env"), BTreeMap::new());
    fs::remove_file(job.file("env")).unwrap();
    fs::create_dir(job.file("env")).unwrap();
}

#[test]
fn accounts_are_hidden_where_that_is_asked_for() {
    let job = Job::new();
    let run = job.run(&[("mask-aws-account-id", "true"), ("account-id", "123456789012")]);
    run.expect_code(0);
    assert_hidden(&run, "123456789012");
    assert_eq!(job.values("output")["repository"], "team/app");
}

#[test]
fn the_page_names_inputs_that_there_are() {
    let page = fs::read_to_string(repository_root().join("docs/credentials.md")).unwrap();
    let blocks: Vec<&str> = page
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix("yaml\n"))
        .collect();
    assert!(blocks.len() >= 4, "{}", blocks.len());
    let mut inputs = 0;
    for block in blocks {
        let steps: Vec<Value> = serde_yaml::from_str(block).unwrap();
        let ours = |step: &&Value| step["uses"] == "tagship/tagship@v1";
        for (name, _) in steps
            .iter()
            .filter(ours)
            .flat_map(|step| step["with"].as_object().unwrap())
        {
            assert!(schema::find(name).is_some(), "{name}");
            inputs += 1;
        }
    }
    assert!(inputs >= 8, "{inputs}");
}

#[test]
fn a_key_that_has_no_end_is_refused_before_anything_is_done() {
    let job = Job::new();
    let (id, secret) = job.ecr.admin_key();
    job.ecr.forget_journal();
    let run = job.run(&[
        ("export-credentials", "true"),
        ("role-to-assume", ""),
        ("aws-access-key-id", &id),
        ("aws-secret-access-key", &secret),
    ]);
    run.expect_code(3);
    assert!(run.stderr.contains("has no end") || run.stdout.contains("has no end"));
    assert_eq!(fs::read_to_string(job.file("env")).unwrap(), "");
    assert_eq!(job.ecr.writes().len(), 0);
}

#[test]
fn a_command_gives_its_step_the_login() {
    let job = Job::new();
    let host = job.ecr.host();
    let (id, secret) = job.ecr.admin_key();
    fs::write(job.file("output"), "").unwrap();
    let mut command = tagship(job.files.path());
    command
        .args(["ship", "--repository", "team/app", "--tags", "type=sha"])
        .args(["--registry", &host, "--endpoint-url", &format!("http://{host}")])
        .args(["--aws-region", REGION, "--export-docker-login"])
        .current_dir(job.checkout.path())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", job.file("output"))
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    finish(&mut command).expect_code(0);
    let given = job.values("output");
    assert_eq!(
        given.keys().collect::<Vec<_>>(),
        ["docker-password", "docker-username"]
    );
    assert_eq!(given["docker-username"], "AWS");
    assert!(!given["docker-password"].is_empty());
    finish(command.env_remove("GITHUB_OUTPUT")).expect_code(2);
}
