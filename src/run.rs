//! What each command does.

use std::collections::BTreeMap;

use crate::domain::reference::{Digest, ImageName};
use crate::error::Diagnose;
use crate::ports::Reporter;
use crate::settings::{LocalServerSettings, Settings};

/// What a run leaves to show, in the form of every face.
#[derive(Debug, Default)]
pub struct Outcome {
    /// For stdout.
    pub text: String,
    /// For stdout with `--json`.
    pub json: String,
    /// The action's outputs.
    pub outputs: BTreeMap<&'static str, String>,
    /// The job's summary, Markdown.
    pub summary: String,
    /// The image that later steps can attest.
    pub subject: Option<(ImageName, Digest)>,
}

/// A run that failed, with what it had done.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: Box<dyn Diagnose>,
    /// What can be shown nevertheless.
    pub outcome: Option<Outcome>,
}

/// Publishes a commit.
#[expect(clippy::unused_async, reason = "the composition follows")]
pub async fn ship(_settings: &Settings, _reporter: &dyn Reporter) -> Result<Outcome, Failure> {
    Ok(Outcome::default())
}

/// Makes the plan and shows it.
#[expect(clippy::unused_async, reason = "the composition follows")]
pub async fn plan(_settings: &Settings, _reporter: &dyn Reporter) -> Result<Outcome, Failure> {
    Ok(Outcome::default())
}

/// Serves the embedded ECR until the future is dropped; `ready` gets what to print once it listens.
#[expect(clippy::unused_async, reason = "the composition follows")]
pub async fn serve_local(
    _settings: &LocalServerSettings,
    _reporter: &dyn Reporter,
    ready: impl FnOnce(Outcome) + Send,
) -> Result<(), Failure> {
    ready(Outcome::default());
    Ok(())
}
