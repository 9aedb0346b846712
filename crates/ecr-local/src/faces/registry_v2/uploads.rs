//! Uploads of blobs.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::TryReadyChunksError;
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;

use super::error::{OciError, received};
use super::request::{CONTENT_DIGEST, DataPlaneRequest, UPLOAD_ID, value};
use crate::refusal::Refusal;
use crate::services::account_settings::mounts_blobs;
use crate::state::store::{PartialBlob, RepeatedPush};
use crate::state::uploads::{Parts, Upload};
use tagship_domain::reference::{Digest, RepositoryName};

/// Pieces that go to the disk together, at most, where more have arrived than one; a piece has at most 64 KiB.
const PIECES: usize = 8;

/// How often so many may wait for the disk.
const WAITING: usize = 2;

/// `POST`: mounts a blob where that is asked for and allowed; else it is a new upload, each time.
pub(super) async fn start(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
) -> Result<Response, OciError> {
    check_algorithm(request)?;
    request.prepare_push(&repository).await?;
    if let Some(digest) = mount(request, &repository).await? {
        return stored(request, digest);
    }
    let (name, now) = (repository.clone(), request.state.clock.now());
    let rules = if request.state.quirks.strict_oci {
        Parts::Any
    } else {
        Parts::AsEcr
    };
    let upload = request
        .with_registry(move |registry| Upload::begin(registry, &name, rules, now))
        .await?;
    let response = progress(request, &upload.id, StatusCode::ACCEPTED, 0)?;
    request.state.uploads.put(upload);
    Ok(response)
}

/// Checks the algorithm that a client says it will name the blob by. ECR reads no such parameter.
///
/// Source: OCI distribution spec, "Pushing blobs", `digest-algorithm`.
fn check_algorithm(request: &DataPlaneRequest<'_>) -> Result<(), OciError> {
    let quirks = request.state.quirks;
    let is_known = |named: &String| {
        let mut taken = quirks.digests().algorithms().iter();
        taken.any(|algorithm| algorithm.name() == named)
    };
    match request.query("digest-algorithm") {
        Some(named) if quirks.strict_oci && !is_known(&named) => {
            let problem = "the digest algorithm is not one of the registered ones that are taken";
            Err(OciError::new(400, "DIGEST_INVALID", problem))
        }
        _ => Ok(()),
    }
}

/// `GET`: how much of an upload is there.
pub(super) fn status(
    request: &DataPlaneRequest<'_>,
    repository: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    let length = request.state.uploads.length(&request.registry, repository, id)?;
    progress(request, id, StatusCode::NO_CONTENT, length)
}

