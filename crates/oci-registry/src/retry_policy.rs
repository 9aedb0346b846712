//! How long a registry is waited for.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// How long a registry is waited for, and how often it is asked again.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// The longest that one request may take, small body included.
    pub answer: Duration,
    /// The longest that an upload may go without a byte leaving.
    pub stall: Duration,
    /// The longest that the registry may take to check an uploaded blob; ECR's blobs are up to 52 GB.
    pub commit: Duration,
    /// The pause before the first repetition. It doubles with each, and each is lengthened by chance up to twofold.
    pub first_pause: Duration,
    /// The longest pause, also when the registry asks for more with `Retry-After`.
    pub longest_pause: Duration,
    /// How often a request is repeated.
    pub repetitions: usize,
    /// The longest that an operation may take with its repetitions.
    pub operation: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl RetryPolicy {
    /// What a run on a network of today can do with.
    pub const DEFAULT: Self = Self {
        answer: Duration::from_mins(1),
        stall: Duration::from_mins(1),
        commit: Duration::from_mins(5),
        first_pause: Duration::from_millis(250),
        longest_pause: Duration::from_secs(30),
        repetitions: 5,
        operation: Duration::from_mins(5),
    };

    /// Returns the pauses between tries.
    pub fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_max_times(self.repetitions)
            .with_jitter()
    }

    /// Begins the first try of what its caller repeats.
    pub fn tries(&self) -> Tries {
        Tries {
            policy: *self,
            pauses: self.backoff().build(),
            spent: Duration::ZERO,
            began: Instant::now(),
        }
    }

    /// Does `attempt` again while its failures are worth it and the operation's time lasts.
    ///
    /// # Errors
    ///
    /// The failure of the last try.
    pub async fn repeat<E, F>(
        &self,
        mut attempt: impl FnMut() -> F + Send,
        is_worth_it: impl Fn(&E) -> bool + Send,
    ) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>> + Send,
        E: Send,
    {
        let mut tries = self.tries();
        loop {
            let Err(error) = attempt().await else {
                return Ok(());
            };
            let pause = if is_worth_it(&error) { tries.pause() } else { None };
            let Some(pause) = pause else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            tries.begin();
        }
    }
}

/// The tries of what has to be produced anew for each, such as a stream.
///
/// They share the time of one operation. Of each try only what it may have waited in vain counts: bytes that moved for
/// longer are no reason to give up.
#[derive(Debug)]
pub struct Tries {
    policy: RetryPolicy,
    pauses: ExponentialBackoff,
    spent: Duration,
    began: Instant,
}

impl Tries {
    /// Begins the next try.
    pub fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// Forgets the tries before this one, because it got on: a long way over a bad line may break off often.
    pub fn got_on(&mut self) {
        self.pauses = self.policy.backoff().build();
        self.spent = Duration::ZERO;
    }

    /// Returns the pause after a try that failed; none where it was the last.
    pub fn pause(&mut self) -> Option<Duration> {
        let in_vain = self.policy.answer + self.policy.stall;
        self.spent += self.began.elapsed().min(in_vain);
        self.pauses
            .next()
            .filter(|pause| self.spent + *pause < self.policy.operation)
    }
}

#[cfg(test)]
mod tests {
    use backon::BackoffBuilder as _;

    use super::*;

    #[test]
    fn pauses_grow_and_are_lengthened_by_chance() {
        let pauses = || -> Vec<Duration> { RetryPolicy::default().backoff().build().collect() };
        let (one, other) = (pauses(), pauses());
        for (at, pause) in one.iter().enumerate() {
            let least = Duration::from_millis(250 << at);
            assert!((least..=2 * least).contains(pause), "{one:?}");
        }
        assert_eq!(one.len(), 5);
        assert_ne!(
            one, other,
            "clients that fail together must not come back together"
        );
    }
}
