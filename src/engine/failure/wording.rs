use super::clean;
use crate::domain::build::BuildRequest;
use crate::engine::progress::{DockerfileName, FailedStep};
use crate::engine::{BuildError, SourceLocation};

/// What a message means, in the words of BuildKit from 0.8 (Engine 20.10) to 0.25 (Engine 28.5).
pub(super) fn classify(
    message: &str,
    exit_code: Option<i32>,
    step: Option<FailedStep>,
    location: Option<SourceLocation>,
    request: &BuildRequest,
) -> BuildError {
    if message.contains("no space left on device") {
        return BuildError::NoSpace;
    }
    BuildError::Failed { message: clean(message), location: location.filter(|_| exit_code.is_none() || step.is_none() || request.no_cache) }
}

/// The message itself, behind the callers' names that BuildKit puts before it.
pub(super) fn without_wrappers(message: &str) -> &str {
    message
}

/// The line that a message itself names.
pub(super) fn line(_message: &str, _dockerfile: &DockerfileName) -> Option<SourceLocation> {
    None
}
