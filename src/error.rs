//! Kinds of failure, and with them the exit codes.

use std::borrow::Cow;

/// What kind of failure an error is; it alone decides the exit code, which is documented API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A local or remote operation failed.
    Operation,
    /// An argument, an input or the configuration is wrong.
    Usage,
    /// Credentials are missing or were refused.
    Credentials,
    /// A wanted tag is taken by another image.
    TagConflict,
    /// Findings of the image's scan are above what the gate allows.
    ScanGate,
    /// What is there differs from what is wanted.
    Drift,
    /// Tagship itself is wrong.
    Bug,
    /// The run was cancelled by a signal.
    Cancelled,
}

impl Kind {
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
pub trait Diagnose: std::error::Error + Send + Sync + 'static {
    /// The kind of failure.
    fn kind(&self) -> Kind;

    /// The next action for the user, one imperative sentence without a full stop.
    fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }
}
