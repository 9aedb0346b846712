//! Errors of the data plane, and how those of the API show there.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::faces::exchange::Wording;
use crate::refusal::Refusal;
use crate::services::pull_through::UNABLE_TO_GET_IMAGE;

/// What clients of the data plane read of failures that tests order.
pub(super) static WORDING: Wording = Wording {
    error: |status, code, message| OciError::new(status, code.to_owned(), message).into_response(),
    throttled: (429, "TOOMANYREQUESTS"),
    unavailable: ("UNAVAILABLE", "Service unavailable"),
    internal: "UNKNOWN",
};

/// An error in the envelope of the OCI distribution specification.
#[derive(Debug)]
pub(crate) struct OciError {
    status: u16,
    code: Cow<'static, str>,
    message: String,
    /// For an upload that goes on elsewhere: the bytes that are there.
    range: Option<u64>,
    /// Status and code by the specification, where ECR's differ.
    specified: Option<(u16, &'static str)>,
}

impl OciError {
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            range: None,
            specified: None,
        }
    }

    /// The error with what the specification has in the place of ECR's status and code.
    pub(super) fn specified(self, status: u16, code: &'static str) -> Self {
        Self {
            specified: Some((status, code)),
            ..self
        }
    }

    /// The error by the specification.
    pub(super) fn by_specification(self) -> Self {
        match self.specified {
            Some((status, code)) => Self::new(status, code, self.message),
            None => self,
        }
    }

    /// What the data plane does not offer.
    pub(super) fn unsupported() -> Self {
        Self::new(405, "UNSUPPORTED", "The operation is unsupported.")
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> u16 {
        self.status
    }
}

/// How the control plane's exceptions show in the data plane.
impl From<Refusal> for OciError {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::RepositoryNotFound { .. } => (404, "NAME_UNKNOWN"),
            Refusal::ImageNotFound { .. } | Refusal::ManifestNotFound => (404, "MANIFEST_UNKNOWN"),
            Refusal::ImageTagAlreadyExists { .. } => (400, "TAG_INVALID"),
            Refusal::ImageDigestDoesNotMatch { .. } | Refusal::ImageAlreadyExists { .. } => {
                (400, "MANIFEST_INVALID")
            }
            // Which code ECR gives is not known; this is the specification's.
            Refusal::LayersNotFound { .. } | Refusal::ReferencedImagesNotFound { .. } => {
                (404, "MANIFEST_BLOB_UNKNOWN")
            }
            Refusal::Modelled { code, .. } if *code == UNABLE_TO_GET_IMAGE => (404, "MANIFEST_UNKNOWN"),
            Refusal::LayerNotFound { .. } => (404, "BLOB_UNKNOWN"),
            Refusal::UploadNotFound { .. } => (404, "BLOB_UPLOAD_UNKNOWN"),
            Refusal::InvalidLayer | Refusal::EmptyUpload | Refusal::LayerPartTooSmall => {
                (400, "BLOB_UPLOAD_INVALID")
            }
            Refusal::InvalidLayerPart { .. } => (416, "BLOB_UPLOAD_INVALID"),
            // Whether an expired token is 401 or 403 is not known; clients must take both.
            Refusal::AccessDenied(_) | Refusal::TokenExpired => (403, "DENIED"),
            Refusal::State(source) => {
                tracing::error!(%source, "the embedded ECR's state failed");
                (500, "UNKNOWN")
            }
            Refusal::InvalidParameter(_)
            | Refusal::RepositoryAlreadyExists { .. }
            | Refusal::RepositoryNotEmpty { .. }
            | Refusal::Modelled { .. }
            | Refusal::Serialization(_)
            | Refusal::UnknownOperation(_) => (405, "UNSUPPORTED"),
        };
        let range = match refusal {
            Refusal::InvalidLayerPart { next, .. } => Some(next),
            _ => None,
        };
        Self {
            range,
            ..Self::new(status, code, refusal.to_string())
        }
    }
}

impl IntoResponse for OciError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"errors": [{"code": self.code, "message": self.message}]});
        let content_type = [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )];
        let mut response = (status, content_type, body.to_string()).into_response();
        if let Some(length) = self.range {
            response.headers_mut().insert(header::RANGE, received(length));
        }
        response
    }
}

/// A repository of a public registry is not there.
pub(super) fn no_such_repository(name: &str, alias: &str) -> OciError {
    Refusal::RepositoryNotFound {
        repository: name.to_owned(),
        registry: alias.to_owned(),
    }
    .into()
}

/// The bytes that are there, as first and last; `0-0` where there are none, as registries have it.
pub(super) fn received(length: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("0-{}", length.saturating_sub(1)))
        .unwrap_or_else(|_| HeaderValue::from_static("0-0"))
}
