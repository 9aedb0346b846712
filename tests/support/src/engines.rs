//! The Docker engines that the tests run on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process::{Finished, finish, output_of};
use super::unique;

/// One Docker engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// Its name, such as `docker28-classic`.
    pub name: String,
    /// The path of its socket.
    pub socket: String,
}

/// All engines of the environment variable `TAGSHIP_TEST_ENGINES`: space-separated `name=unix:///path`.
pub fn all() -> &'static [Engine] {
    static ENGINES: OnceLock<Vec<Engine>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let engines = std::env::var("TAGSHIP_TEST_ENGINES").unwrap_or_default();
        let engines: Vec<Engine> = engines.split_whitespace().map(parse).collect();
        assert!(
            !engines.is_empty(),
            "`TAGSHIP_TEST_ENGINES` names no Docker engine: run the tests by `scripts/test`"
        );
        engines
    })
}

/// The plugins of the tests' own `docker` client, such as `docker-buildx`.
pub fn client_plugins() -> PathBuf {
    let config = std::env::var_os("DOCKER_CONFIG").expect("`scripts/engines env` sets it");
    Path::new(&config).join("cli-plugins")
}

/// The engine of this name.
pub fn named(name: &str) -> &'static Engine {
    let found = all().iter().find(|engine| engine.name == name);
    found.unwrap_or_else(|| {
        panic!("`TAGSHIP_TEST_ENGINES` has no engine `{name}`: run the tests by `scripts/test`")
    })
}

fn parse(entry: &str) -> Engine {
    let parts = entry
        .split_once('=')
        .and_then(|(name, host)| Some((name, host.strip_prefix("unix://")?)));
    let (name, socket) =
        parts.unwrap_or_else(|| panic!("`{entry}` in `TAGSHIP_TEST_ENGINES` is not `name=unix:///path`"));
    Engine {
        name: name.to_owned(),
        socket: socket.to_owned(),
    }
}

impl Engine {
    /// The engine's address, as `DOCKER_HOST` takes it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket)
    }

    /// The `docker` client on this engine, with the test's own environment (it finds the client's plugins by it).
    pub fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT")
            .args(["--host", &self.host()])
            .args(arguments);
        command
    }

    /// Runs a `docker` command that must succeed; gives its standard output.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        output_of(&mut self.docker(arguments))
    }

    /// Runs a `docker` command to its end.
    pub fn try_run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.docker(arguments))
    }

    /// Where a container on the default network reaches this machine.
    pub fn gateway(&self) -> String {
        self.run(&[
            "network",
            "inspect",
            "bridge",
            "--format",
            "{{(index .IPAM.Config 0).Gateway}}",
        ])
    }

    /// Builds an image from a folder with the `docker` client; it is removed with the guard.
    pub fn build(&'static self, folder: &std::path::Path) -> Image {
        let name = unique::name("tagship-test");
        let folder = folder.to_str().expect("the folder's path is text");
        self.run(&["build", "--quiet", "--tag", &name, folder]);
        Image { engine: self, name }
    }

    /// Removes the nameless images that have a label: what a run leaves in a classic store when it is killed.
    pub fn remove_nameless(&self, label: &str) {
        self.run(&["image", "prune", "--force", "--filter", &format!("label={label}")]);
    }

    /// The ids of all containers with a label, running or not.
    pub fn containers_with_label(&self, label: &str) -> Vec<String> {
        let filter = format!("label={label}");
        let ids = self.run(&["ps", "--all", "--quiet", "--filter", &filter]);
        ids.lines().map(str::to_owned).collect()
    }
}

/// An image's name, which is removed when this is dropped.
#[derive(Debug)]
pub struct Image {
    engine: &'static Engine,
    /// The name under which the engine has it.
    pub name: String,
}

impl Image {
    /// Takes charge of an image that has this name or will have it.
    pub fn named(engine: &'static Engine, name: impl Into<String>) -> Self {
        Self {
            engine,
            name: name.into(),
        }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.engine.try_run(&["rmi", "--force", &self.name]);
    }
}
