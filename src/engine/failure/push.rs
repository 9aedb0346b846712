//! What a failed push by the engine means.

use crate::ports::RegistryError;
use oci_registry::missing_permission;
use tagship_domain::reference::{ImageName, RegistryHost};

/// What a failed push means, if the push is what failed.
///
/// Source: containerd, `core/remotes/docker/pusher.go` and BuildKit, `util/push`.
pub(super) fn classify(message: &str, image: &ImageName) -> Option<RegistryError> {
    let message = message.strip_prefix("failed to push ").or_else(|| {
        // Uploads and their authorization fail before the push itself is named.
        let names_us = message.contains(&format!("//{}/v2/", image.registry));
        names_us.then_some(message)
    })?;
    let host = image.registry.clone();
    let cleaned = super::on_one_line(message);
    let any = |words: &[&str]| words.iter().any(|word| cleaned.contains(word));
    Some(
        if any(&[
            "does not exist in the registry",
            "NAME_UNKNOWN",
            "name unknown",
            "repository name not known",
        ]) {
            RegistryError::RepositoryMissing {
                repository: image.repository.clone(),
                host,
            }
        } else if any(&[
            "401 Unauthorized",
            "no basic auth credentials",
            "authorization failed",
            "authentication required",
        ]) {
            RegistryError::Unauthorized {
                host,
                message: cleaned,
            }
        } else if let Some(action) = missing_permission(&cleaned) {
            RegistryError::not_permitted(action, &image.repository, &cleaned)
        } else if any(&["403 Forbidden", "denied"]) {
            // ECR says so of a password that has expired, too.
            RegistryError::Unauthorized {
                host,
                message: cleaned,
            }
        } else if is_of_lost_session(&cleaned) {
            unavailable(host, cleaned)
        } else if any(&[" 400 ", " 404 ", " 405 ", " 413 ", "unsupported"]) {
            RegistryError::Refused {
                host,
                operation: "the push".into(),
                message: cleaned,
            }
        } else {
            unavailable(host, cleaned)
        },
    )
}

fn unavailable(host: RegistryHost, message: String) -> RegistryError {
    RegistryError::Unavailable {
        host,
        operation: "the push".into(),
        message,
        was_repeated: false,
    }
}

/// Whether the registry no longer knows an upload that was begun, which a new one helps against.
///
/// Source: OCI distribution spec, "Error Codes", `BLOB_UPLOAD_UNKNOWN`.
fn is_of_lost_session(message: &str) -> bool {
    let is_of_upload = ["PUT", "PATCH"]
        .iter()
        .any(|method| message.contains(&format!("from {method} request to ")));
    is_of_upload && message.contains("/blobs/uploads/") && message.contains(" 404 ")
}

/// What a refusal means that a new password does not help against: the role may not write, and the engine keeps
/// the registry's words about it to itself.
///
/// Source: containerd, `core/remotes/docker`: `unexpected status from POST request to URL: 403 Forbidden`.
pub(in crate::engine) fn refused_again(error: RegistryError, image: &ImageName) -> RegistryError {
    let RegistryError::Unauthorized { message, .. } = &error else {
        return error;
    };
    let request = message
        .split_once("unexpected status from ")
        .map_or("", |(_, request)| request);
    let Some(method) = request
        .split(' ')
        .next()
        .filter(|_| request.contains("403 Forbidden"))
    else {
        return error;
    };
    let is_manifest = request.contains("/manifests/");
    let action = match method {
        "HEAD" | "GET" if is_manifest => "ecr:BatchGetImage",
        "HEAD" => "ecr:BatchCheckLayerAvailability",
        "POST" => "ecr:InitiateLayerUpload",
        "PUT" if is_manifest => "ecr:PutImage",
        // The bytes, and with them the end of the upload: the registry does not say which of the two it refuses.
        "PATCH" | "PUT" => "ecr:UploadLayerPart",
        _ => return error,
    };
    RegistryError::NotPermitted {
        action: action.to_owned(),
        repository: image.repository.clone(),
    }
}
