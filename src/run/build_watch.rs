//! Ends builds that take too long, or have fallen silent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::ports::{
    BuildError, Builder, EngineSummary, Reporter, RunEvent, StepOutcome, TryImage, WriteRepository,
};
use crate::report::BuildSteps;
use crate::settings::BuildSettings;
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Platform;
use tagship_domain::reference::{Digest, ImageRef};

/// The most steps that are counted.
const MOST_STEPS: usize = 10_000;

/// Ends builds that take too long, or have fallen silent.
pub(super) struct BuildWatch {
    limits: Limits,
    /// When the first of them began: all count together.
    begun: OnceLock<Instant>,
    listener: Arc<Listener>,
}

impl BuildWatch {
    /// Takes the limits. What [`Self::reporter`] hears goes on to `reporter`.
    pub(super) fn new(settings: &BuildSettings, reporter: &Arc<dyn Reporter>) -> Self {
        let heard = Heard {
            at: Instant::now(),
            running: BTreeMap::new(),
            steps: BTreeMap::new(),
        };
        Self {
            limits: Limits {
                timeout: settings.timeout,
                silence: settings.silence,
            },
            begun: OnceLock::new(),
            listener: Arc::new(Listener {
                inner: Arc::clone(reporter),
                heard: Mutex::new(heard),
            }),
        }
    }

    /// What the build reports to. Everything that it hears is a sign of life.
    pub(super) fn reporter(&self) -> Arc<dyn Reporter> {
        Arc::clone(&self.listener) as Arc<dyn Reporter>
    }

    /// Says which steps of the Dockerfile the build went through, also when the watch has gone.
    pub(super) fn counter(&self) -> StepCounter {
        StepCounter(Arc::clone(&self.listener))
    }

    /// Builds, within the limits. What is broken off is dropped, which cancels it on the engine.
    pub(super) async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, BuildError>>,
    ) -> Result<T, BuildError> {
        let begun = *self.begun.get_or_init(Instant::now);
        self.listener.heard().at = Instant::now();
        tokio::select! {
            biased;
            done = work => done,
            end = self.end(begun) => {
                let steps = self.listener.running();
                Err(match end {
                    End::TimedOut(limit) => BuildError::TimedOut { limit, steps },
                    End::Silent(span) => BuildError::Silent { span, steps },
                })
            }
        }
    }

    /// Waits until a limit is reached.
    async fn end(&self, begun: Instant) -> End {
        loop {
            let heard = self.listener.heard().at;
            match self.limits.after(begun.elapsed(), heard.elapsed()) {
                Ok(rest) => tokio::time::sleep(rest).await,
                Err(end) => return end,
            }
        }
    }
}

/// How long builds may take, and say nothing.
#[derive(Debug, Clone, Copy)]
struct Limits {
    timeout: Option<Duration>,
    silence: Duration,
}

/// Why a build is ended, with the limit that it reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    TimedOut(Duration),
    Silent(Duration),
}

impl Limits {
    /// How long a build may go on that has taken and was silent for this long, until it is looked at again.
    fn after(self, taken: Duration, silent: Duration) -> Result<Duration, End> {
        let rest = |limit: Duration, used: Duration| limit.checked_sub(used).filter(|rest| !rest.is_zero());
        let of_silence = rest(self.silence, silent).ok_or(End::Silent(self.silence))?;
        let Some(timeout) = self.timeout else {
            return Ok(of_silence);
        };
        let of_timeout = rest(timeout, taken).ok_or(End::TimedOut(timeout))?;
        Ok(of_silence.min(of_timeout))
    }
}

/// Remembers when something was heard last, and passes everything on.
struct Listener {
    inner: Arc<dyn Reporter>,
    heard: Mutex<Heard>,
}

struct Heard {
    at: Instant,
    /// The steps that run, by number.
    running: BTreeMap<u32, String>,
    /// The steps of the Dockerfile that ended, by name, and whether their result was there already. A repeated push builds
    /// again: what the first found is true.
    steps: BTreeMap<String, bool>,
}

/// Counts the steps of a build.
pub(super) struct StepCounter(Arc<Listener>);

impl StepCounter {
    /// Returns how many there were.
    pub(super) fn steps(&self) -> BuildSteps {
        let heard = self.0.heard();
        BuildSteps {
            total: heard.steps.len(),
            cached: heard.steps.values().filter(|is_cached| **is_cached).count(),
        }
    }
}

impl Listener {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Vec<String> {
        self.heard().running.values().cloned().collect()
    }
}

impl Reporter for Listener {
    fn mask(&self, secret: &SecretString) {
        self.inner.mask(secret);
    }

