//! What happens to one of several images, under its name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::ports::{Reporter, RunEvent, Warning};

/// Passes on what happens to one of several images, under its name.
pub(super) struct ImageReporter {
    name: String,
    /// The numbers of this image's steps among those of all.
    steps: Mutex<HashMap<u32, u32>>,
    /// How many steps all images have had.
    last_step: Arc<AtomicU32>,
    inner: Arc<dyn Reporter>,
}

impl ImageReporter {
    pub(super) fn new(name: &str, last_step: &Arc<AtomicU32>, inner: Arc<dyn Reporter>) -> Self {
        Self {
            name: name.to_owned(),
            steps: Mutex::default(),
            last_step: Arc::clone(last_step),
            inner,
        }
    }

    /// The number that a step has among those of all images.
    fn step(&self, of_image: u32) -> u32 {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        *steps
            .entry(of_image)
            .or_insert_with(|| self.last_step.fetch_add(1, Ordering::Relaxed).saturating_add(1))
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
        let step = |of_image: u32| self.step(of_image);
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
            RunEvent::Moved { what } => inner.event(RunEvent::Moved {
                what: &self.named(what),
            }),
        }
    }
}
