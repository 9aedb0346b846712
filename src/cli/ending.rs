//! What is still written when a run stops in the middle: by a bug, or by a signal that its work does not hear.

use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use crate::ui::{self, Diagnosis, Stopped};

/// The longest that the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(3);

type LastWords = Box<dyn FnOnce(Diagnosis) + Send>;

/// What the run under way wants to be written.
static WILL: Mutex<Option<LastWords>> = Mutex::new(None);
/// Whether the process ends already.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// Leaves word of what is to be written when the run stops in the middle.
pub(super) fn leave(will: impl FnOnce(Diagnosis) + Send + 'static) {
    *WILL.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(will));
}

/// Takes that back: the run has come to an end and writes it itself.
pub(super) fn revoke() {
    drop(WILL.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Makes every panic write all that a failed run writes, and end the process with exit code 70.
///
/// The panic's own text is left out, because it may hold a value that is secret. The process ends here: the release
/// build aborts after a panic, and an abort has an exit code that says nothing. A damaged database of the embedded ECR, which
/// its library may panic over, is no bug.
pub fn install_panic_handler() {
    panic::set_hook(Box::new(|panic| match ecr_local::error_of_panic() {
        Some(damaged) => stop(&Diagnosis::of(&damaged)),
        None => stop(&Diagnosis::of(&Stopped::by(panic))),
    }));
}

/// Writes the last words and ends the process.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "no caller is left to return a code to"
)]
pub(super) fn stop(diagnosis: &Diagnosis) {
    if STOPPING.swap(true, Ordering::SeqCst) {
        // Another thread is at it, or waits for this one.
        thread::sleep(2 * LAST_WORDS);
    } else if !is_written(diagnosis) {
        ui::show_without_renderer(diagnosis);
    }
    std::process::exit(i32::from(diagnosis.exit_code()));
}

/// Does what the run left word of, on a thread of its own: the one that stopped may hold locks.
fn is_written(diagnosis: &Diagnosis) -> bool {
    let Some(will) = WILL.try_lock().ok().and_then(|mut will| will.take()) else {
        return false;
    };
    let (done, waits) = mpsc::channel();
    let diagnosis = diagnosis.clone();
    let writer = move || {
        will(diagnosis);
        done.send(()).ok();
    };
    match thread::Builder::new().spawn(writer) {
        Ok(_) => waits.recv_timeout(LAST_WORDS).is_ok(),
        Err(_) => false,
    }
}
