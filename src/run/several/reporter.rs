//! What happens to one of several images, under its name.

use std::sync::Arc;

use secrecy::SecretString;

use crate::ports::{Reporter, RunEvent, Warning};

/// More steps than a build has: those of each image have numbers of their own.
const STEPS: u32 = 1_000_000;

/// Passes on what happens to one of several images, under its name.
pub(super) struct ImageReporter {
    name: String,
    /// What is added to the numbers of steps.
    first_step: u32,
    inner: Arc<dyn Reporter>,
}

impl ImageReporter {
    pub(super) fn new(name: &str, number: usize, inner: Arc<dyn Reporter>) -> Self {
        let number = u32::try_from(number).unwrap_or_default();
        Self {
            name: name.to_owned(),
            first_step: STEPS.saturating_mul(number),
            inner,
        }
    }

    fn named(&self, text: &str) -> String {
        format!("{}: {text}", self.name)
    }
}

impl Reporter for ImageReporter {
    fn mask(&self, secret: &SecretString) {
        self.inner.mask(secret);
    }

    fn event(&self, event: RunEvent<'_>) {
        let step = |step: u32| self.first_step.saturating_add(step);
        let inner = &self.inner;
        match event {
            // A stage is that of one run, and several have theirs at a time.
            RunEvent::Stage(stage) => inner.event(RunEvent::Note(&self.named(stage.as_str()))),
            RunEvent::Note(text) => inner.event(RunEvent::Note(&self.named(text))),
            RunEvent::Block(text) => inner.event(RunEvent::Block(&format!("{}:\n{text}", self.name))),
            RunEvent::Warning(warning) => inner.event(RunEvent::Warning(&Warning {
                message: self.named(&warning.message),
                ..warning.clone()
            })),
            RunEvent::Retry { what, reason, delay } => inner.event(RunEvent::Retry {
                what: &self.named(what),
                reason,
                delay,
            }),
            RunEvent::StepStarted { step: number, name } => inner.event(RunEvent::StepStarted {
                step: step(number),
                name: &self.named(name),
            }),
            RunEvent::StepOutput { step: number, output } => inner.event(RunEvent::StepOutput {
                step: step(number),
                output,
            }),
            RunEvent::StepFinished {
                step: number,
                outcome,
            } => inner.event(RunEvent::StepFinished {
                step: step(number),
                outcome,
            }),
            RunEvent::Progress { what, current, total } => inner.event(RunEvent::Progress {
                what: &self.named(what),
                current,
                total,
            }),
        }
    }
}
