//! Programs that keep logins for the docker command: `docker-credential-<name> get`.
//!
//! Source: docker/docker-credential-helpers, README and `client`.

use std::borrow::Cow;
use std::io;
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use super::config::{TOKEN_USER, of_token};
use crate::limits;
use crate::ports::RegistryCredential;
use tagship_domain::error::{Diagnose, FailureKind, cleaned};

/// What a program says when it knows nothing of a registry.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Why a program gives no login.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelperError {
    /// It cannot be run.
    #[error("credential helper `docker-credential-{name}` cannot be run: {source}")]
    Unusable {
        /// The program.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It does not end.
    #[error("credential helper `docker-credential-{name}` gave no answer within {} s", limits::HELPER.as_secs())]
    Silent {
        /// The program.
        name: String,
    },
    /// It fails.
    #[error("credential helper `docker-credential-{name}` fails: {message}")]
    Failed {
        /// The program.
        name: String,
        /// Its words.
        message: String,
    },
    /// It answers with something else. What it says may be secret.
    #[error("credential helper `docker-credential-{name}` answers with no login")]
    Malformed {
        /// The program.
        name: String,
    },
}

impl Diagnose for HelperError {
    fn kind(&self) -> FailureKind {
        FailureKind::Credentials
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some("log in again with `docker login`, give the login in `registry-auth`, or set `use-docker-config: false`".into())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a program for the login of a registry; `None` if it knows none.
pub(super) async fn ask(name: &str, server: &str) -> Result<Option<RegistryCredential>, HelperError> {
    ask_program(&format!("docker-credential-{name}"), name, server).await
}

pub(super) async fn ask_program(
    program: &str,
    name: &str,
    server: &str,
) -> Result<Option<RegistryCredential>, HelperError> {
    let name = name.to_owned();
    let unusable = |source| HelperError::Unusable {
        name: name.clone(),
        source,
    };
    let (output, succeeded) = match timeout(limits::HELPER, run(program, server)).await {
        Ok(ran) => ran.map_err(unusable)?,
        Err(_elapsed) => return Err(HelperError::Silent { name }),
    };
    if succeeded {
        let answer: Answer =
            serde_json::from_slice(&output).map_err(|_secret| HelperError::Malformed { name })?;
        if answer.username == TOKEN_USER {
            return Ok(Some(of_token(answer.secret.into())));
        }
        return Ok(Some(RegistryCredential {
            username: answer.username,
            password: answer.secret.into(),
        }));
    }
    let said = String::from_utf8_lossy(&output);
    if said.trim() == NOT_FOUND {
        return Ok(None);
    }
    let message = cleaned(said.trim());
    Err(HelperError::Failed { name, message })
}

/// What it prints, and whether it succeeded. It ends with the future.
async fn run(program: &str, server: &str) -> io::Result<(Vec<u8>, bool)> {
    let mut program = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = program.stdin.take() {
        // One that reads nothing answers all the same.
        drop(input.write_all(server.as_bytes()).await);
    }
    let mut output = Vec::new();
    if let Some(from) = program.stdout.take() {
        from.take(limits::HELPER_BYTES).read_to_end(&mut output).await?;
    }
    let status = program.wait().await?;
    Ok((output, status.success()))
}
