//! The second origin that blobs are read from where the registry redirects to it, as ECR does to S3.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::manifests::value;
use super::{DataPlaneRequest, OciError, blobs};
use crate::domain::reference::Digest;
use crate::local::emulator::Emulator;
use crate::local::exchange::{Call, Exchange};
use crate::local::refusal::Refusal;

/// How long an address is good for.
const LIFE: SignedDuration = SignedDuration::from_mins(60);

/// The purpose that an address is sealed for.
const PURPOSE: &str = "storage";

/// What an address lets its holder read.
#[derive(Serialize, Deserialize)]
struct Grant {
    digest: Digest,
    size: u64,
    expires: Timestamp,
}

/// Sends the client to the second origin, at `port`, for a blob.
pub(super) fn redirect(
    request: &DataPlaneRequest<'_>,
    port: u16,
    digest: Digest,
    size: u64,
) -> Result<Response, OciError> {
    let now = request.emulator.clock.now();
    let grant = Grant {
        digest,
        size,
        expires: now.checked_add(LIFE).unwrap_or(Timestamp::MAX),
    };
    let seal = &request.emulator.iam.seal;
    let grant = seal.seal(PURPOSE, &grant).map_err(Refusal::from)?;
    let url = format!(
        "http://{}:{port}/{}",
        request.base.host_name(),
        grant.expose_secret()
    );
    Ok((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, value(&url)?)]).into_response())
}

/// Answers one request at the second origin.
pub(crate) async fn answer(
    State(emulator): State<Arc<Emulator>>,
    exchange: Exchange,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let grant: Option<Grant> = emulator.iam.seal.open(PURPOSE, &path);
    let reference = grant.as_ref().map(|grant| grant.digest.to_string());
    let call = Call::new("GetStorage").reference(reference);
    let effect = async {
        // As S3 does: a client that sends its registry login on has leaked it.
        if request.headers().contains_key(header::AUTHORIZATION) {
            return refuse(StatusCode::BAD_REQUEST, "InvalidArgument");
        }
        let Some(grant) = grant.filter(|grant| grant.expires > emulator.clock.now()) else {
            return refuse(StatusCode::FORBIDDEN, "AccessDenied");
        };
        let (parts, _) = request.into_parts();
        match blobs::serve(&emulator, &parts, grant.digest, grant.size).await {
            Ok(response) => response,
            Err(error) => error.into_response(),
        }
    };
    exchange.perform(&emulator, call, effect).await
}

/// An error in S3's form. Source: S3 API reference, "Error responses".
fn refuse(status: StatusCode, code: &str) -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"))];
    let body = format!("<Error><Code>{code}</Code></Error>");
    (status, content_type, body).into_response()
}
