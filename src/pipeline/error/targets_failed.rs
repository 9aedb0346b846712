//! An image that did not come to all of its targets.

use std::borrow::Cow;
use std::fmt;

use super::PipelineError;
use crate::report::{TagReport, TargetReport, TargetStatus};
use tagship_domain::error::{Diagnose, FailureKind};

/// The image is not in all further repositories, or lacks tags there.
#[derive(Debug)]
pub struct TargetsFailed {
    /// What each holds, those that failed with the reason; never empty.
    targets: Vec<(TargetReport, Option<PipelineError>)>,
}

impl TargetsFailed {
    /// An error where there are failures, each with its target's number.
    pub(in crate::pipeline) fn check(
        failures: Vec<(usize, PipelineError)>,
        targets: Vec<TargetReport>,
    ) -> Result<(), PipelineError> {
        if failures.is_empty() {
            return Ok(());
        }
        let mut targets: Vec<_> = targets.into_iter().map(|report| (report, None)).collect();
        for (number, error) in failures {
            if let Some((_, failure)) = targets.get_mut(number) {
                *failure = Some(error);
            }
        }
        Err(Self { targets }.into())
    }

    fn first(&self) -> Option<&PipelineError> {
        self.targets.iter().find_map(|(_, failure)| failure.as_ref())
    }
}

impl fmt::Display for TargetsFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the image did not come to all targets")?;
        for (target, failure) in &self.targets {
            write!(f, "\n  `{}` {}", target.image, holding(target))?;
            if let Some(failure) = failure {
                write!(f, ": {failure}")?;
            }
        }
        Ok(())
    }
}

/// What a target has or lacks, as far as this run knows.
fn holding(target: &TargetReport) -> String {
    let tags = target.tags.iter().filter(|tag| tag.is_put() || tag.is_kept());
    let tags: Vec<String> = tags.map(|tag: &TagReport| format!("`{}`", tag.tag)).collect();
    match target.status {
        _ if !tags.is_empty() => format!("has the image under {}", tags.join(", ")),
        TargetStatus::Pending => "lacks the whole image".to_owned(),
        _ => "has the image by its digest, and no tag of it".to_owned(),
    }
}

impl std::error::Error for TargetsFailed {}

impl Diagnose for TargetsFailed {
    fn kind(&self) -> FailureKind {
        // Whatever stopped one, the others have the image: this is no refusal of the whole.
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        const AGAIN: &str = "the next run of the commit completes it, and sends what is missing";
        Some(match self.first().and_then(Diagnose::hint) {
            Some(hint) => format!("{hint}; {AGAIN}").into(),
            None => AGAIN.into(),
        })
    }
}
