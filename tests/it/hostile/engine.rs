//! What calls itself an engine.

use test_support::checkout::Checkout;
use test_support::process::tagship;

use super::{answer, no_answers, peer, survive};

/// A version, as an engine says it, with one member replaced.
fn version(member: &str, value: &str) -> Vec<u8> {
    let mut all = serde_json::json!({
        "Version": "28.0.4", "ApiVersion": "1.48", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"
    });
    all[member] = serde_json::from_str(value).unwrap();
    answer(
        "200 OK",
        "Api-Version: 1.48\r\nOstype: linux\r\n",
        &all.to_string(),
    )
}

#[test]
fn no_engine_harms_a_run() {
    let mut attacks = no_answers();
    attacks.extend([
        (
            "a version with an escape",
            version("Version", r#""28.0.4\u001b[31m\u202e""#),
        ),
        ("a version without numbers", version("Version", r#""latest""#)),
        (
            "a version that is too great",
            version("Version", r#""99999999999999999999.1""#),
        ),
        ("a version that is a list", version("Version", "[]")),
        (
            "an API version that is none",
            version("ApiVersion", r#""one.two""#),
        ),
        (
            "an API version of another time",
            version("ApiVersion", r#""0.0""#),
        ),
        ("another system", version("Os", r#""windows\n::error::x""#)),
        (
            "a long system",
            version("Os", &format!("\"{}\"", "x".repeat(100_000))),
        ),
        (
            "too long a version",
            version("Version", &format!("\"{}\"", "1".repeat(2 << 20))),
        ),
        ("right versions, and no BuildKit", version("Arch", r#""amd64""#)),
    ]);
    let checkout = Checkout::with(&[("Dockerfile", "FROM scratch\nCOPY . /\n")]);
    let home = tempfile::tempdir().unwrap();
    for (what, bytes) in &attacks {
        let address = peer(bytes.clone());
        let mut command = tagship(home.path());
        command
            .current_dir(checkout.path())
            .args(["ship", "--local", "--repository", "team/app"]);
        command.arg("--docker-host").arg(format!("tcp://{address}"));
        let finished = survive(what, &mut command);
        assert_eq!(finished.code, Some(1), "{what}: {}", finished.stderr);
        let commands = finished.stderr.lines().filter(|line| line.starts_with("::"));
        assert_eq!(commands.count(), 0, "{what}: {}", finished.stderr);
    }
    assert!(attacks.len() >= 42, "{}", attacks.len());
}
