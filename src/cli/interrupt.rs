//! Signals that end a run.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a run may take to end by itself after a signal: what it waits for may be deaf, such as a slow disk.
///
/// Source: the runner cancels a step by SIGINT, after 7.5 s by SIGTERM, and after 2.5 s more by SIGKILL.
const GRACE: Duration = Duration::from_secs(4);

/// SIGINT and SIGTERM, which otherwise do nothing to the first process of a container.
#[derive(Clone)]
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Takes both signals from now on, on a thread of its own, so that no work is too busy to be interrupted.
    ///
    /// `heard` is done at once, for what waits on no future, and `deaf` when the process goes on all the same.
    pub(super) fn install(
        heard: impl FnOnce() + Send + 'static,
        deaf: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = watch::channel(false);
        let (tell, installed) = mpsc::channel();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || listen(&sender, &tell, heard, deaf))?;
        installed.recv().map_err(io::Error::other)??;
        Ok(Self(receiver))
    }

    /// Whether one of them has come.
    pub(super) fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when one of them has come.
    pub(super) async fn come(mut self) {
        if self.0.wait_for(|has_come| *has_come).await.is_err() {
            // Nothing listens any more.
            std::future::pending::<()>().await;
        }
    }
}

fn listen(
    sender: &watch::Sender<bool>,
    tell: &mpsc::Sender<io::Result<()>>,
    heard: impl FnOnce(),
    deaf: impl FnOnce(),
) {
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(tell.send(Err(error))),
    };
    runtime.block_on(async {
        let signals = signal(SignalKind::interrupt())
            .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        let (mut interrupt, mut terminate) = match signals {
            Ok(signals) => signals,
            Err(error) => return drop(tell.send(Err(error))),
        };
        tell.send(Ok(())).ok();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        sender.send_replace(true);
        heard();
        tokio::time::sleep(GRACE).await;
        deaf();
    });
}
