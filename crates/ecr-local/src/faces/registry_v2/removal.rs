//! What only the OCI distribution specification has: manifests, tags and blobs are removed through the data plane.
//!
//! Source: OCI distribution spec, "Content Management".

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::error::OciError;
use super::request::DataPlaneRequest;
use crate::refusal::Refusal;
use crate::state::store::Deletion;
use tagship_domain::reference::{Digest, Reference, RepositoryName};

/// `DELETE` of a tag, which leaves its manifest, or of a manifest with all its tags.
pub(super) async fn manifest(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    reference: Reference,
) -> Result<Response, OciError> {
    let deletion = request
        .with_registry(move |registry| match &reference {
            Reference::Tag(tag) => registry.untag(&repository, tag),
            Reference::Digest(_) => registry.delete_image(&repository, &reference),
        })
        .await?;
    match deletion {
        Deletion::Done { .. } => Ok(StatusCode::ACCEPTED.into_response()),
        Deletion::NotFound => Err(Refusal::ManifestNotFound.into()),
        Deletion::Referenced => Err(OciError::new(405, "UNSUPPORTED", "an index has the manifest")),
    }
}

/// `DELETE` of a blob.
pub(super) async fn blob(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    digest: Digest,
) -> Result<Response, OciError> {
    let name = repository.clone();
    let was_there = request
        .with_registry(move |registry| registry.remove_layer(&name, &digest))
        .await?;
    if was_there {
        Ok(StatusCode::ACCEPTED.into_response())
    } else {
        Err(Refusal::LayerNotFound { digest, repository }.into())
    }
}
