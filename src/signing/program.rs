//! One run of a program: bounded in time and output, without the job's secrets.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use super::scratch::Scratch;
use crate::limits;
use crate::ports::SignError;
use oci_registry::missing_permission;
use tagship_domain::error::cleaned;
use tagship_domain::reference::ImageRef;
use tagship_domain::signing::Signer;

/// The most lines of a program's words that are shown.
const MAX_LINES: usize = 3;

/// A program on PATH.
pub(super) struct Program {
    signer: Signer,
    name: String,
    variables: BTreeMap<String, SecretString>,
    limit: Duration,
}

/// A run that ended.
pub(super) struct Ran {
    pub(super) has_succeeded: bool,
    pub(super) output: Vec<u8>,
    /// Its last words on stderr, cleaned.
    pub(super) words: String,
    /// The permission that the registry's refusal names, if it prints one.
    pub(super) missing: Option<String>,
}

impl Program {
    /// The signer's program with these variables, and no others.
    pub(super) fn new(signer: Signer, variables: BTreeMap<String, SecretString>) -> Self {
        Self {
            signer,
            name: signer.as_str().to_owned(),
            variables,
            limit: limits::SIGN_PROGRAM,
        }
    }

    /// Another program in its place, which may take so long.
    #[cfg(test)]
    pub(super) fn stand_in(mut self, path: &std::path::Path, limit: Duration) -> Self {
        self.name = path.display().to_string();
        self.limit = limit;
        self
    }

    /// Runs the program to its end. It ends with the future.
    pub(super) async fn run(
        &self,
        arguments: &[&OsStr],
        scratch: &Scratch,
        action: &'static str,
    ) -> Result<Ran, SignError> {
        let program = self.signer;
        let unusable = |source| SignError::Unusable { program, source };
        let variables = self.variables.iter();
        let mut child = Command::new(&self.name)
            .args(arguments)
            .env_clear()
            .envs(variables.map(|(name, value)| (name, value.expose_secret())))
            .env("DOCKER_CONFIG", scratch.path())
            .env("TUF_ROOT", scratch.file("tuf"))
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(unusable)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let (output, errors, status) = tokio::join!(bounded(stdout), bounded(stderr), child.wait());
            status.map(|status| (output, errors, status.success()))
        };
        let (output, errors, has_succeeded) = match timeout(self.limit, ended).await {
            Ok(ended) => ended.map_err(unusable)?,
            Err(_elapsed) => {
                let seconds = self.limit.as_secs();
                return Err(SignError::Silent {
                    program,
                    action,
                    seconds,
                });
            }
        };
        Ok(Ran {
            has_succeeded,
            output,
            words: words(&errors),
            missing: missing_permission(&String::from_utf8_lossy(&errors)).map(str::to_owned),
        })
    }

    /// Runs the program, which must find a signature of `image`.
    pub(super) async fn expect_signature(
        &self,
        arguments: &[&OsStr],
        scratch: &Scratch,
        image: &ImageRef,
    ) -> Result<(), SignError> {
        let ran = self.run(arguments, scratch, "verifying a signature").await?;
        if ran.has_succeeded {
            return Ok(());
        }
        Err(SignError::Unsigned {
            image: image.clone(),
            program: self.signer,
            message: ran.words,
        })
    }

    /// Runs the program, which must succeed; gives what it prints.
    pub(super) async fn expect(
        &self,
        arguments: &[&OsStr],
        scratch: &Scratch,
        action: &'static str,
    ) -> Result<Vec<u8>, SignError> {
        let ran = self.run(arguments, scratch, action).await?;
        if ran.has_succeeded {
            return Ok(ran.output);
        }
        if let Some(missing) = ran.missing {
            return Err(SignError::Forbidden {
                program: self.signer,
                action,
                missing,
            });
        }
        Err(SignError::Failed {
            program: self.signer,
            action,
            message: ran.words,
        })
    }
}

/// The beginning of what is printed; the rest is read too, so that the program does not wait for a reader.
async fn bounded(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut output = Vec::new();
    let Some(mut from) = from else { return output };
    // A pipe that breaks ends what is printed.
    let mut beginning = (&mut from).take(limits::SIGN_PROGRAM_BYTES);
    drop(beginning.read_to_end(&mut output).await);
    drop(tokio::io::copy(&mut from, &mut tokio::io::sink()).await);
    output
}

/// The last lines that say why: warnings and what cosign says twice are left out.
fn words(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let lines = text.lines().map(str::trim).filter(|line| {
        !line.is_empty()
            && !line.starts_with("WARNING:")
            && !line.starts_with("Warning:")
            && !line.starts_with("error during command execution:")
    });
    let lines: Vec<&str> = lines.collect();
    let last = lines[lines.len().saturating_sub(MAX_LINES)..].iter();
    // Each for itself, so that a long one hides no other.
    let last: Vec<String> = last.map(|line| cleaned(line)).collect();
    if last.is_empty() {
        return "it says nothing".to_owned();
    }
    last.join(" ")
}
