//! Manifests.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use super::error::OciError;
use super::request::{CONTENT_DIGEST, DataPlaneRequest, value};
use super::translation;
use crate::manifest::ParsedManifest;
use crate::refusal::Refusal;
use crate::services::follow_up::{self, Pull};
use crate::services::permissions::Sender;
use crate::services::pull_through;
use crate::services::pushes;
use crate::state::store::{ImagePush, RepeatedPush};
use tagship_domain::content::MAX_MANIFEST_BYTES;
use tagship_domain::reference::{Digest, Reference, RepositoryName};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// `GET` and `HEAD` of a manifest.
pub(super) async fn get(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    reference: Reference,
) -> Result<Response, OciError> {
    let by_tag = matches!(reference, Reference::Tag(_));
    let is_pull = request.parts.method == Method::GET;
    let state = Arc::clone(request.state);
    let principal = request.principal.clone();
    let source = request.source();
    let image = request
        .with_registry(move |registry| {
            // Public registries have no caches, and only they are open to everybody.
            if let Some(principal) = &principal {
                let sender = Sender { principal, source };
                pull_through::fetch(&state, registry, sender, &repository, &reference)?;
            }
            let image = registry.active_image(&repository, &reference, state.clock.now())?;
            // Pulls from a public registry name no puller.
            if let (Some(image), Some(principal), true) = (&image, &principal, is_pull) {
                let pull = Pull {
                    registry,
                    repository: &repository,
                    digest: &image.digest,
                    principal,
                };
                follow_up::pulled(&state, &pull)?;
            }
            Ok(image)
        })
        .await?
        .ok_or(Refusal::ManifestNotFound)?;
    let quirks = request.state.quirks;
    let accepts = |media_type: &str| accepts(&request.parts.headers, media_type);
    // By digest nothing is ever translated.
    if !by_tag || quirks.strict_oci || accepts(&image.media_type) {
        return found(&image.media_type, image.digest, image.bytes);
    }
    // ECR translates what the client does not accept, and gives another digest then. Unless that is asked for it is
    // refused here, because a silent other digest is what must not happen.
    let translated = quirks
        .translate_manifests
        .then(|| translation::of(&image.bytes))
        .flatten()
        .filter(|(media_type, _)| accepts(media_type));
    let (media_type, bytes) = translated.ok_or_else(|| {
        OciError::new(
            404,
            "MANIFEST_UNKNOWN",
            format!(
                "the image is stored as {}, which the Accept header lacks; this emulator does not translate",
                image.media_type
            ),
        )
    })?;
    found(media_type, Digest::of(&bytes), bytes)
}

/// A manifest. For `HEAD` the server leaves the body out.
fn found(media_type: &str, digest: Digest, bytes: Bytes) -> Result<Response, OciError> {
    let headers = [
        (header::CONTENT_TYPE, value(media_type)?),
        (CONTENT_DIGEST, value(&digest.to_string())?),
        (header::CONTENT_LENGTH, bytes.len().into()),
    ];
    Ok((StatusCode::OK, headers, bytes).into_response())
}

/// Whether the client takes `media_type`; anything if it says nothing. Source: RFC 9110, section 12.5.1.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut any = false;
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .filter(|range| !range.is_empty())
        .inspect(|_| any = true)
        .any(|range| range == media_type || range == "*/*" || range == "application/*");
    accepted || !any
}

/// `PUT` of a manifest.
pub(super) async fn put(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    reference: Reference,
    body: Body,
) -> Result<Response, OciError> {
    // A missing repository is reported before the body is looked at.
    request.prepare_push(&repository).await?;
    let bytes = axum::body::to_bytes(body, MAX_MANIFEST_BYTES)
        .await
        .map_err(|_too_long_or_broken| {
            Refusal::parameter("ImageManifest", "Member must have length between 1 and 4194304")
        })?;
    let stated = request
        .header(&header::CONTENT_TYPE)
        .map(|text| text.split(';').next().unwrap_or_default().trim())
        .filter(|text| !text.is_empty());
    let quirks = request.state.quirks;
    let manifest = ParsedManifest::parse(bytes, stated, quirks.digests())
        .map_err(|refusal| request.invalid("MANIFEST_INVALID", refusal))?;
    let subject = manifest.subject();
    let (tag, digest) = match reference {
        Reference::Tag(tag) => (Some(tag), None),
        Reference::Digest(digest) => (None, Some(digest)),
    };
    let algorithm = digest.as_ref().map(Digest::algorithm).unwrap_or_default();
    let push = ImagePush {
        registry: request.registry.clone(),
        repository,
        manifest: manifest.named_by(algorithm),
        tag,
        digest,
        repeat: if quirks.accept_same_digest || quirks.strict_oci {
            RepeatedPush::Accept
        } else {
            RepeatedPush::RefuseProtected
        },
        wording: quirks.immutable_wording,
        at: request.state.clock.now(),
    };
    let digest = pushes::push(request.state, request.pushes, push, request.principal()?)
        .await
        .map_err(|refusal| request.refused(refusal))?;
    let location = format!("{}/manifests/{digest}", request.address());
    let headers = [
        (header::LOCATION, value(&location)?),
        (CONTENT_DIGEST, value(&digest.to_string())?),
    ];
    let mut response = (StatusCode::CREATED, headers).into_response();
    if let Some(subject) = subject {
        response
            .headers_mut()
            .insert(SUBJECT, value(&subject.to_string())?);
    }
    Ok(response)
}
