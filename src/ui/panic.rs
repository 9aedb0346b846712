//! What is shown when the program stops in the middle.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use tagship_domain::error::{Diagnose, FailureKind};

use super::Diagnosis;

/// Why the program stopped in the middle.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Stopped {
    /// It is wrong itself.
    #[error("Tagship {} stopped{place}: this is a bug", crate::ui::VERSION)]
    Bug {
        /// ` at file:line`, where it is known.
        place: String,
    },
    /// The machine is at one of its limits, for which libraries have no error.
    #[error("the operating system gives no more threads")]
    OutOfThreads,
}

impl Stopped {
    /// What a panic means. Its text is not kept, because it may hold a value that is secret.
    pub fn by(panic: &PanicHookInfo<'_>) -> Self {
        if panic.payload_as_str().is_some_and(is_about_threads) {
            return Self::OutOfThreads;
        }
        let place = panic
            .location()
            .map(|place| format!(" at {}:{}", place.file(), place.line()));
        Self::Bug {
            place: place.unwrap_or_default(),
        }
    }
}

/// Source: tokio, `runtime/blocking/pool.rs`; the standard library, `thread::spawn`.
fn is_about_threads(text: &str) -> bool {
    ["OS can't spawn worker thread", "failed to spawn thread"]
        .iter()
        .any(|known| text.starts_with(known))
}

impl Diagnose for Stopped {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Bug { .. } => FailureKind::Bug,
            Self::OutOfThreads => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        Some(match self {
            Self::Bug { .. } => concat!(
                "report it at ",
                env!("CARGO_PKG_REPOSITORY"),
                "/issues, with this line"
            )
            .into(),
            Self::OutOfThreads => {
                "raise the limit of processes (`ulimit -u`, `pids` of the container)".into()
            }
        })
    }
}

/// Shows an error on stderr when nothing else of the program can be relied on.
pub fn show_without_renderer(diagnosis: &Diagnosis) {
    writeln!(std::io::stderr(), "{}", diagnosis.plain()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_threads_is_no_bug() {
        // What both say on a machine at its limit.
        assert!(is_about_threads(
            "OS can't spawn worker thread: Resource temporarily unavailable (os error 11)"
        ));
        assert!(is_about_threads(
            "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }"
        ));
        assert!(!is_about_threads("index out of bounds"));
        assert_eq!(Stopped::OutOfThreads.kind(), FailureKind::Operation);
    }
}
