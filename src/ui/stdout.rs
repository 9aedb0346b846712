use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::redaction::Redaction;
use tagship_domain::error::{Diagnose, Kind};

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
    fn kind(&self) -> Kind {
        Kind::Operation
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

    /// Prints text, with a newline at its end. That nobody reads any more is no error.
    pub fn data(&self, text: &str) -> Result<(), OutputError> {
        if text.is_empty() {
            return Ok(());
        }
        let text = self.redaction.apply(text);
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        match write!(sink, "{text}{newline}").and_then(|()| sink.flush()) {
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
