//! `tagship local env`: what it prints leads other programs to the server that runs.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A server of a folder whose name no shell may take apart.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
    announced: Value,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn tagship(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagship"));
    command
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .args(arguments);
    command
}

const DATA: &str = "it's $HOME \"quoted\"";

impl Server {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = tagship(
            folder.path(),
            &["local", "serve", "--port", "0", "--json", "--data", DATA],
        )
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        Self {
            process,
            folder,
            announced: serde_json::from_str(&line).unwrap(),
        }
    }

    /// A variable as a shell has it that evaluated what `env` prints.
    fn in_shell(&self, variable: &str) -> String {
        let lines = tagship(self.folder.path(), &["local", "env", "--data", DATA])
            .output()
            .unwrap();
        assert!(lines.status.success(), "{lines:?}");
        let shell = Command::new("/bin/sh")
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .args(["-c", "eval \"$1\"; printenv \"$2\"", "sh"])
            .arg(String::from_utf8(lines.stdout).unwrap())
            .arg(variable)
            .env("AWS_SESSION_TOKEN", "stale")
            .output()
            .unwrap();
        String::from_utf8(shell.stdout).unwrap().trim_end().to_owned()
    }

    fn announced(&self, name: &str) -> &str {
        self.announced[name].as_str().unwrap()
    }
}

#[test]
fn a_shell_is_led_to_the_server() {
    let server = Server::start(&[]);
    for (variable, name) in [
        ("AWS_ENDPOINT_URL", "endpoint"),
        ("AWS_ACCESS_KEY_ID", "access-key-id"),
        ("AWS_SECRET_ACCESS_KEY", "secret-access-key"),
        ("AWS_REGION", "region"),
        ("AWS_DEFAULT_REGION", "region"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "oidc-request-url"),
    ] {
        assert_eq!(server.in_shell(variable), server.announced(name), "{variable}");
    }
    assert_eq!(server.in_shell("TAGSHIP_LOCAL"), "true");
    let data = std::fs::canonicalize(server.folder.path()).unwrap().join(DATA);
    assert_eq!(PathBuf::from(server.in_shell("TAGSHIP_LOCAL_DATA")), data);
    assert_eq!(server.in_shell("AWS_SESSION_TOKEN"), "");
    assert_eq!(server.in_shell("AWS_CA_BUNDLE"), "");
}

#[test]
fn the_folder_has_one_name_for_all_commands() {
    let server = Server::start(&[]);
    let url = server.announced("endpoint");
    for (arguments, variable) in [
        (["local", "env", "--local-data", DATA].as_slice(), None),
        (&["local", "env"], Some(DATA)),
    ] {
        let mut command = tagship(server.folder.path(), arguments);
        command.envs(variable.map(|data| ("TAGSHIP_LOCAL_DATA", data)));
        let shown = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(shown.contains(&format!("AWS_ENDPOINT_URL='{url}'")), "{shown}");
    }
}

#[test]
fn a_server_that_does_not_start_says_so_as_json_too() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = tagship(
        folder.path(),
        &["local", "serve", "--json", "--port", "0", "--data", "file"],
    )
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["exit-code"], 1);
    assert!(said["error"]["message"].is_string(), "{said}");
}

#[test]
fn with_tls_the_authority_comes_along() {
    let server = Server::start(&["--tls=0"]);
    let endpoint = server.in_shell("AWS_ENDPOINT_URL");
    assert!(endpoint.starts_with("https://127.0.0.1:"), "{endpoint}");
    assert_eq!(endpoint, server.announced("tls-endpoint"));
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let authority = server.in_shell(variable);
        assert_eq!(authority, server.announced("ca-certificate"));
        assert!(
            std::fs::read_to_string(authority)
                .unwrap()
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
    }
    let hosts = server.announced("hosts-line");
    assert!(
        hosts.starts_with("127.0.0.1 000000000000.dkr.ecr.us-east-1.amazonaws.com "),
        "{hosts}"
    );
}

#[test]
fn as_json_what_must_not_be_set_is_null() {
    let server = Server::start(&[]);
    let arguments = ["local", "env", "--json", "--data", DATA];
    let answer = tagship(server.folder.path(), &arguments).output().unwrap();
    let values: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(values["AWS_SESSION_TOKEN"], Value::Null);
    assert_eq!(values["AWS_ACCESS_KEY_ID"], server.announced["access-key-id"]);
}

#[test]
fn where_nothing_runs_it_says_what_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let answer = tagship(folder.path(), &["local", "env", "--data", "none"])
        .output()
        .unwrap();
    assert_eq!(answer.status.code(), Some(1));
    assert!(answer.stdout.is_empty());
    let words = String::from_utf8(answer.stderr).unwrap();
    assert!(
        words.contains("no embedded ECR serves the data folder"),
        "{words}"
    );
    assert!(
        words.contains("hint: start one: `tagship local serve --data "),
        "{words}"
    );
}
