//! Why a build failed: the engine's words, sorted into ours.

mod details;
mod push;
mod wording;

use tonic::Status;

use super::BuildError;
use super::progress::Progress;
use crate::domain::build::BuildRequest;
use crate::domain::reference::ImageName;
use details::Details;

/// The most characters of a foreign message that are kept.
const MAX_MESSAGE: usize = 2000;

/// What a failed build means.
pub(super) fn classify(status: &Status, progress: &Progress, request: &BuildRequest, image: &ImageName) -> BuildError {
    let details = Details::of(status);
    tracing::debug!(message = status.message(), ?details, "the build failed");
    let location = details.location(progress.dockerfile()).or_else(|| wording::line(status.message(), progress.dockerfile()));
    let message = wording::without_wrappers(status.message());
    if let Some(error) = push::classify(message, image) {
        return error.into();
    }
    let step = progress.failed_step(details.vertex.as_deref());
    wording::classify(message, details.exit_code, step, location, request)
}

/// A foreign message on one line: without control characters, and not longer than it can be of use.
pub(super) fn clean(message: &str) -> String {
    let mut cleaned = String::new();
    for c in message.trim().chars().take(MAX_MESSAGE) {
        match c {
            '\n' | '\t' | '\r' => {
                if !cleaned.ends_with(' ') {
                    cleaned.push(' ');
                }
            }
            c if c.is_control() => cleaned.push('\u{fffd}'),
            c => cleaned.push(c),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests;
