//! Why a build failed: the engine's words, sorted into ours.

mod details;
mod push;
mod wording;

use tonic::Status;

use super::places::DockerfilePlaces;
use crate::ports::BuildError;
use buildkit_session::Progress;
use details::Details;
pub(super) use push::refused_again;
use tagship_domain::build::BuildRequest;
use tagship_domain::reference::ImageName;
use tagship_domain::untrusted::Untrusted;

/// A build's message on one line. Commands stand in it, so it may be long.
fn on_one_line(message: &str) -> String {
    Untrusted::message(message).to_string()
}

/// What a failed build means.
pub(super) fn classify(
    status: &Status,
    progress: &Progress,
    request: &BuildRequest,
    image: Option<&ImageName>,
) -> BuildError {
    let details = Details::of(status);
    let message = request.build_args.redact(status.message());
    tracing::debug!(%message, ?details, "the build failed");
    let is_of_base = request
        .cached_bases()
        .any(|(_, address)| message.contains(&format!("metadata for {address}: ")));
    let pushed = image.filter(|_| !is_of_base);
    if let Some(error) = pushed.and_then(|image| push::classify(&message, image)) {
        return error.into();
    }
    let places = DockerfilePlaces::of(request, progress.dockerfile());
    let step = progress.failed_step(details.vertex.as_deref());
    let location = details
        .location(&places)
        .or_else(|| places.of_step(&step.as_ref()?.name));
    wording::classify(&message, details.exit_code, step, location, &places, request)
}

#[cfg(test)]
mod tests;
