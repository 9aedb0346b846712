//! The emulator's clock: the machine's, shifted by a settable offset.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Has the emulator's time. Everything that expires, expires by this clock, but signatures.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// Seconds.
    offset: AtomicI64,
}

impl Clock {
    /// The time now, or the end of time where the offset would lead past it.
    pub(crate) fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.offset());
        self.machine()
            .checked_add(offset)
            .unwrap_or(if offset.is_negative() {
                Timestamp::MIN
            } else {
                Timestamp::MAX
            })
    }

    /// The machine's time, which clients sign their requests by.
    #[expect(
        clippy::unused_self,
        clippy::disallowed_methods,
        reason = "this is the emulator's clock"
    )]
    pub(crate) fn machine(&self) -> Timestamp {
        Timestamp::now()
    }

    /// By how many seconds the clock is ahead of the machine's.
    pub(crate) fn offset(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Sets the clock `seconds` ahead of the machine's; negative for behind.
    pub(crate) fn set_offset(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_the_time_and_never_overflows() {
        let clock = Clock::default();
        let before = clock.now();
        clock.set_offset(86_400);
        assert!(clock.now() >= before + SignedDuration::from_hours(24));
        clock.set_offset(i64::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
        clock.set_offset(i64::MIN);
        assert_eq!(clock.now(), Timestamp::MIN);
    }
}