/// `DELETE`: gives an upload up.
pub(super) fn cancel(
    request: &DataPlaneRequest<'_>,
    repository: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    request.state.uploads.take(&request.registry, repository, id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `PATCH`: a part. ECR answers 201, where the specification has 202.
///
/// Its `Range` has been seen to stop at the second part, however many follow.
pub(super) async fn part(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    let mut upload = open(request, &repository, id)?;
    let before = upload.blob.length();
    let takes_more = upload.takes_more();
    upload.blob = receive(upload.blob, body, takes_more).await?;
    upload.part_added(before, request.state.clock.now());
    let quirks = request.state.quirks;
    let known = if quirks.stall_ranges {
        upload.second_part_end
    } else {
        upload.blob.length()
    };
    request.state.uploads.put(upload);
    let status = if quirks.strict_oci {
        StatusCode::ACCEPTED
    } else {
        StatusCode::CREATED
    };
    progress(request, id, status, known)
}

/// `PUT`: the last part, or all of the blob, or nothing after a `PATCH`; then the blob is part of the repository.
pub(super) async fn complete(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    let stated = request
        .query("digest")
        .ok_or_else(|| Refusal::parameter("LayerDigests", "Member must not be null"));
    let stated = stated
        .and_then(|text| {
            let digests = request.state.quirks.digests();
            digests
                .parse(&text)
                .map_err(|invalid| Refusal::parameter("LayerDigests", invalid))
        })
        .map_err(|refusal| request.invalid("DIGEST_INVALID", refusal))?;
    let mut upload = open(request, &repository, id)?;
    let takes_more = upload.takes_more();
    upload.blob = receive(upload.blob, body, takes_more).await?;
    request
        .with_registry(move |_| upload.complete(&[stated], RepeatedPush::Accept))
        .await?;
    stored(request, stated)
}

/// The answer when the repository has the blob.
fn stored(request: &DataPlaneRequest<'_>, digest: Digest) -> Result<Response, OciError> {
    let location = format!("{}/blobs/{digest}", request.address());
    let headers = [
        (header::LOCATION, value(&location)?),
        (CONTENT_DIGEST, value(&digest.to_string())?),
    ];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// Takes an upload out to write the next part, after checking that the part begins where the last one ended.
fn open(request: &DataPlaneRequest<'_>, repository: &RepositoryName, id: &str) -> Result<Upload, OciError> {
    let state = request.state;
    let upload = state.uploads.take(&request.registry, repository, id)?;
    let first = match request.header(&header::CONTENT_RANGE) {
        None => Some(upload.blob.length()),
        Some(range) => first_byte(range, request.content_length()),
    };
    if let Err(refusal) = upload.check_part(first.unwrap_or(u64::MAX), 0) {
        state.uploads.put(upload);
        return Err(refusal.into());
    }
    Ok(upload)
}

/// The first number of a `Content-Range`, which uploads write as `0-99`, if it is one for as many bytes as the body
/// has.
///
/// Source: OCI distribution spec, "Pushing a blob in chunks": `^[0-9]+-[0-9]+$`; RFC 9110, section 14.4, has the unit
/// and the whole length too.
fn first_byte(range: &str, length: Option<u64>) -> Option<u64> {
    let number = |text: &str| {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let range = range.strip_prefix("bytes ").unwrap_or(range);
    let range = match range.split_once('/') {
        Some((range, whole)) if whole == "*" || number(whole).is_some() => range,
        Some(_) => return None,
        None => range,
    };
    let (first, last) = range.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let bytes = last.checked_sub(first)?.checked_add(1)?;
    length.is_none_or(|length| length == bytes).then_some(first)
}

/// Writes a body to the blob's file as it arrives; hashed and written on a thread of its own.
///
/// The body must be empty unless the upload `takes_more`.
async fn receive(mut blob: PartialBlob, body: Body, takes_more: bool) -> Result<PartialBlob, OciError> {
    let (sender, mut receiver) = mpsc::channel::<Vec<bytes::Bytes>>(WAITING);
    let writer = tokio::task::spawn_blocking(move || {
        while let Some(pieces) = receiver.blocking_recv() {
            pieces.iter().try_for_each(|piece| blob.append(piece))?;
        }
        Ok::<_, std::io::Error>(blob)
    });
    let mut arriving = body.into_data_stream().try_ready_chunks(PIECES);
    let mut broken = None;
    while let Some(arrived) = arriving.next().await {
        match arrived {
            Ok(pieces) if !takes_more && pieces.iter().any(|piece| !piece.is_empty()) => {
                return Err(Refusal::LayerPartTooSmall.into());
            }
            // The writer has failed when it does not take more; its error is below.
            Ok(pieces) => {
                if sender.send(pieces).await.is_err() {
                    break;
                }
            }
            Err(TryReadyChunksError(_, error)) => {
                broken = Some(error);
                break;
            }
        }
    }
    drop(sender);
    let blob = writer.await.map_err(Refusal::from)?.map_err(Refusal::from)?;
    match broken {
        None => Ok(blob),
        Some(error) => Err(OciError::new(400, "BLOB_UPLOAD_INVALID", error.to_string())),
    }
}

/// The answer to a request that leaves the upload open.
fn progress(
    request: &DataPlaneRequest<'_>,
    id: &str,
    status: StatusCode,
    length: u64,
) -> Result<Response, OciError> {
    let location = format!("{}/blobs/uploads/{id}", request.address());
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::LOCATION, value(&location)?),
        (UPLOAD_ID, value(id)?),
        (header::RANGE, received(length)),
    ];
    Ok((status, headers).into_response())
}

/// Mounts the blob of another repository that `POST` names, and gives its digest; `None` if that may not be, and
/// the client has to upload it.
///
/// Source: ECR user guide, "Blob mounting in Amazon ECR".
async fn mount(
    request: &DataPlaneRequest<'_>,
    repository: &RepositoryName,
) -> Result<Option<Digest>, OciError> {
    let digest = request
        .query("mount")
        .and_then(|digest| request.state.quirks.digests().parse(&digest).ok());
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

#[cfg(test)]
mod tests {
    use super::first_byte;

    #[test]
    fn a_content_range_is_two_positions_for_the_bytes_that_come() {
        for (range, length, first) in [
            ("0-99", Some(100), Some(0)),
            ("100-199", None, Some(100)),
            ("bytes 100-199/*", Some(100), Some(100)),
            ("bytes 0-0/1", Some(1), Some(0)),
            ("0-99", Some(50), None),
            ("5-2", None, None),
            ("0", None, None),
            ("0-", None, None),
            ("0-abc", None, None),
            ("+0-9", None, None),
            ("0-9-10", None, None),
            ("0-9, 20-29", None, None),
            ("bytes0-9", None, None),
            ("0-9/x", None, None),
            ("", None, None),
            ("0-18446744073709551615", None, None),
        ] {
            assert_eq!(first_byte(range, length), first, "{range}");
        }
    }
}
