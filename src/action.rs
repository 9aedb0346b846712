//! GitHub Actions: the files that a step writes for the runner.
//!
//! Every declared output is always written, also by a run that fails: build output that pretends to be an old
//! `set-output` command is overridden by the file, which the runner reads last.

mod formats;
mod writable;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::inputs::Environment;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::reference::{Digest, ImageName};

use writable::RunnerFile;

/// The files of this step that the runner reads when the step has ended; each absent outside of a job.
#[derive(Debug, Clone)]
pub struct ActionFiles {
    output: Option<RunnerFile>,
    summary: Option<RunnerFile>,
    artifacts: Option<RunnerFile>,
    environment: Option<RunnerFile>,
}

impl ActionFiles {
    /// The files that the runner names in the environment.
    pub fn of(environment: &Environment) -> Self {
        let file = |variable: &'static str| {
            environment.get(variable).map(|path| RunnerFile {
                variable,
                path: PathBuf::from(path),
            })
        };
        Self {
            output: file("GITHUB_OUTPUT"),
            summary: file("GITHUB_STEP_SUMMARY"),
            artifacts: file("GITHUB_ARTIFACTS"),
            environment: file("GITHUB_ENV"),
        }
    }

    /// Finds out whether all files can be written, before anything is done that could not be reported afterwards.
    pub fn check(&self) -> Result<(), ActionFileError> {
        [&self.output, &self.summary, &self.artifacts]
            .into_iter()
            .flatten()
            .try_for_each(RunnerFile::check)
    }

    /// Writes every output of [`crate::report::OUTPUTS`]; empty where `values` has none.
    pub fn write_outputs(&self, values: &BTreeMap<&str, String>) -> Result<(), ActionFileError> {
        let Some(file) = &self.output else {
            return Ok(());
        };
        file.append(&formats::outputs(values)?)
    }

    /// Finds out whether later steps can be given variables.
    pub fn check_environment(&self) -> Result<(), ActionFileError> {
        self.environment.iter().try_for_each(RunnerFile::check)
    }

    /// Gives later steps of the job these variables.
    pub fn append_environment(
        &self,
        variables: &[(&'static str, SecretString)],
    ) -> Result<(), ActionFileError> {
        let Some(file) = &self.environment else {
            return Ok(());
        };
        file.append(&formats::variables(variables)?)
    }

    /// Finds out whether the step can have outputs.
    pub fn check_output(&self) -> Result<(), ActionFileError> {
        self.output.iter().try_for_each(RunnerFile::check)
    }

    /// Gives the step of a command the outputs that were asked for; the action writes all.
    pub fn append_outputs(&self, values: &[(&'static str, &str)]) -> Result<(), ActionFileError> {
        let Some(file) = &self.output else {
            return Ok(());
        };
        file.append(&formats::some_outputs(values)?)
    }

    /// Appends Markdown to the job's summary; what the runner would refuse for its size is cut off.
    pub fn append_summary(&self, markdown: &str) -> Result<(), ActionFileError> {
        let Some(file) = &self.summary else {
            return Ok(());
        };
        file.append(&formats::summary(markdown, file.size()))
    }

    /// Names the image as a subject that later steps of the job can attest.
    pub fn append_subject(&self, image: &ImageName, digest: &Digest) -> Result<(), ActionFileError> {
        let Some(file) = &self.artifacts else {
            return Ok(());
        };
        file.append(&formats::subject(image, digest))
    }
}

/// What can go wrong with the runner's files.
#[derive(Debug, thiserror::Error)]
pub enum ActionFileError {
    /// A file cannot be written.
    #[error("`{path}`, which `{variable}` names, cannot be written: {source}")]
    Unwritable {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A value has the delimiter in it that was drawn for it.
    #[error("the value of output `{output}` contains the delimiter that was drawn at random for it")]
    Delimiter {
        /// The output.
        output: &'static str,
    },
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness(#[source] io::Error),
}

impl Diagnose for ActionFileError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Unwritable { .. } | Self::NoRandomness(_) => FailureKind::Operation,
            Self::Delimiter { .. } => FailureKind::Bug,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Unwritable { .. } => Some(
                "container actions must run as root in the runner's own Docker; a user namespace or rootless Docker \
                 takes that away"
                    .into(),
            ),
            Self::Delimiter { .. } => Some("run again".into()),
            Self::NoRandomness(_) => None,
        }
    }
}
