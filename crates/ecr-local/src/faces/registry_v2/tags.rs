//! Lists of tags and of referrers.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::error::OciError;
use super::request::{DataPlaneRequest, value};
use crate::refusal::Refusal;
use crate::state::store::{ImageStatus, Page};
use tagship_domain::content::OCI_INDEX;
use tagship_domain::reference::{Digest, RepositoryName};

/// `GET …/tags/list`: pages of 100 tags where the client says no number, with an opaque `last`.
///
/// The specification wants all tags where the client says no number, in their order, and a tag as `last`.
pub(super) async fn list(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
) -> Result<Response, OciError> {
    let strict = request.state.quirks.strict_oci;
    let number = request.query("n");
    let size = match (&number, strict) {
        (None, false) => 100,
        (None, true) => usize::MAX,
        (Some(number), false) => page_size(number)?,
        (Some(number), true) => number
            .parse()
            .map_err(|_no_number| OciError::new(400, "UNSUPPORTED", "`n` is not a number"))?,
    };
    let last = request.query("last");
    let name = repository.clone();
    let now = request.state.clock.now();
    let page = request
        .with_registry(move |registry| {
            let inactive = registry.inactive_images(&name, now)?;
            let tags = registry
                .tags(&name)?
                .into_iter()
                .filter(|(_, digest)| !inactive.contains(digest))
                .map(|(tag, _)| tag);
            if strict {
                Ok(in_order(tags.collect(), last.as_deref(), size))
            } else {
                Page::cut(tags, |tag| tag, last.as_deref(), size)
            }
        })
        .await?;
    let body = json!({"name": request.named, "tags": page.items});
    let content_type = [(
        header::CONTENT_TYPE,
        // The second is ECR's for this JSON.
        HeaderValue::from_static(if strict {
            "application/json"
        } else {
            "text/plain; charset=utf-8"
        }),
    )];
    let mut response = (StatusCode::OK, content_type, body.to_string()).into_response();
    if let Some(next) = page.next {
        let number = number.map(|number| format!("&n={number}")).unwrap_or_default();
        let link = format!(
            "<{}/tags/list?last={next}{number}>; rel=\"next\"",
            request.address()
        );
        response.headers_mut().insert(header::LINK, value(&link)?);
    }
    Ok(response)
}

/// The tags after `last`, in lexical order whatever their case.
///
/// Source: OCI distribution spec, "Listing Tags".
fn in_order(mut tags: Vec<String>, last: Option<&str>, size: usize) -> Page<String> {
    let key = |tag: &str| (tag.to_ascii_lowercase(), tag.to_owned());
    tags.sort_by_cached_key(|tag| key(tag));
    if let Some(last) = last.map(key) {
        tags.retain(|tag| key(tag) > last);
    }
    let has_more = tags.len() > size && size > 0;
    tags.truncate(size);
    Page {
        next: tags.last().filter(|_| has_more).cloned(),
        items: tags,
    }
}

/// The size of a page that a client asks for.
pub(super) fn page_size(text: &str) -> Result<usize, Refusal> {
    text.parse()
        .ok()
        .filter(|size| (1..=1000).contains(size))
        .ok_or_else(|| Refusal::parameter("maxResults", "Member must have value less than or equal to 1000"))
}

/// `GET …/referrers/<digest>`: an index of the manifests whose subject it is.
///
/// Source: OCI distribution spec, "Listing Referrers".
pub(super) async fn referrers(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    digest: Digest,
) -> Result<Response, OciError> {
    let wanted = request.query("artifactType");
    let filter = wanted.clone();
    let now = request.state.clock.now();
    let manifests = request
        .with_registry(move |registry| {
            let referrers = registry.referrers(&repository, &digest)?;
            let described = registry
                .images(&repository)?
                .into_iter()
                .filter(|image| referrers.contains(&image.digest))
                .filter(|image| image.storage.status(now) == ImageStatus::Active)
                .filter(|image| filter.is_none() || image.artifact_type == filter)
                .map(|image| {
                    json!({
                        "mediaType": image.media_type,
                        "digest": image.digest,
                        "size": image.manifest_size,
                        "artifactType": image.artifact_type,
                        "annotations": image.annotations,
                    })
                })
                .collect::<Vec<Value>>();
            Ok(described)
        })
        .await?;
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(OCI_INDEX))];
    let mut response = (StatusCode::OK, content_type, index.to_string()).into_response();
    if wanted.is_some() {
        response.headers_mut().insert(
            HeaderName::from_static("oci-filters-applied"),
            HeaderValue::from_static("artifactType"),
        );
    }
    Ok(response)
}
