//! How long a registry is waited for.

use std::time::Duration;

use backon::ExponentialBuilder;

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
