//! Copies of a list that failed, while others went on.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Value, json};

use super::CopyRequest;
use super::shown::named;
use crate::run::RunError;
use crate::settings::CopyPlace;
use tagship_domain::error::{Diagnose, FailureKind, with_causes};
use tagship_domain::untrusted::Untrusted;

/// One copy of a list that failed.
#[derive(Debug)]
pub(super) struct FailedCopy {
    source: String,
    target: String,
    kind: FailureKind,
    message: String,
    hint: Option<String>,
}

/// Some copies of a list failed.
#[derive(Debug)]
pub(super) struct CopiesFailed {
    pub(super) count: usize,
    /// Never empty.
    pub(super) failures: Vec<FailedCopy>,
}

impl FailedCopy {
    pub(super) fn of(request: &CopyRequest, error: &RunError) -> Self {
        let (from, to) = request.selection.references();
        Self {
            source: named(&name(&request.source), from.as_ref()),
            target: named(&name(&request.target), to.as_ref()),
            kind: error.kind(),
            message: Untrusted::block(&with_causes(error)).to_string(),
            hint: error.hint().map(Cow::into_owned),
        }
    }

    /// Its row in the report, in the place of what was copied.
    pub(super) fn json(&self) -> Value {
        json!({
            "source": self.source,
            "target": self.target,
            "exit-code": self.kind.exit_code(),
            "error": {"message": self.message, "hint": self.hint},
        })
    }
}

impl fmt::Display for FailedCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.replace('\n', "\n    ");
        write!(f, "`{}` to `{}`: {message}", self.source, self.target)
    }
}

impl fmt::Display for CopiesFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} copies failed", self.failures.len(), self.count)?;
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
            if let Some(hint) = &failure.hint {
                write!(f, "\n    hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for CopiesFailed {}

impl Diagnose for CopiesFailed {
    /// That of all failures, where it is one.
    fn kind(&self) -> FailureKind {
        let mut kinds = self.failures.iter().map(|failure| failure.kind);
        let first = kinds.next().unwrap_or(FailureKind::Operation);
        if kinds.all(|kind| kind == first) {
            first
        } else {
            FailureKind::Operation
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some("mend what they say and run again: what is copied is not sent a second time".into())
    }
}

/// A place as the user knows it.
fn name(place: &CopyPlace) -> String {
    match place {
        CopyPlace::Layout(layout) => layout.name.clone(),
        CopyPlace::Repository(repository) => repository.name(),
    }
}
