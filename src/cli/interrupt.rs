use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, which otherwise do nothing to the first process of a container.
///
/// Source: the runner cancels a step by SIGINT, after 7.5 s by SIGTERM, and after 2.5 s more by SIGKILL.
pub(super) struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Takes both signals from now on.
    pub(super) fn install() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves at the next of them.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
