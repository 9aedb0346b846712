//! Kinds of failure, and with them the exit codes.

use std::borrow::Cow;
use std::error::Error;

use crate::location::SourceLocation;
pub use crate::untrusted::cleaned;

/// What kind of failure an error is; it alone decides the exit code, which is documented API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A local or remote operation failed.
    Operation,
    /// An argument, an input or the configuration is wrong.
    Usage,
    /// Credentials are missing or were refused.
    Credentials,
    /// A wanted tag is taken by another image or commit.
    TagConflict,
    /// The scan gate does not let the image pass: for its findings, or because there are none to judge by.
    ScanGate,
    /// What is there differs from what is wanted.
    Drift,
    /// Tagship itself is wrong.
    Bug,
    /// The run was cancelled by a signal.
    Cancelled,
}

impl FailureKind {
    /// The process's exit code for this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Operation => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::TagConflict => 10,
            Self::ScanGate => 11,
            Self::Drift => 12,
            Self::Bug => 70,
            Self::Cancelled => 130,
        }
    }
}

/// An error that can tell its kind and what to do next.
///
/// `Display` gives one lower-case sentence without a full stop; causes come through `source()`.
pub trait Diagnose: Error + Send + Sync + 'static {
    /// The error that answers in this one's place, for an error that passes another on.
    fn inner(&self) -> Option<&dyn Diagnose> {
        None
    }

    /// The kind of failure.
    fn kind(&self) -> FailureKind {
        self.inner().map_or(FailureKind::Operation, Diagnose::kind)
    }

    /// The next action for the user, one imperative sentence without a full stop.
    fn hint(&self) -> Option<Cow<'static, str>> {
        self.inner().and_then(Diagnose::hint)
    }

    /// The last lines that a program printed before it failed, as they came.
    fn output(&self) -> &[String] {
        self.inner().map_or(&[], Diagnose::output)
    }

    /// The line of a file of the user's that is to be corrected.
    fn location(&self) -> Option<SourceLocation> {
        self.inner().and_then(Diagnose::location)
    }
}

/// Returns the error and its causes, outermost first.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Returns the words of the innermost cause, cleaned: the outer ones often say only that something failed.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map(|cause| cleaned(&cause.to_string()))
        .unwrap_or_default()
}

/// Returns the words of the error and all its causes, cleaned; a cause that an outer error repeats is left out.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    cleaned(&text)
}

/// The most names that a message lists.
const MAX_LISTED: usize = 12;

/// The names with commas between them, and how many more there are.
pub fn listed<T: ToString>(names: &[T]) -> String {
    let mut listed: Vec<String> = names.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    if let Some(more) = names.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        listed.push(format!("{more} more"));
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_its_causes_once() {
        let error = Outer("no answer", std::io::Error::other("connection\nreset"));
        assert_eq!(innermost(&error), "connection reset");
        assert_eq!(with_causes(&error), "no answer: connection reset");
        let repeats = Outer("no answer: reset", std::io::Error::other("reset"));
        assert_eq!(with_causes(&repeats), "no answer: reset");
    }
}
