//! Which requests are repeated, and when.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use jiff::{SignedDuration, Timestamp};

use crate::ports::Clock;

/// Whether a failed request is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryClass {
    /// It will fail again.
    Never,
    /// It is a refusal, which IAM also gives for some seconds after a change, or nothing listens: few tries, fast.
    Soon,
    /// The network, an overloaded service or the identity provider: many tries, ever slower.
    Later,
}

/// How long one goal is pursued. Tries never end with a wait.
pub(super) struct RetryPolicy {
    started: Timestamp,
    soon: ExponentialBackoff,
    later: ExponentialBackoff,
}

impl RetryPolicy {
    /// No refused request is repeated after this time, so that a wrong trust policy is reported within 10 seconds.
    const SOON_ENDS: SignedDuration = SignedDuration::from_secs(8);
    /// Nothing is repeated after this time.
    const LATER_ENDS: SignedDuration = SignedDuration::from_secs(90);

    /// The longest that a goal takes: the last try may begin at the end, and has two requests.
    pub(super) const LONGEST: Duration = Duration::from_mins(2);

    pub(super) fn begin(clock: &dyn Clock) -> Self {
        Self {
            started: clock.now(),
            soon: ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(400))
                .with_max_times(3)
                .with_jitter()
                .build(),
            later: ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(500))
                .with_max_delay(Duration::from_secs(10))
                .without_max_times()
                .with_total_delay(Some(Duration::from_secs(75)))
                .with_jitter()
                .build(),
        }
    }

    /// The wait before the next try; `None` if there is none.
    pub(super) fn wait(&mut self, retry_class: RetryClass, clock: &dyn Clock) -> Option<Duration> {
        let (delay, end) = match retry_class {
            RetryClass::Never => return None,
            RetryClass::Soon => (self.soon.next()?, Self::SOON_ENDS),
            RetryClass::Later => (self.later.next()?, Self::LATER_ENDS),
        };
        let elapsed = clock.now().duration_since(self.started);
        let next = elapsed.saturating_add(SignedDuration::try_from(delay).ok()?);
        (next <= end).then_some(delay)
    }
}
