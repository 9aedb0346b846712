//! `docs/start.md`, word by word, on a machine that has Docker and git and what the page asks for: what is installed is the
//! rehearsed release, the AWS CLI is the real one, AWS is the embedded ECR under AWS's own names, and the workflow that
//! `tagship init` writes runs on the simulated runner.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tagship_domain::immutability::Mutability;
use tempfile::TempDir;
use test_support::action::{Job, image};
use test_support::checkout::Checkout;
use test_support::clients::python_packages;
use test_support::elsewhere::{AUTHORITIES, Elsewhere, world};
use test_support::engines::{Engine, Image};
use test_support::github::Github;
use test_support::iam::Iam;
use test_support::local::Ecr;
use test_support::process::{Finished, finish, output_of, repository_root};
use test_support::runner::run::StepResult;
use test_support::shipping::DOCKERFILE;
use test_support::unique;

use super::{Clone, released};

const ADDRESS: &str = "https://github.com/tagship/tagship/releases";
const REMOTE: &str = "https://github.com/acme/hello.git";

/// In place of curl: GitHub's releases are where the rehearsal has them.
const CURL: &str = r#"#!/bin/sh
for argument; do
    shift
    case "$argument" in
    =https) argument='=http,https' ;;
    ADDRESS/*) argument="RELEASES/${argument#ADDRESS/}" ;;
    esac
    set -- "$@" "$argument"
done
exec /usr/bin/curl "$@"
"#;

/// The AWS CLI, which the page asks for.
const AWS: &str = r#"#!/bin/sh
PYTHONPATH=PACKAGES exec python3 -c 'import sys; from awscli.clidriver import main; sys.exit(main())' "$@"
"#;

/// A reader of the page: a machine, a home, a clone with a remote, and an AWS account.
struct Reader {
    engine: &'static Engine,
    machine: Image,
    github: Github,
    iam: Iam,
    home: TempDir,
    checkout: Checkout,
    remote: TempDir,
}

impl Reader {
    fn new(place: &Elsewhere) -> Self {
        let clone = Clone::of_this_repository();
        let github = Github::of(clone.folder.path());
        released(clone, &github);
        let mut checkout = Checkout::empty();
        checkout.write("hello", unique::hex64());
        checkout.commit(&[("Dockerfile", DOCKERFILE)]);
        checkout.git(&["branch", "--move", "--force", "main"]);
        checkout.git(&["remote", "add", "origin", REMOTE]);
        let reader = Self {
            engine: place.engine,
            machine: place.bare_machine(),
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
        fs::create_dir(reader.shims()).unwrap();
        let curl = CURL
            .replace("ADDRESS", ADDRESS)
            .replace("RELEASES", &reader.github.releases_url());
        let aws = AWS.replace("PACKAGES", python_packages().to_str().unwrap());
        for (name, script) in [("curl", curl), ("aws", aws)] {
            let path = reader.shims().join(name);
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        reader
    }

    fn shims(&self) -> PathBuf {
        self.home.path().join("shims")
    }

    /// Runs a script on the machine, in the clone; `ecr` is what AWS's names lead to.
    fn try_run(&self, script: &str, ecr: &Ecr) -> Finished {
        let (id, secret) = ecr.admin_key();
        let home = self.home.path().display();
        let local = format!("{home}/.local/bin");
        let mut arguments: Vec<String> = ["run", "--rm", "--network", "host"].map(str::to_owned).into();
        arguments.extend(world(ecr, "127.0.0.1"));
        for folder in [
            self.home.path(),
            self.remote.path(),
            self.checkout.path(),
            &python_packages(),
        ] {
            let folder = folder.display();
            arguments.extend(["--volume".to_owned(), format!("{folder}:{folder}")]);
        }
        arguments.extend([
            "--volume".to_owned(),
            format!("{}:/var/run/docker.sock", self.engine.socket),
        ]);
        for (name, value) in [
            ("HOME", home.to_string()),
            ("PATH", format!("{home}/shims:{local}:/usr/bin:/bin")),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_CA_BUNDLE", AUTHORITIES.to_owned()),
            ("AWS_ENDPOINT_URL_IAM", self.iam.url()),
        ] {
            arguments.extend(["--env".to_owned(), format!("{name}={value}")]);
        }
        let clone = self.checkout.path().display().to_string();
        arguments.extend(["--workdir".to_owned(), clone, self.machine.name.clone()]);
        arguments.extend(["sh", "-euc", script].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        finish(&mut self.engine.docker(&arguments))
    }

    /// Runs one block of the page; gives what it prints.
    fn run(&self, block: &str, ecr: &Ecr) -> String {
        let finished = self.try_run(block, ecr);
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
    fn prepared(&self, ecr: &Arc<Ecr>, git_ref: &str, subject: &str) -> Job {
        let clone = Checkout::empty();
        let from = self.remote.path().to_str().unwrap();
        let pushed = format!("{git_ref}:refs/remotes/origin/pushed");
        clone.git(&["fetch", "--quiet", "--tags", from, &pushed]);
        clone.git(&["checkout", "--quiet", "--detach", "refs/remotes/origin/pushed"]);
        ecr.jobs_say("sub", subject);
        let mut job = Job::at(self.engine, &clone, git_ref, Arc::clone(ecr));
        // Nothing but what the workflow says: region, registry and endpoints follow from it as they do at AWS.
        job.inputs = inputs_of(&clone.path().join(".github/workflows/tagship.yml"));
        job.world = world(ecr, &self.engine.gateway());
        job
    }

    fn job_of(&self, ecr: &Arc<Ecr>, git_ref: &str, subject: &str) -> StepResult {
        self.prepared(ecr, git_ref, subject)
            .start(&image(self.engine))
            .wait()
    }

    /// A job that GitHub vouches for as what it is, and which must succeed.
    fn green_job(&self, ecr: &Arc<Ecr>, git_ref: &str) -> StepResult {
        let result = self.job_of(ecr, git_ref, &format!("repo:acme/hello:ref:{git_ref}"));
        assert!(result.succeeded(), "{git_ref}:\n{}", result.log());
        result
    }
}

/// What the workflow gives Tagship's step.
fn inputs_of(workflow: &Path) -> BTreeMap<String, String> {
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
    let ecr = Ecr::start_under_own_names();
    let files = tempfile::tempdir().unwrap();
    let place = Elsewhere::start(&ecr, files.path());
    let reader = Reader::new(&place);
    assert_ne!(reader.try_run("command -v tagship", &ecr).code, Some(0));
    reader.run(install, &ecr);
    // The port is another where another run has the usual one.
    let [here, again] = [(); 2].map(|()| {
        let image = reader.run(try_it, &ecr);
        image.split_once('@').expect("it is named by digest").1.to_owned()
    });
    assert_eq!(again, here);
    reader.run(init, &ecr);
    reader.run(create, &ecr);
    assert!(ecr.tags("acme/hello").is_empty());

    // The embedded ECR reads its roles when it starts: those that the page has made. The page says that this may be run again.
    let ecr = Arc::new(ecr.again_with_roles(&reader.iam.roles()));
    reader.run(create, &ecr);
    reader.run(publish, &ecr);
    let first = reader.green_job(&ecr, "refs/heads/main");
    assert_eq!(first.outputs["status"], "published", "{}", first.log());
    let registry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/hello@";
    assert!(
        first.outputs["image"].starts_with(registry),
        "{:?}",
        first.outputs
    );
    let summary = first.summary.as_deref().unwrap_or_default();
    assert!(
        summary.contains(&format!("docker pull {}", first.outputs["image"])),
        "{summary}"
    );
    let again = reader.green_job(&ecr, "refs/heads/main");
    assert_eq!(again.outputs["status"], "already-published");
    assert_eq!(again.outputs["digest"], first.outputs["digest"]);
    reader.run(release, &ecr);
    let released = reader.green_job(&ecr, "refs/tags/v1.0.0");
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
        let refused = reader.job_of(&ecr, "refs/heads/main", subject);
        assert_eq!(refused.finished.code, Some(3), "{subject}:\n{}", refused.log());
    }
    // The role may write to its own repository alone.
    ecr.create_repository("acme/other", &Mutability::Immutable);
    let mut job = reader.prepared(&ecr, "refs/heads/main", "repo:acme/hello:ref:refs/heads/main");
    job.input("repository", "acme/other");
    let refused = job.start(&image(reader.engine)).wait();
    assert_eq!(refused.finished.code, Some(3), "{}", refused.log());
    assert!(ecr.tags("acme/other").is_empty());
}
