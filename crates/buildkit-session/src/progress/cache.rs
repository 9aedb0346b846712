//! Steps that read or write a cache, which a build goes on without.

use crate::event::{BuildEvent, ProgressSink, Warning};
use tagship_domain::error::cleaned;

/// A step that reads or writes a cache: the build goes on without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheStep {
    /// A cache is read.
    Read,
    /// A cache is written.
    Written,
}

impl CacheStep {
    /// Source: BuildKit, `solver/llbsolver/bridge.go` and the `Name` of every exporter in `cache/remotecache`.
    pub(super) fn of(name: &str) -> Option<Self> {
        if name.starts_with("importing cache manifest from ") {
            return Some(Self::Read);
        }
        let written = ["exporting cache", "exporting to GitHub Actions Cache"];
        written
            .iter()
            .any(|begin| name.starts_with(begin))
            .then_some(Self::Written)
    }

    /// Reports why it failed. A cache that is not there yet is what the first build finds.
    pub(super) fn report(self, error: &str, name: &str, sink: &dyn ProgressSink) {
        let error = cleaned(error);
        match self {
            Self::Read => {
                let from = cleaned(name.trim_start_matches("importing cache manifest from "));
                if error.contains("not found") {
                    return sink.event(BuildEvent::Note(&format!("there is no cache at `{from}` yet")));
                }
                warn(sink, format!("the cache at `{from}` could not be read: {error}"));
            }
            Self::Written => warn(sink, format!("the cache could not be written: {error}")),
        }
    }
}

fn warn(sink: &dyn ProgressSink, message: String) {
    sink.event(BuildEvent::Warning(&Warning {
        message,
        file: None,
        line: None,
    }));
}
