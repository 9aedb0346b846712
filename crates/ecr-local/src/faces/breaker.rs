//! Breaks the connection of a request, where a test ordered that.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Breaks the connection of a request, as a network does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaker(Arc<AtomicBool>);

impl Breaker {
    /// Nothing more is read or written; the peer sees a reset.
    pub(crate) fn trip(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Fails once it is tripped.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}
