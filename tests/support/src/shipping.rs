//! A checkout, an embedded ECR and the program that ships from the one to the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tagship_domain::immutability::Mutability;
use tempfile::TempDir;

use super::checkout::Checkout;
use super::clients::crane;
use super::engines::Engine;
use super::local::{Ecr, ROLE_ARN};
use super::process::{Finished, finish, tagship};

/// The repository that tests publish to first.
pub const REPOSITORY: &str = "team/app";

/// An address where no engine listens: who contacts the engine fails.
pub const NO_ENGINE: &str = "unix:///nonexistent/docker.sock";

/// A Dockerfile whose image has a layer of its base, one of a file and one of a build step.
pub const DOCKERFILE: &str = "FROM busybox:1\nCOPY hello /hello\nRUN cp /hello /copy\n";

/// Everything that one test ships with.
#[derive(Debug)]
pub struct Shipyard {
    /// The registry.
    pub ecr: Ecr,
    /// What is shipped.
    pub checkout: Checkout,
    /// Where to.
    pub repository: String,
    home: TempDir,
}

impl Shipyard {
    /// A repository whose tags are immutable, and a commit of its own content tagged `v1.0.0`.
    pub fn new() -> Self {
        Self::with(Ecr::start(), &[("Dockerfile", DOCKERFILE)])
    }

    /// The same with this registry and these files.
    pub fn with(ecr: Ecr, files: &[(&str, &str)]) -> Self {
        ecr.create_repository(REPOSITORY, &Mutability::Immutable);
        let mut checkout = Checkout::empty();
        // Content of its own keeps tests out of each other's build cache.
        checkout.write("hello", super::unique::hex64());
        checkout.commit(files);
        checkout.tag("v1.0.0");
        Self {
            ecr,
            checkout,
            repository: REPOSITORY.to_owned(),
            home: tempfile::tempdir().expect("a temporary folder can be made"),
        }
    }

    /// Turns to another repository, a new one with this tag mutability.
    pub fn turn_to(&mut self, repository: &str, mutability: &Mutability) {
        self.ecr.create_repository(repository, mutability);
        repository.clone_into(&mut self.repository);
    }

    /// The tags of the repository with their digests.
    pub fn tags(&self) -> BTreeMap<String, String> {
        self.ecr.tags(&self.repository)
    }

    /// A label of an image in the repository, as another client reads it; empty if there is none.
    pub fn label(&self, digest: &str, label: &str) -> String {
        let image = format!("{}@{digest}", self.image());
        let config: Value =
            serde_json::from_str(&crane(&self.ecr.login(), &["config", &image])).expect("a config is JSON");
        config["config"]["Labels"][label]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// `host/repository`.
    pub fn image(&self) -> String {
        format!("{}/{}", self.ecr.host(), self.repository)
    }

    /// The home of the program, which keeps nothing there between runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The commit tag's name for HEAD.
    pub fn commit_tag(&self) -> String {
        format!("sha-{}", &self.checkout.head()[..12])
    }

    /// `tagship COMMAND` in the checkout, against this registry with a job's OIDC token, on an engine.
    pub fn command(&self, command: &str, docker_host: &str, more: &[&str]) -> Command {
        self.command_at(&self.ecr.host(), command, docker_host, more)
    }

    /// The same against what listens at another address, or nothing.
    pub fn command_at(&self, host: &str, command: &str, docker_host: &str, more: &[&str]) -> Command {
        let (url, token) = self.ecr.oidc_request();
        let mut program = tagship(self.home());
        program
            .current_dir(self.checkout.path())
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", url)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token)
            .args([command, "--docker-host", docker_host]);
        let given = [
            ("--repository", self.repository.as_str()),
            ("--registry", host),
            ("--endpoint-url", &format!("http://{host}")),
            ("--aws-region", super::local::REGION),
            ("--role-to-assume", ROLE_ARN),
        ];
        for (flag, value) in given {
            // A flag can be given once, and the test's own comes first.
            if !more.contains(&flag) {
                program.args([flag, value]);
            }
        }
        program.args(more);
        program
    }

    /// Ships on `engine`, to the end.
    pub fn ship(&self, engine: &Engine, more: &[&str]) -> Shipped {
        self.ship_on(&engine.host(), more)
    }

    /// Ships with the engine at this address, to the end.
    pub fn ship_on(&self, docker_host: &str, more: &[&str]) -> Shipped {
        let arguments: Vec<&str> = ["--json"].iter().chain(more).copied().collect();
        Shipped(finish(&mut self.command("ship", docker_host, &arguments)))
    }

    /// Adds a commit of other content.
    pub fn commit_more(&mut self) {
        self.checkout.write("hello", super::unique::hex64());
        self.checkout.commit(&[]);
    }
}

/// A run of `tagship ship --json` that ended.
#[derive(Debug)]
pub struct Shipped(pub Finished);

impl Shipped {
    /// Fails the test unless the run ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        self.0.expect_code(code);
        self
    }

    /// The report on standard output.
    #[track_caller]
    pub fn report(&self) -> Value {
        let report = serde_json::from_str(&self.0.stdout);
        report.unwrap_or_else(|error| panic!("standard output is not a report ({error}):\n{}", self.0.stdout))
    }

    /// How the run ended, by its own report.
    #[track_caller]
    pub fn status(&self) -> String {
        text(&self.report()["status"])
    }

    /// The digest that the run reports.
    #[track_caller]
    pub fn digest(&self) -> String {
        text(&self.report()["digest"])
    }

    /// Each tag with what the run says happened to it.
    #[track_caller]
    pub fn tags(&self) -> BTreeMap<String, String> {
        let report = self.report();
        let tags = report["tags"].as_array().expect("`tags` is a list");
        tags.iter()
            .map(|tag| (text(&tag["tag"]), text(&tag["outcome"])))
            .collect()
    }
}

#[track_caller]
fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("`{value}` is not text")).to_owned()
}
