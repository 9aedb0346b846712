//! What several builders report, as one build: steps are numbered once, and each line names its builder.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::ports::{Reporter, RunEvent};

/// What the reporters of all builders of a run share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    steps: AtomicU32,
    /// The warnings that were shown: every builder reads the same Dockerfile.
    warnings: Mutex<BTreeSet<String>>,
}

impl Shared {
    fn next_step(&self) -> u32 {
        self.steps.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether a warning is shown for the first time.
    fn is_new(&self, warning: &str) -> bool {
        let mut known = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(warning.to_owned())
    }
}

/// Names a builder in what it reports.
pub(super) struct NamedReporter {
    inner: Arc<dyn Reporter>,
    name: String,
    shared: Arc<Shared>,
    /// The builder's own numbers of steps, and what they are shown as.
    steps: Mutex<HashMap<u32, u32>>,
}

impl NamedReporter {
    pub(super) fn new(inner: Arc<dyn Reporter>, name: String, shared: Arc<Shared>) -> Self {
        Self {
            inner,
            name,
            shared,
            steps: Mutex::default(),
        }
    }

    fn begin(&self, step: u32) -> u32 {
        let shown = self.shared.next_step();
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.insert(step, shown);
        shown
    }

    /// What a step is shown as; one that never began begins now.
    fn shown(&self, step: u32) -> u32 {
        let known = self
            .steps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&step)
            .copied();
        known.unwrap_or_else(|| self.begin(step))
    }

    fn named(&self, text: &str) -> String {
        format!("{}: {text}", self.name)
    }
}

impl Reporter for NamedReporter {
    fn mask(&self, secret: &SecretString) {
        self.inner.mask(secret);
    }

    fn event(&self, event: RunEvent<'_>) {
        let inner = &self.inner;
        match event {
            RunEvent::StepStarted { step, name } => inner.event(RunEvent::StepStarted {
                step: self.begin(step),
                name: &self.named(name),
            }),
            RunEvent::StepOutput { step, output } => inner.event(RunEvent::StepOutput {
                step: self.shown(step),
                output,
            }),
            RunEvent::StepFinished { step, outcome } => inner.event(RunEvent::StepFinished {
                step: self.shown(step),
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
            RunEvent::Note(note) => inner.event(RunEvent::Note(&self.named(note))),
            RunEvent::Retry { what, reason, delay } => inner.event(RunEvent::Retry {
                what: &self.named(what),
                reason,
                delay,
            }),
            RunEvent::Warning(warning) => {
                let about = format!("{:?} {:?} {}", warning.file, warning.line, warning.message);
                if self.shared.is_new(&about) {
                    inner.event(RunEvent::Warning(warning));
                }
            }
            RunEvent::Stage(_) | RunEvent::Block(_) => inner.event(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{StepOutcome, Warning};
    use std::time::Duration;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Reporter for Lines {
        fn mask(&self, _: &SecretString) {}

        fn event(&self, event: RunEvent<'_>) {
            let line = match event {
                RunEvent::StepStarted { step, name } => format!("#{step} {name}"),
                RunEvent::StepOutput { step, output } => {
                    format!("#{step} > {}", String::from_utf8_lossy(output))
                }
                RunEvent::StepFinished { step, .. } => format!("#{step} done"),
                RunEvent::Note(note) => note.to_owned(),
                RunEvent::Warning(warning) => warning.message.clone(),
                other => format!("{other:?}"),
            };
            self.0.lock().unwrap().push(line);
        }
    }

    #[test]
    fn steps_of_two_builders_do_not_mix() {
        let lines = Arc::new(Lines::default());
        let shared = Arc::new(Shared::default());
        let reporter = |name: &str| {
            let inner = Arc::clone(&lines) as Arc<dyn Reporter>;
            NamedReporter::new(inner, name.to_owned(), Arc::clone(&shared))
        };
        let (arm, amd) = (reporter("arm"), reporter("amd"));
        let warning = Warning {
            message: "once".to_owned(),
            file: None,
            line: None,
        };
        for builder in [&arm, &amd] {
            builder.event(RunEvent::StepStarted {
                step: 1,
                name: "RUN a",
            });
            builder.event(RunEvent::Warning(&warning));
        }
        arm.event(RunEvent::StepOutput {
            step: 1,
            output: b"x",
        });
        let outcome = StepOutcome::Done(Duration::ZERO);
        amd.event(RunEvent::StepFinished { step: 1, outcome });
        arm.event(RunEvent::Note("emulated"));
        // A second build on the same builder counts from one again.
        arm.event(RunEvent::StepStarted {
            step: 1,
            name: "RUN a",
        });
        arm.event(RunEvent::StepFinished { step: 1, outcome });
        assert_eq!(
            *lines.0.lock().unwrap(),
            [
                "#1 arm: RUN a",
                "once",
                "#2 amd: RUN a",
                "#1 > x",
                "#2 done",
                "arm: emulated",
                "#3 arm: RUN a",
                "#3 done"
            ]
        );
    }
}
