//! Why one try failed, and whether the next can succeed.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::error::{RegistryError, missing_permission};
use super::operation::Operation;
use tagship_domain::error::cleaned;
use tagship_domain::reference::{ImageName, Reference};

/// The most bytes of an error's body that are read.
pub(crate) const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Why one try of an operation failed, and with it what to do next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The credential is refused, and another one may help; if not, this is the error.
    Credential(RegistryError),
    /// What was asked for is not there (404), though the repository may be.
    Absent(String),
    /// The same may succeed later, at the earliest after `retry_after` if the registry says so.
    Transient {
        reason: String,
        retry_after: Option<Duration>,
    },
    /// The same will fail again.
    Permanent(RegistryError),
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Permanent(error)
    }
}

impl Failure {
    pub(crate) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient {
            reason: reason.into(),
            retry_after: None,
        }
    }

    /// A refusal for a reason that has no case of its own.
    pub(crate) fn refused(image: &ImageName, operation: Operation<'_>, message: impl Into<String>) -> Self {
        Self::Permanent(RegistryError::Refused {
            host: image.registry.clone(),
            operation: operation.to_string().into(),
            message: message.into(),
        })
    }

    /// What an answer that is neither a success nor a redirect means.
    ///
    /// Status and codes decide; words are only shown, but for the two things that ECR says in words alone: which
    /// permission is missing and that a token has expired.
    /// Source: OCI distribution spec, "Error Codes".
    pub(crate) fn of_answer(
        image: &ImageName,
        operation: Operation<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let said = ErrorDetails::read(status, body);
        match status {
            StatusCode::UNAUTHORIZED => Self::Credential(unauthorized(image, said.message)),
            StatusCode::FORBIDDEN => match missing_permission(&said.message) {
                Some(action) => Self::Permanent(RegistryError::not_permitted(
                    action,
                    &image.repository,
                    &said.message,
                )),
                None if said.message.to_ascii_lowercase().contains("token has expired") => {
                    Self::Credential(unauthorized(image, said.message))
                }
                // An expired token as well, perhaps: the answer to a HEAD has no body that could tell.
                None => Self::Credential(not_permitted(image, operation.action())),
            },
            StatusCode::NOT_FOUND if said.code == "NAME_UNKNOWN" => {
                Self::Permanent(RegistryError::RepositoryMissing {
                    repository: image.repository.clone(),
                    host: image.registry.clone(),
                })
            }
            StatusCode::NOT_FOUND => Self::Absent(said.message),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Self::Transient {
                reason: said.message,
                retry_after: retry_after(headers),
            },
            _ if status.is_server_error() => Self::Transient {
                reason: said.message,
                retry_after: retry_after(headers),
            },
            _ => match operation {
                Operation::PutManifest(Reference::Tag(tag)) if said.code == "TAG_INVALID" => {
                    Self::Permanent(RegistryError::TagTaken { tag: tag.clone() })
                }
                // An upload session that the registry lost track of or whose bytes came damaged; a new session may do.
                Operation::CommitBlob(_) if said.spoils_the_session(status) => Self::transient(said.message),
                _ => Self::refused(image, operation, said.message),
            },
        }
    }

    /// Returns the error after all tries.
    pub(crate) fn into_error(self, image: &ImageName, operation: Operation<'_>) -> RegistryError {
        self.after(image, operation, true)
    }

    /// Returns the error after one try, which the caller may repeat.
    pub(crate) fn of_one_try(self, image: &ImageName, operation: Operation<'_>) -> RegistryError {
        self.after(image, operation, false)
    }

    fn after(self, image: &ImageName, operation: Operation<'_>, was_repeated: bool) -> RegistryError {
        match self {
            Self::Permanent(error) | Self::Credential(error) => error,
            Self::Absent(message) => RegistryError::Refused {
                host: image.registry.clone(),
                operation: operation.to_string().into(),
                message,
            },
            Self::Transient { reason, .. } => RegistryError::Unavailable {
                host: image.registry.clone(),
                operation: operation.to_string().into(),
                message: reason,
                was_repeated,
            },
        }
    }
}

fn unauthorized(image: &ImageName, message: String) -> RegistryError {
    RegistryError::Unauthorized {
        host: image.registry.clone(),
        message,
    }
}

fn not_permitted(image: &ImageName, action: &str) -> RegistryError {
    let is_public = image.registry.is_public_ecr();
    RegistryError::NotPermitted {
        action: if is_public {
            action.replacen("ecr:", "ecr-public:", 1)
        } else {
            action.to_owned()
        },
        repository: image.repository.clone(),
    }
}

/// The pause that the registry asks for, in seconds. The form with a date is not understood: it would need a clock.
/// Source: RFC 9110 section 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What an answer says of its error.
struct ErrorDetails {
    /// The first code; empty when there is none.
    code: String,
    /// Fit to be shown, never empty.
    message: String,
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl ErrorDetails {
    fn read(status: StatusCode, body: &[u8]) -> Self {
        let first = serde_json::from_slice::<Envelope>(body)
            .ok()
            .and_then(|envelope| envelope.errors.into_iter().next());
        match first {
            Some(ErrorEntry { code, message }) => Self {
                message: cleaned(match (code.as_str(), message.as_str()) {
                    ("", "") => status.as_str(),
                    (code, "") => code,
                    (_, message) => message,
                }),
                code,
            },
            None => Self {
                code: String::new(),
                message: Self::without_envelope(status, body),
            },
        }
    }

    /// ECR says `Not Authorized` as plain text; load balancers say pages of HTML, which are no message.
    fn without_envelope(status: StatusCode, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let text = cleaned(&text);
        if text.is_empty() || text.starts_with(['<', '{', '[']) {
            format!("HTTP status {status}")
        } else {
            format!("{text} (HTTP status {})", status.as_u16())
        }
    }

    fn spoils_the_session(&self, status: StatusCode) -> bool {
        status == StatusCode::RANGE_NOT_SATISFIABLE
            || matches!(
                self.code.as_str(),
                "BLOB_UPLOAD_UNKNOWN" | "BLOB_UPLOAD_INVALID" | "DIGEST_INVALID"
            )
    }
}
