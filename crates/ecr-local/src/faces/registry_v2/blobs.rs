//! Blobs, whole or in part.

use std::io::SeekFrom;
use std::ops::Range;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::error::OciError;
use super::request::{CONTENT_DIGEST, DataPlaneRequest, value};
use crate::refusal::Refusal;
use crate::services::storage_grants::StorageGrant;
use crate::state::EmulatorState;
use tagship_domain::reference::{Digest, RepositoryName};

/// Bytes that are read from the disk at once.
const PIECE: usize = 256 * 1024;

/// `GET` and `HEAD` of a blob.
pub(super) async fn get(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    digest: Digest,
) -> Result<Response, OciError> {
    let size = request
        .look_up(|registry| registry.layer(&repository, &digest))?
        .ok_or(Refusal::LayerNotFound { digest, repository })?;
    if request.addresses.storage_port.is_some() && request.parts.method == Method::GET {
        let grant = StorageGrant::seal(request.state, digest, size)?;
        let address = request.base.storage(request.addresses, &grant);
        let location = [(header::LOCATION, value(&address)?)];
        return Ok((StatusCode::TEMPORARY_REDIRECT, location).into_response());
    }
    serve(request.state, request.parts, digest, size).await
}

/// Sends a blob, or the part of it that is asked for.
pub(super) async fn serve(
    state: &EmulatorState,
    parts: &Parts,
    digest: Digest,
    size: u64,
) -> Result<Response, OciError> {
    let blobs = state.registry.blobs();
    if !blobs.is_verified(&digest, size) {
        let blobs = blobs.clone();
        let verified = tokio::task::spawn_blocking(move || blobs.verify(&digest, size)).await;
        verified.map_err(Refusal::from)?.map_err(Refusal::from)?;
    }
    let part = parts
        .headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok())
        .map_or(Part::Whole, |text| Part::parse(text, size));
    let (status, range) = match part {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Nothing => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            response
                .headers_mut()
                .insert(header::CONTENT_RANGE, value(&format!("bytes */{size}"))?);
            return Ok(response);
        }
    };
    let length = range.end - range.start;
    let body = if parts.method == Method::HEAD {
        Body::empty()
    } else {
        let path = blobs.path(&digest);
        let mut file = File::open(path).await.map_err(Refusal::from)?;
        file.seek(SeekFrom::Start(range.start))
            .await
            .map_err(Refusal::from)?;
        Body::from_stream(ReaderStream::with_capacity(file.take(length), PIECE))
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_LENGTH, length.into()),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CONTENT_DIGEST, value(&digest.to_string())?),
    ];
    let mut response = (status, headers, body).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        response
            .headers_mut()
            .insert(header::CONTENT_RANGE, value(&range)?);
    }
    Ok(response)
}

/// What part of a blob is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Some(Range<u64>),
    Nothing,
}

impl Part {
    /// Reads a `Range` header; what is not one range of bytes is ignored. Source: RFC 9110, section 14.2.
    fn parse(text: &str, size: u64) -> Self {
        let Some((first, last)) = text
            .strip_prefix("bytes=")
            .filter(|ranges| !ranges.contains(','))
            .and_then(|range| range.split_once('-'))
        else {
            return Self::Whole;
        };
        let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
            (Ok(first), Err(_)) if last.trim().is_empty() => first..size,
            (Err(_), Ok(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
            _ => return Self::Whole,
        };
        if range.start < range.end {
            Self::Some(range)
        } else {
            Self::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9110, section 14.1.2, has the examples for a representation of 10,000 bytes.
    #[test]
    fn ranges_follow_rfc_9110() {
        for (text, part) in [
            ("bytes=0-499", Part::Some(0..500)),
            ("bytes=500-999", Part::Some(500..1000)),
            ("bytes=-500", Part::Some(9500..10_000)),
            ("bytes=9500-", Part::Some(9500..10_000)),
            ("bytes=9500-20000", Part::Some(9500..10_000)),
            ("bytes=0-0,-1", Part::Whole),
            ("bytes=10000-", Part::Nothing),
            ("bytes=-0", Part::Nothing),
            ("bytes=5-4", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=x", Part::Whole),
        ] {
            assert_eq!(Part::parse(text, 10_000), part, "{text}");
        }
    }
}
