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
pub(super) fn classify(
    status: &Status,
    progress: &Progress,
    request: &BuildRequest,
    image: &ImageName,
) -> BuildError {
    let details = Details::of(status);
    tracing::debug!(message = status.message(), ?details, "the build failed");
    if let Some(error) = push::classify(status.message(), image) {
        return error.into();
    }
    wording::classify(
        status.message(),
        details.exit_code,
        progress.failed_step(details.vertex.as_deref()),
        details.location(progress.dockerfile()),
        progress.dockerfile(),
        request,
    )
}

/// A foreign message on one line: without control characters, and not longer than it can be of use.
pub(super) fn clean(message: &str) -> String {
    let mut cleaned = String::new();
    let mut chars = message.trim().chars();
    for c in chars.by_ref().take(MAX_MESSAGE) {
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
    if chars.next().is_some() {
        cleaned.push('…');
    }
    cleaned
}

#[cfg(test)]
mod tests;
