//! The time, as the operating system has it.

use jiff::Timestamp;

use crate::ports::Clock;

/// The system's clock: the only place where Tagship asks what time it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
