//! Groups of lines in the logs of CI systems other than GitHub Actions.

use std::sync::Arc;

use super::words;
use crate::clock::SystemClock;
use crate::inputs::Environment;
use crate::ports::{Clock, Stage};
use tagship_domain::event::CiSystem;

/// The marks by which a system's log folds. One group is open at a time: that of the stage.
pub(super) enum Groups {
    /// The log does not fold.
    None,
    /// Source: Azure Pipelines docs, "Logging commands", on formatting commands.
    AzurePipelines,
    /// Source: Buildkite docs, "Managing log output", on collapsing output.
    Buildkite,
    /// Source: GitLab docs, "CI/CD job logs", on custom collapsible sections.
    Gitlab(Arc<dyn Clock>),
}

impl Groups {
    /// Returns the marks of the system that the process runs a job of.
    pub(super) fn of(environment: &Environment) -> Self {
        match environment.other_ci() {
            Some(CiSystem::AzurePipelines) => Self::AzurePipelines,
            Some(CiSystem::Buildkite) => Self::Buildkite,
            Some(CiSystem::Gitlab) => Self::Gitlab(Arc::new(SystemClock)),
            _ => Self::None,
        }
    }

    /// Returns the line that begins the group of a stage; `None` where the log does not fold.
    pub(super) fn begin(&self, stage: Stage) -> Option<String> {
        let title = words::stage(stage);
        match self {
            Self::None => None,
            Self::AzurePipelines => Some(format!("##[group]{title}")),
            Self::Buildkite => Some(format!("--- {title}")),
            Self::Gitlab(clock) => {
                let (seconds, section) = (clock.now().as_second(), section(stage));
                Some(format!(
                    "\x1b[0Ksection_start:{seconds}:{section}\r\x1b[0K{title}"
                ))
            }
        }
    }

    /// Returns the line that ends the group of a stage, if it takes one.
    pub(super) fn end(&self, stage: Stage) -> Option<String> {
        match self {
            Self::None | Self::Buildkite => None,
            Self::AzurePipelines => Some("##[endgroup]".to_owned()),
            Self::Gitlab(clock) => {
                let (seconds, section) = (clock.now().as_second(), section(stage));
                Some(format!("\x1b[0Ksection_end:{seconds}:{section}\r\x1b[0K"))
            }
        }
    }

    /// Returns the line that unfolds the group before an error, where a group that is over stays folded.
    pub(super) fn unfold(&self) -> Option<&'static str> {
        matches!(self, Self::Buildkite).then_some("^^^ +++")
    }
}

/// The section's name: letters, digits and `_.-`.
fn section(stage: Stage) -> String {
    let words = words::stage(stage).replace(' ', "_");
    format!("tagship_{words}")
}
