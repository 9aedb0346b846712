//! Blobs that are taken from another repository.

use super::error::OciError;
use super::request::DataPlaneRequest;
use crate::services::account_settings::mounts_blobs;
use tagship_domain::reference::{Digest, RepositoryName};

/// Mounts the blob of another repository that `POST` names, and gives its digest; `None` if that may not be, and
/// the client has to upload it.
///
/// Source: ECR user guide, "Blob mounting in Amazon ECR".
pub(super) async fn mount(
    request: &DataPlaneRequest<'_>,
    repository: &RepositoryName,
) -> Result<Option<Digest>, OciError> {
    let digest = request
        .query("mount")
        .and_then(|digest| Digest::parse(&digest).ok());
    let from = request
        .query("from")
        .and_then(|name| RepositoryName::parse(&name).ok());
    let (Some(digest), Some(from)) = (digest, from) else {
        return Ok(None);
    };
    if request.registry.is_public() {
        return Ok(None);
    }
    if request.permit_all(&from, &["GetDownloadUrlForLayer"]).is_err() {
        return Ok(None);
    }
    let repository = repository.clone();
    let mounted = request
        .with_registry(move |registry| {
            Ok(mounts_blobs(registry)? && registry.mount_layer(&from, &repository, &digest)?)
        })
        .await?;
    Ok(mounted.then_some(digest))
}
