//! stdout: data for other programs.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::lines::inert;
use super::redaction::Redaction;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::untrusted::Untrusted;

/// stdout: data for other programs.
pub struct Output {
    sink: Mutex<Box<dyn Write + Send>>,
    redaction: Arc<Redaction>,
}

/// stdout does not take the data.
#[derive(Debug, thiserror::Error)]
#[error("the result cannot be written to stdout: {0}")]
pub struct OutputError(#[source] io::Error);

impl Diagnose for OutputError {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }
}

impl Output {
    pub(super) fn new(sink: Box<dyn Write + Send>, redaction: Arc<Redaction>) -> Self {
        Self {
            sink: Mutex::new(sink),
            redaction,
        }
    }

    /// Whether a person reads it.
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Prints text, with a newline at its end: what came into it from outside moves no cursor and is no workflow command,
    /// because a terminal or a runner may read stdout as well. A closed pipe is no error.
    pub fn data(&self, text: &str) -> Result<(), OutputError> {
        let clean = Untrusted::block(text).to_string();
        let lines: String = self
            .redaction
            .apply(&clean)
            .lines()
            .map(|line| inert(line) + "\n")
            .collect();
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        match write!(sink, "{lines}").and_then(|()| sink.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OutputError(error)),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}
