//! The embedded ECR with TLS under ECR's own names: the AWS CLI, crane, skopeo, two Docker Engines and Tagship itself
//! find it by name, as they find AWS. Needs root, and what `scripts/engines` and `scripts/clients` install.

#![expect(
    clippy::disallowed_methods,
    reason = "the engines' script sets the environment"
)]

use std::path::PathBuf;
use std::process::Command;

#[test]
fn real_clients_find_it_by_ecrs_own_names() {
    // In memory: an engine's file system cannot lie on every other.
    let work = tempfile::tempdir_in("/dev/shm").expect("a folder in memory can be made");
    let config = std::env::var_os("DOCKER_CONFIG").expect("`scripts/engines env` sets `DOCKER_CONFIG`");
    let engines = PathBuf::from(config).join("../..");
    let output = Command::new("unshare")
        .args(["--mount", "--net", "bash", "tests/it/real_names/clients.sh"])
        .arg(env!("CARGO_BIN_EXE_tagship"))
        .arg(work.path())
        .arg(engines)
        .env_remove("AWS_ENDPOINT_URL")
        .output()
        .expect("`unshare` can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    let passed: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("passed: "))
        .collect();
    assert_eq!(
        passed,
        ["aws, crane, skopeo", "docker20", "docker28", "tagship", "public"],
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}
