//! What BuildKit's messages mean.

use super::on_one_line;
use crate::engine::places::DockerfilePlaces;
use crate::ports::BuildError;
use buildkit_session::{Error, FailedStep};
use tagship_domain::build::BuildRequest;
use tagship_domain::location::SourceLocation;

/// What callers within BuildKit put before a message.
const WRAPPERS: [&str; 9] = [
    "failed to solve: ",
    "failed to solve with frontend dockerfile.v0: ",
    "failed to solve with frontend gateway.v0: ",
    "failed to create LLB definition: ",
    "failed to build LLB: ",
    "failed to compute cache key: ",
    "failed to load cache key: ",
    "failed to prepare build: ",
    "rpc error: code = Unknown desc = ",
];

/// What a pull by way of a pull-through cache may lack: a registry says so of a `GET` alone, and builders ask by `HEAD`.
const FIRST_PULL: &str = "; the first pull through the cache needs `ecr:BatchImportUpstreamImage`, and `ecr:CreateRepository` where \
                          its repository is missing";

/// What a message means, in the words of BuildKit from 0.8 (Engine 20.10) to 0.25 (Engine 28.5).
///
/// `exit_code` is known from the engine's details where it gives some, `location` from those or from the step.
pub(super) fn classify(
    message: &str,
    exit_code: Option<i32>,
    step: Option<FailedStep>,
    location: Option<SourceLocation>,
    places: &DockerfilePlaces<'_>,
    request: &BuildRequest,
) -> BuildError {
    let made_no_steps = message.contains("failed to create LLB definition: ");
    let message = without_wrappers(message);
    if message.contains("no space left on device") {
        return BuildError::NoSpace;
    }
    if let Some(id) = secret(message) {
        return BuildError::Engine(Error::Secret {
            id,
            problem: "is required by a build step, but not given".to_owned(),
        });
    }
    if let Some(target) = request.target.as_ref().filter(|_| is_about_target(message)) {
        return BuildError::TargetMissing {
            target: on_one_line(target),
        };
    }
    if let Some(image) = syntax_image(step.as_ref()) {
        return BuildError::SyntaxImage {
            image,
            message: on_one_line(message),
        };
    }
    if let Some((image, mut message)) = base_image(message, step.as_ref()) {
        if request.cached_bases().any(|(_, address)| address == image) {
            message += FIRST_PULL;
        }
        return BuildError::BaseImage {
            image,
            message,
            location,
        };
    }
    if let Some(path) = missing_source(message) {
        return BuildError::SourceMissing { path, location };
    }
    if let Some(step) = step {
        let exit_code = exit_code.or_else(|| exit_code_in(message));
        // The exit code is all that such a message says.
        let message = exit_code.is_none().then(|| on_one_line(message));
        return BuildError::StepFailed {
            name: step.name,
            exit_code,
            tail: step.tail,
            location,
            message,
        };
    }
    if let Some((line, message)) = parse_error(message) {
        if message.starts_with("unknown instruction") && places.is_in_here_document(line) {
            return BuildError::HereDocument {
                location: places.at(line),
            };
        }
        let location = location.or_else(|| Some(places.at(line)));
        return BuildError::DockerfileInvalid { message, location };
    }
    if made_no_steps || location.is_some() || message.contains("Dockerfile cannot be empty") {
        return BuildError::DockerfileInvalid {
            message: on_one_line(message),
            location,
        };
    }
    BuildError::Failed {
        message: on_one_line(message),
        location,
    }
}

fn without_wrappers(message: &str) -> &str {
    let mut message = message;
    while let Some(inner) = WRAPPERS.iter().find_map(|wrapper| message.strip_prefix(wrapper)) {
        message = inner;
    }
    message
}

/// `secret tok: not found`, earlier `secret tok not found: not found`.
fn secret(message: &str) -> Option<String> {
    let id = message.strip_prefix("secret ")?;
    let id = id
        .strip_suffix(" not found: not found")
        .or_else(|| id.strip_suffix(": not found"))?;
    Some(on_one_line(id))
}

/// `target stage "x" could not be found`, earlier `failed to reach build target x in Dockerfile`.
fn is_about_target(message: &str) -> bool {
    message.starts_with("target stage ") || message.starts_with("failed to reach build target ")
}

/// `resolve image config for docker-image://docker.io/docker/dockerfile:1`, earlier without the scheme: the image that a
/// Dockerfile names with `# syntax=`.
fn syntax_image(step: Option<&FailedStep>) -> Option<String> {
    let image = step?.name.strip_prefix("resolve image config for ")?;
    Some(image.strip_prefix("docker-image://").unwrap_or(image).to_owned())
}

/// `failed to resolve source metadata for x:1: …`; earlier only the failed step's name has the image.
fn base_image(message: &str, step: Option<&FailedStep>) -> Option<(String, String)> {
    if let Some((_, rest)) = message.split_once("failed to resolve source metadata for ") {
        let (image, why) = rest.split_once(": ")?;
        return Some((on_one_line(image), on_one_line(why)));
    }
    let step = step?;
    let named = |part: &str| step.name.split_once(part).map(|(_, image)| image.to_owned());
    // A step of a stage is called `[1/3] FROM x`, an image that is only copied from `FROM x`.
    let image = named("load metadata for ").or_else(|| named("FROM "))?;
    let is_run = step.name.contains(" RUN ") || step.name.contains(" COPY ");
    (!is_run).then(|| {
        (
            image,
            on_one_line(without_wrappers(step.error.as_deref().unwrap_or(message))),
        )
    })
}

/// `… checksum of ref …: "/missing": not found`, earlier `"/missing" not found: not found`.
fn missing_source(message: &str) -> Option<String> {
    if !message.ends_with("not found") || !(message.contains("checksum of ref") || message.starts_with('"')) {
        return None;
    }
    let mut quoted = message.rsplit('"');
    let after = quoted.next()?;
    let path = quoted.next()?;
    (after == ": not found" || after == " not found: not found").then(|| on_one_line(path))
}

/// `dockerfile parse error on line 2: …`, earlier `dockerfile parse error line 2: …`.
fn parse_error(message: &str) -> Option<(u32, String)> {
    let rest = message
        .strip_prefix("dockerfile parse error ")
        .or_else(|| message.strip_prefix("Dockerfile parse error "))?;
    let (line, message) = rest
        .strip_prefix("on ")
        .unwrap_or(rest)
        .strip_prefix("line ")?
        .split_once(": ")?;
    Some((line.parse().ok()?, on_one_line(message)))
}

/// `executor failed running […]: exit code: 7`.
fn exit_code_in(message: &str) -> Option<i32> {
    message.rsplit_once("exit code: ")?.1.parse().ok()
}
