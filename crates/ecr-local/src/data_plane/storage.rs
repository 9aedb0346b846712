//! Addresses that blobs are read from without a login, as ECR gives out those of S3: at a second origin where the
//! registry redirects to it.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::blobs;
use crate::emulator::Emulator;
use crate::exchange::{Call, Exchange};
use crate::refusal::Refusal;
use crate::server::BaseUrl;
use tagship_domain::reference::Digest;

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

/// Where storage is read from, before the grant.
pub(crate) const PATH: &str = "/storage/";

/// An address that a blob can be read from without a login, for a while: at the second origin where there is one.
pub(crate) fn address(
    emulator: &Emulator,
    base: &BaseUrl,
    digest: Digest,
    size: u64,
) -> Result<String, Refusal> {
    let now = emulator.clock.now();
    let grant = Grant {
        digest,
        size,
        expires: now.checked_add(LIFE).unwrap_or(Timestamp::MAX),
    };
    let grant = emulator.iam.seal.seal(PURPOSE, &grant)?;
    let origin = emulator.storage_port.map_or_else(
        || base.to_string(),
        |port| format!("http://{}:{port}", base.host_name()),
    );
    Ok(format!("{origin}{PATH}{}", grant.expose_secret()))
}

/// Answers one request for a blob in storage.
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
