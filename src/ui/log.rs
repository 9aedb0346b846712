//! Tagship's own log.

use std::io;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::Renderer;

/// Whose log is shown: that of other libraries never, because it can hold headers with credentials.
const OWN: [&str; 3] = ["tagship", "oci_registry", "buildkit_session"];

/// Shows Tagship's own log.
pub(super) fn install(verbosity: u8, renderer: &Arc<dyn Renderer>) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_writer(LogLines(Arc::clone(renderer)));
    // A second set-up within one process, as tests do it, keeps the first.
    tracing_subscriber::registry()
        .with(lines)
        .with(Targets::new().with_targets(OWN.map(|target| (target, level))))
        .try_init()
        .ok();
}

/// Hands each line of the log to the voice.
#[derive(Clone)]
struct LogLines(Arc<dyn Renderer>);

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            self.0.log(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
