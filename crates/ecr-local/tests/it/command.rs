//! The command `ecr-local`, as a shell has it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn serve(folder: &Path, more: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecr-local"));
    command.env_clear().current_dir(folder);
    command.args(["serve", "--port", "0"]).args(more);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn first_line(server: &mut Child) -> String {
    let mut line = String::new();
    let stdout = server.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    line
}

#[tokio::test]
async fn it_says_how_to_use_it_and_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = serve(folder.path(), &["--json", "--public-port", "0", "--tls=0"]);
    let announced: Value = serde_json::from_str(&first_line(&mut server)).unwrap();
    let text = |name: &str| {
        announced[name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} of {announced}"))
    };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ping = http.get(format!("http://{}/v2/", text("registry")));
    let login = ping.basic_auth("AWS", Some(text("registry-password")));
    assert_eq!(login.send().await.unwrap().status(), 200);
    for name in [
        "endpoint",
        "access-key-id",
        "secret-access-key",
        "region",
        "role-arn",
        "oidc-issuer",
        "oidc-request-url",
        "oidc-request-token",
        "public-registry",
        "tls-endpoint",
        "tls-registry",
        "ca-certificate",
        "hosts-line",
        "docker-ca",
    ] {
        assert_ne!(text(name), "", "{name}");
    }
    assert!(folder.path().join(".ecr-local/state.redb").exists());
    let id = server.id().to_string();
    assert!(Command::new("/bin/kill").arg(id).status().unwrap().success());
    assert!(server.wait().unwrap().success());
}

#[test]
fn what_it_cannot_do_it_says_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = serve(folder.path(), &["--data", "state"]);
    let line = first_line(&mut first);
    let endpoint = line.trim().strip_prefix("endpoint=").unwrap();
    let second = serve(folder.path(), &["--data", "state"])
        .wait_with_output()
        .unwrap();
    let error = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("error: another process serves the data folder `state`"),
        "{error}"
    );
    assert!(
        error.contains(&format!("hint: use the emulator at {endpoint}")),
        "{error}"
    );
    first.kill().unwrap();
    first.wait().unwrap();
}
