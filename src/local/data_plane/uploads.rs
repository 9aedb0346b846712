use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::manifests::value;
use super::{CONTENT_DIGEST, DataPlaneRequest, OciError, UPLOAD_ID};
use crate::domain::reference::{Digest, RepositoryName};
use crate::local::refusal::Refusal;
use crate::local::store::PartialBlob;

/// The least bytes of a part that is not the last. Source: ECR API reference, `UploadLayerPart`.
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

/// How long an upload may rest.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Pieces that wait for the disk, at most. A piece is what arrives at once, at most 64 KiB.
const WAITING_PIECES: usize = 8;

/// The uploads that are under way. They end with the server: clients then begin anew.
///
/// A request takes its upload out while it works on it. So nobody else can write to it, and an upload whose
/// request breaks off is gone.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Upload>>);

#[derive(Debug)]
struct Upload {
    repository: RepositoryName,
    blob: PartialBlob,
    last_part: Option<u64>,
    touched: Timestamp,
}

impl Upload {
    /// Whether more may follow: every part but the last has a least size.
    fn takes_more(&self) -> bool {
        self.last_part.is_none_or(|bytes| bytes >= MIN_PART_BYTES)
    }
}

impl Uploads {
    fn put(&self, id: String, upload: Upload) {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = upload.touched;
        uploads.retain(|_, other| now.duration_since(other.touched) < LIFE);
        uploads.insert(id, upload);
    }

    fn take(&self, id: &str, repository: &RepositoryName) -> Option<Upload> {
        let mut uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = uploads
            .get(id)
            .is_some_and(|upload| upload.repository == *repository);
        mine.then(|| uploads.remove(id)).flatten()
    }

    fn length(&self, id: &str, repository: &RepositoryName) -> Option<u64> {
        let uploads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uploads
            .get(id)
            .filter(|upload| upload.repository == *repository)
            .map(|upload| upload.blob.length())
    }
}

/// `POST`: a new upload, each time. A blob of another repository is never mounted: accounts have to ask for
/// that, and then 202 tells the client to upload.
pub(super) async fn start(
    request: &DataPlaneRequest<'_>,
    repository: RepositoryName,
) -> Result<Response, OciError> {
    let name = repository.clone();
    let blob = request
        .with_registry(move |registry| {
            registry.repository(&name)?;
            Ok(registry.blobs().begin()?)
        })
        .await?;
    let id = upload_id()?;
    let response = progress(request, &repository, &id, StatusCode::ACCEPTED, 0)?;
    request.emulator.uploads.put(
        id,
        Upload {
            repository,
            blob,
            last_part: None,
            touched: request.emulator.clock.now(),
        },
    );
    Ok(response)
}

/// `GET`: how much of an upload is there.
pub(super) fn status(
    request: &DataPlaneRequest<'_>,
    repository: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    let length = request
        .emulator
        .uploads
        .length(id, repository)
        .ok_or_else(|| unknown(request, repository, id))?;
    progress(request, repository, id, StatusCode::NO_CONTENT, length)
}

/// `DELETE`: gives an upload up.
pub(super) fn cancel(
    request: &DataPlaneRequest<'_>,
    repository: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    request
        .emulator
        .uploads
        .take(id, repository)
        .map(|_| StatusCode::NO_CONTENT.into_response())
        .ok_or_else(|| unknown(request, repository, id))
}

