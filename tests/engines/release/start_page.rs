//! `docs/start.md`, word by word: what is installed is the rehearsed release, the AWS CLI is the real one, and the workflow that
//! `tagship init` writes runs on the simulated runner.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use test_support::action::{Job, image};
use test_support::checkout::Checkout;
use test_support::clients::client;
use test_support::engines::{self, Engine};
use test_support::github::Github;
use test_support::iam::Iam;
use test_support::local::Ecr;
use test_support::process::{finish, output_of, path_behind, repository_root, scrubbed};
use test_support::runner::run::StepResult;
use test_support::shipping::DOCKERFILE;
use test_support::unique;

use super::{Clone, released};

const ADDRESS: &str = "https://github.com/tagship/tagship/releases";
const REMOTE: &str = "https://github.com/acme/hello.git";

/// What a job says beside its files here, because the embedded ECR has another address than AWS, which says no region.
const OF_THE_STAND_IN: [&str; 3] = ["registry", "endpoint-url", "aws-region"];

/// In place of curl: GitHub's releases are where the rehearsal has them.
const CURL: &str = r#"#!/bin/bash
arguments=()
for argument; do
    case "$argument" in
    =https) arguments+=(=http,https) ;;
    ADDRESS/*) arguments+=("RELEASES/${argument#ADDRESS/}") ;;
    *) arguments+=("$argument") ;;
    esac
done
PATH="${PATH#*:}" exec curl "${arguments[@]}"
"#;

/// A reader of the page: a home, a clone with a remote, and an AWS account.
struct Reader {
    engine: &'static Engine,
    github: Github,
    iam: Iam,
    home: TempDir,
    checkout: Checkout,
    remote: TempDir,
}

impl Reader {
    fn new(engine: &'static Engine) -> Self {
        let clone = Clone::of_this_repository();
        let github = Github::of(clone.folder.path());
        released(clone, &github);
        let mut checkout = Checkout::empty();
        checkout.write("hello", unique::hex64());
        checkout.commit(&[("Dockerfile", DOCKERFILE)]);
        checkout.git(&["branch", "--move", "--force", "main"]);
        checkout.git(&["remote", "add", "origin", REMOTE]);
        let reader = Self {
            engine,
            github,
            iam: Iam::start(),
            home: tempfile::tempdir().unwrap(),
            checkout,
            remote: tempfile::tempdir().unwrap(),
        };
        output_of(
            Command::new("git")
                .args(["init", "--quiet", "--bare"])
                .arg(reader.remote.path()),
        );
        let config = format!(
            "[user]\n\tname = Reader\n\temail = reader@example.com\n[url \"{}\"]\n\tinsteadOf = {REMOTE}\n",
            reader.remote.path().display()
        );
        fs::write(reader.home.path().join(".gitconfig"), config).unwrap();
        let curl = CURL
            .replace("ADDRESS", ADDRESS)
            .replace("RELEASES", &reader.github.releases_url());
        fs::create_dir(reader.shims()).unwrap();
        fs::write(reader.shims().join("curl"), curl).unwrap();
        fs::set_permissions(reader.shims().join("curl"), fs::Permissions::from_mode(0o755)).unwrap();
        reader
    }

    fn shims(&self) -> PathBuf {
        self.home.path().join("shims")
    }

    /// Runs one block of the page in the clone; `ecr` is what answers as AWS's registry.
    fn run(&self, block: &str, ecr: &Ecr) -> String {
        let (id, secret) = ecr.admin_key();
        let mut shell = scrubbed("sh", self.home.path());
        let local = self.home.path().join(".local/bin");
        // `client` says so where the AWS CLI is not on the path.
        assert_eq!(client("aws"), "aws");
        shell
            .env("PATH", path_behind(&[&self.shims(), &local]))
            .env("TAGSHIP_INSTALL_URL", self.github.releases_url())
            .env("DOCKER_HOST", self.engine.host())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_ENDPOINT_URL_IAM", self.iam.url())
            .env("AWS_ENDPOINT_URL_ECR", ecr.url())
            .current_dir(self.checkout.path())
            .args(["-euc", block]);
        let finished = finish(&mut shell);
        assert_eq!(
            finished.code,
            Some(0),
            "{block}\n{}{}",
            finished.stdout,
            finished.stderr
        );
        finished.stdout
    }

    /// What GitHub does after a push: the workflow of the pushed commit, on the simulated runner.
    fn job(&self, ecr: &Arc<Ecr>, git_ref: &str) -> StepResult {
        let clone = Checkout::empty();
        let from = self.remote.path().to_str().unwrap();
        clone.git(&[
            "fetch",
            "--quiet",
            "--tags",
            from,
            &format!("{git_ref}:refs/remotes/origin/pushed"),
        ]);
        clone.git(&["checkout", "--quiet", "--detach", "refs/remotes/origin/pushed"]);
        ecr.jobs_say("sub", &format!("repo:acme/hello:ref:{git_ref}"));
        let mut job = Job::at(self.engine, &clone, git_ref, Arc::clone(ecr));
        job.inputs
            .retain(|name, _| OF_THE_STAND_IN.contains(&name.as_str()));
        for (name, value) in inputs_of(&clone.path().join(".github/workflows/tagship.yml")) {
            job.input(&name, &value);
        }
        let result = job.start(&image(self.engine)).wait();
        assert!(result.succeeded(), "{git_ref}:\n{}", result.log());
        result
    }
}

/// What the workflow gives Tagship's step.
fn inputs_of(workflow: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(workflow).unwrap();
    let workflow: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let steps = workflow["jobs"]["image"]["steps"].as_array().unwrap();
    let step = steps
        .iter()
        .find(|step| step["uses"] == "tagship/tagship@v1")
        .unwrap();
    let with = step["with"].as_object().unwrap();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    with.iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// The blocks of `sh`, in the order of the page.
fn blocks(page: &str) -> Vec<&str> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.filter_map(|block| block.strip_prefix("sh\n")).collect()
}

#[test]
fn the_first_page_leads_to_a_published_image_and_a_release() {
    let page = fs::read_to_string(repository_root().join("docs/start.md")).unwrap();
    let [install, try_it, init, create, publish, release] = blocks(&page)[..] else {
        panic!("the page has six blocks");
    };
    let engine = engines::named("docker28-containerd");
    let reader = Reader::new(engine);
    let nothing = Ecr::start();
    reader.run(install, &nothing);
    let here = reader.run(try_it, &nothing);
    assert_eq!(reader.run(try_it, &nothing), here, "the same digest");
    reader.run(init, &nothing);
    reader.run(create, &nothing);
    assert!(nothing.tags("acme/hello").is_empty());

    // The embedded ECR reads its roles once: those that the page has made. The page says that this may be run again.
    let ecr = Arc::new(Ecr::start_for_containers_with(&reader.iam.roles()));
    reader.run(create, &ecr);
    reader.run(publish, &ecr);
    let first = reader.job(&ecr, "refs/heads/main");
    assert_eq!(first.outputs["status"], "published", "{}", first.log());
    let again = reader.job(&ecr, "refs/heads/main");
    assert_eq!(again.outputs["status"], "already-published");
    assert_eq!(again.outputs["digest"], first.outputs["digest"]);
    reader.run(release, &ecr);
    let released = reader.job(&ecr, "refs/tags/v1.0.0");
    assert_eq!(
        released.outputs["digest"], first.outputs["digest"],
        "nothing is built"
    );
    let tags = ecr.tags("acme/hello");
    assert_eq!(tags.get("1.0.0"), released.outputs.get("digest"), "{tags:?}");
    assert_eq!(tags.len(), 2, "{tags:?}");

    // Another branch, another repository, or a pull request is not trusted.
    for subject in [
        "repo:acme/hello:ref:refs/heads/other",
        "repo:acme/other:ref:refs/heads/main",
        "repo:acme/hello:pull_request",
    ] {
        ecr.jobs_say("sub", subject);
        let clone = Checkout::empty();
        clone.git(&[
            "fetch",
            "--quiet",
            reader.remote.path().to_str().unwrap(),
            "refs/heads/main",
        ]);
        clone.git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
        let mut job = Job::at(engine, &clone, "refs/heads/main", Arc::clone(&ecr));
        job.inputs
            .retain(|name, _| OF_THE_STAND_IN.contains(&name.as_str()));
        job.input("role-to-assume", "arn:aws:iam::123456789012:role/tagship-publish");
        let refused = job.start(&image(engine)).wait();
        assert_eq!(refused.finished.code, Some(3), "{subject}:\n{}", refused.log());
    }
}
