//! Machines for which AWS's names lead to an embedded ECR that they trust: an engine, and one with nothing but Docker and git.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::engines::{Engine, Image};
use super::local::Ecr;
use super::process::{finish, repository_root};
use super::unique;

/// Where Debian's programs, and the action's image, look for the authorities that they trust.
pub const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

const ENGINE: &str = "names28-containerd";

/// An engine of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Elsewhere {
    /// The engine.
    pub engine: &'static Engine,
}

impl Elsewhere {
    /// Starts an engine whose `/etc/hosts` and authorities lead to `ecr`; `folder` is for the files.
    pub fn start(ecr: &Ecr, folder: &Path) -> Self {
        let (names, authority) = ecr.own_names();
        let hosts = folder.join("hosts");
        let known = fs::read_to_string("/etc/hosts").unwrap_or_default();
        fs::write(&hosts, format!("{known}\n127.0.0.1 {}\n", names.join(" ")))
            .expect("a file can be written");
        let mut start = Command::new("unshare");
        start
            .args(["--mount", "sh", "-euc"])
            .arg("mount --bind \"$1\" /etc/hosts; exec \"$2\" start \"$3\"")
            .arg("sh")
            .arg(&hosts)
            .arg(script())
            .arg(ENGINE)
            .env("SSL_CERT_FILE", &authority);
        finish(&mut start).expect_code(0);
        let engine = Engine {
            name: ENGINE.to_owned(),
            socket: format!("/run/tagship-engines/{ENGINE}.sock"),
        };
        Self {
            engine: Box::leak(Box::new(engine)),
        }
    }

    /// An image of `scripts/engines`' bare machine: a shell, git, curl, Python and the Docker client, and nothing else.
    pub fn bare_machine(&self) -> Image {
        let root = std::env::var("TAGSHIP_TEST_BARE_ROOT").expect("`scripts/engines env` sets it");
        let name = unique::name("tagship-bare");
        self.engine.run(&["import", &root, &name]);
        Image::named(self.engine, name)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        finish(Command::new(script()).args(["stop", ENGINE]));
    }
}

fn script() -> std::path::PathBuf {
    repository_root().join("scripts/engines")
}

/// Flags of `docker run` in whose container AWS's names lead to `ecr` at this address.
pub fn world(ecr: &Ecr, address: &str) -> Vec<String> {
    let (names, authority) = ecr.own_names();
    let mut flags: Vec<String> = names
        .iter()
        .map(|name| format!("--add-host={name}:{address}"))
        .collect();
    flags.push(format!("--volume={}:{AUTHORITIES}:ro", authority.display()));
    flags
}