/// `PATCH`: a part. ECR answers 201, where the specification has 202.
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
    let length = upload.blob.length();
    upload.last_part = Some(length.saturating_sub(before));
    upload.touched = request.emulator.clock.now();
    request.emulator.uploads.put(id.to_owned(), upload);
    progress(request, &repository, id, StatusCode::CREATED, length)
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
        .ok_or_else(|| Refusal::parameter("LayerDigests", "Member must not be null"))?;
    let stated = Digest::parse(&stated).map_err(|invalid| Refusal::parameter("LayerDigests", invalid))?;
    let upload = open(request, &repository, id)?;
    let takes_more = upload.takes_more();
    let blob = receive(upload.blob, body, takes_more).await?;
    if blob.length() == 0 {
        return Err(Refusal::EmptyUpload.into());
    }
    if blob.digest() != stated {
        return Err(Refusal::InvalidLayer.into());
    }
    let name = repository.clone();
    request
        .with_registry(move |registry| registry.add_layer(&name, blob, &stated))
        .await?;
    let location = format!("{}/v2/{repository}/blobs/{stated}", request.base);
    let headers = [
        (header::LOCATION, value(&location)?),
        (CONTENT_DIGEST, value(&stated.to_string())?),
    ];
    Ok((StatusCode::CREATED, headers).into_response())
}

/// Takes an upload out to write the next part, after checking that the part begins where the last one ended.
fn open(request: &DataPlaneRequest<'_>, repository: &RepositoryName, id: &str) -> Result<Upload, OciError> {
    let uploads = &request.emulator.uploads;
    let upload = uploads
        .take(id, repository)
        .ok_or_else(|| unknown(request, repository, id))?;
    let next = upload.blob.length();
    let begins = request.header(&header::CONTENT_RANGE).map(first_byte);
    if begins.is_some_and(|begins| begins != Some(next)) {
        uploads.put(id.to_owned(), upload);
        return Err(Refusal::InvalidLayerPart { next }.into());
    }
    Ok(upload)
}

/// The first number of a `Content-Range`, which uploads write as `0-99`.
/// Source: OCI distribution spec, "Pushing a blob in chunks".
fn first_byte(range: &str) -> Option<u64> {
    let range = range.strip_prefix("bytes").unwrap_or(range);
    range.split('-').next()?.trim().parse().ok()
}

/// Writes a body to the blob's file as it arrives; hashed and written on a thread of its own.
///
/// The body must be empty unless the upload `takes_more`.
async fn receive(mut blob: PartialBlob, body: Body, takes_more: bool) -> Result<PartialBlob, OciError> {
    let (sender, mut receiver) = mpsc::channel::<bytes::Bytes>(WAITING_PIECES);
    let writer = tokio::task::spawn_blocking(move || {
        while let Some(piece) = receiver.blocking_recv() {
            blob.append(&piece)?;
        }
        Ok::<_, std::io::Error>(blob)
    });
    let mut pieces = body.into_data_stream();
    let mut broken = None;
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) if !takes_more && !piece.is_empty() => return Err(Refusal::LayerPartTooSmall.into()),
            // The writer has failed when it does not take more; its error is below.
            Ok(piece) => {
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
            Err(error) => {
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
    repository: &RepositoryName,
    id: &str,
    status: StatusCode,
    length: u64,
) -> Result<Response, OciError> {
    let location = format!("{}/v2/{repository}/blobs/uploads/{id}", request.base);
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::LOCATION, value(&location)?),
        (UPLOAD_ID, value(id)?),
        (header::RANGE, received(length)),
    ];
    Ok((status, headers).into_response())
}

/// The bytes that are there, as first and last; `0-0` where there are none, as registries have it.
pub(super) fn received(length: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("0-{}", length.saturating_sub(1)))
        .unwrap_or_else(|_| HeaderValue::from_static("0-0"))
}

fn unknown(request: &DataPlaneRequest<'_>, repository: &RepositoryName, id: &str) -> OciError {
    let upload = id
        .chars()
        .filter(|character| !character.is_control())
        .take(64)
        .collect();
    Refusal::UploadNotFound {
        upload,
        repository: repository.clone(),
        registry: request.emulator.registry.account().clone(),
    }
    .into()
}

/// A random id in the form of a UUID, version 4. Source: RFC 9562, section 5.4.
fn upload_id() -> Result<String, OciError> {
    let mut bytes = crate::random::bytes::<16>().map_err(Refusal::from)?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    let part = |range| hex.get(range).unwrap_or_default();
    Ok([part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-"))
}
