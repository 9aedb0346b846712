//! What happens while a build goes on, for whoever shows it.

use std::time::Duration;

use secrecy::SecretString;

/// Hears what happens in a build.
pub trait ProgressSink: Send + Sync {
    /// Takes one event. Text in it is the engine's, and may be hostile.
    fn event(&self, event: BuildEvent<'_>);

    /// Keeps `secret`, which a build step is given and may print, out of what is shown from now on.
    fn mask(&self, secret: &SecretString);
}

/// What happens in a build.
#[derive(Debug, Clone)]
pub enum BuildEvent<'a> {
    /// A step began.
    StepStarted {
        /// Its number within this build, from 1.
        step: u32,
        /// Its name, as BuildKit gives it.
        name: &'a str,
    },
    /// A step wrote a piece of output; not always whole lines.
    StepOutput {
        /// Its number.
        step: u32,
        /// The bytes.
        output: &'a [u8],
    },
    /// A step ended.
    StepFinished {
        /// Its number.
        step: u32,
        /// How.
        outcome: StepOutcome<'a>,
    },
    /// Bytes of something moved.
    Progress {
        /// What moves, such as a layer's short digest or `context`.
        what: &'a str,
        /// Bytes so far.
        current: u64,
        /// Bytes in all, if known.
        total: Option<u64>,
    },
    /// Something worth a line.
    Note(&'a str),
    /// BuildKit's checks found something in the Dockerfile.
    Warning(&'a Warning),
}

/// How a build step ended.
#[derive(Debug, Clone, Copy)]
pub enum StepOutcome<'a> {
    /// It ran for this long.
    Done(Duration),
    /// Its result was there already.
    Cached,
    /// It failed.
    Failed(&'a str),
}

/// Something that should be looked at, in the Dockerfile or elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// One sentence.
    pub message: String,
    /// The file it is about.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
}

/// A base image of another platform than was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongBase {
    /// The line of its `FROM`, from 1.
    pub line: Option<u32>,
    /// The platform that it is of.
    pub actual: String,
}

impl WrongBase {
    /// The platform that a warning says a base image is of. Source: BuildKit, `linter.RuleInvalidBaseImagePlatform`.
    pub(crate) fn platform_in(warning: &str) -> Option<&str> {
        let said = warning.strip_prefix("InvalidBaseImagePlatform: ")?;
        let (_, after) = said.split_once("was pulled with platform \"")?;
        Some(after.split_once('"')?.0)
    }
}