    fn event(&self, event: RunEvent<'_>) {
        let mut heard = self.heard();
        heard.at = Instant::now();
        match &event {
            RunEvent::StepStarted { step, name } => {
                heard.running.insert(*step, (*name).to_owned());
            }
            RunEvent::StepFinished { step, outcome } => {
                // As in `[build 2/4] RUN make`; `[internal]` is BuildKit's own.
                let is_of_file = |name: &String| name.starts_with('[') && !name.starts_with("[internal]");
                if let Some(name) = heard.running.remove(step).filter(is_of_file)
                    && heard.steps.len() < MOST_STEPS
                {
                    let is_cached = matches!(outcome, StepOutcome::Cached);
                    heard.steps.entry(name).or_insert(is_cached);
                }
            }
            _ => {}
        }
        drop(heard);
        self.inner.event(event);
    }
}

/// A builder within limits.
pub(super) struct WatchedBuilder<B> {
    inner: B,
    watch: BuildWatch,
}

impl<B> WatchedBuilder<B> {
    /// Takes a builder that reports to the watch.
    pub(super) fn new(inner: B, watch: BuildWatch) -> Self {
        Self { inner, watch }
    }
}

#[async_trait]
impl<B: Builder> Builder for WatchedBuilder<B> {
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError> {
        self.inner.check(request).await
    }

    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        self.watch.guard(self.inner.publish(request, registry)).await
    }
}

#[async_trait]
impl<B: TryImage> TryImage for WatchedBuilder<B> {
    async fn try_image(
        &self,
        image: &ImageRef,
        platforms: &[Platform],
        command: &str,
    ) -> Result<Vec<Platform>, BuildError> {
        let tried = self.inner.try_image(image, platforms, command);
        self.watch.guard(tried).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_build_goes_on_until_the_nearer_limit_is_reached() {
        let limits = |timeout: Option<u64>| Limits {
            timeout: timeout.map(seconds),
            silence: seconds(60),
        };
        assert_eq!(limits(None).after(seconds(100_000), seconds(59)), Ok(seconds(1)));
        assert_eq!(
            limits(None).after(seconds(70), seconds(60)),
            Err(End::Silent(seconds(60)))
        );
        assert_eq!(limits(Some(90)).after(seconds(80), seconds(0)), Ok(seconds(10)));
        assert_eq!(limits(Some(90)).after(seconds(20), seconds(10)), Ok(seconds(50)));
        assert_eq!(
            limits(Some(90)).after(seconds(90), seconds(1)),
            Err(End::TimedOut(seconds(90)))
        );
        assert_eq!(
            limits(Some(90)).after(seconds(91), seconds(59)),
            Err(End::TimedOut(seconds(90)))
        );
    }

    /// Counts what is passed on.
    #[derive(Default)]
    struct Counter(Mutex<usize>);

    impl Reporter for Counter {
        fn mask(&self, _: &SecretString) {}
        fn event(&self, _: RunEvent<'_>) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn everything_is_passed_on_and_the_steps_that_run_are_known() {
        let counter = Arc::new(Counter::default());
        let listener = Arc::new(Listener {
            inner: Arc::clone(&counter) as Arc<dyn Reporter>,
            heard: Mutex::new(Heard {
                at: Instant::now(),
                running: BTreeMap::new(),
                steps: BTreeMap::new(),
            }),
        });
        let begun = listener.heard().at;
        for (step, name) in [(1, "FROM base"), (2, "RUN make"), (3, "RUN test")] {
            listener.event(RunEvent::StepStarted { step, name });
        }
        let outcome = StepOutcome::Done(Duration::ZERO);
        listener.event(RunEvent::StepFinished { step: 1, outcome });
        listener.event(RunEvent::StepOutput {
            step: 2,
            output: b".",
        });
        assert_eq!(listener.running(), ["RUN make", "RUN test"]);
        assert_eq!(*counter.0.lock().unwrap(), 5);
        assert!(listener.heard().at >= begun);
    }

    #[test]
    fn the_steps_of_a_dockerfile_are_counted_once() {
        let listener = Arc::new(Listener {
            inner: Arc::new(Counter::default()),
            heard: Mutex::new(Heard {
                at: Instant::now(),
                running: BTreeMap::new(),
                steps: BTreeMap::new(),
            }),
        });
        let done = || StepOutcome::Done(Duration::ZERO);
        // The push is repeated: the build runs again, and finds all of it.
        for (step, name, outcome) in [
            (1, "[internal] load build definition", done()),
            (2, "[1/2] COPY . /", StepOutcome::Cached),
            (3, "[2/2] RUN make", done()),
            (4, "exporting to image", done()),
            (5, "[1/2] COPY . /", StepOutcome::Cached),
            (6, "[2/2] RUN make", StepOutcome::Cached),
        ] {
            listener.event(RunEvent::StepStarted { step, name });
            listener.event(RunEvent::StepFinished { step, outcome });
        }
        let steps = BuildSteps { total: 2, cached: 1 };
        assert_eq!(StepCounter(listener).steps(), steps);
    }
}
