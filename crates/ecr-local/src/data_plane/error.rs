use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::pull_through::UNABLE_TO_GET_IMAGE;
use crate::refusal::Refusal;

/// An error in the envelope of the OCI distribution specification.
#[derive(Debug)]
pub(crate) struct OciError {
    status: u16,
    code: Cow<'static, str>,
    message: String,
    /// For an upload that goes on elsewhere: the bytes that are there.
    range: Option<u64>,
}

impl OciError {
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            range: None,
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
            response
                .headers_mut()
                .insert(header::RANGE, super::uploads::received(length));
        }
        response
    }
}
