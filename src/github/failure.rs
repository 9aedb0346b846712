//! Why one try of a question to GitHub failed.

use http::StatusCode;
use serde::Deserialize;

use crate::limits;
use crate::ports::ForgeError;
use tagship_domain::error::innermost;
use tagship_domain::untrusted::cleaned;

/// Why one try of a question failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It did not get an answer.
    Unanswered(octocrab::Error),
    /// It was refused.
    Refused { status: StatusCode, message: String },
    /// Its answer broke off, is too long, or says something else.
    Answer(String),
    /// Its answer did not come in time.
    Late,
}

impl From<octocrab::Error> for Failure {
    fn from(error: octocrab::Error) -> Self {
        Self::Unanswered(error)
    }
}

/// Source: GitHub REST API, "Troubleshooting": errors have a `message`.
#[derive(Deserialize)]
struct ApiRefusal {
    message: String,
}

impl Failure {
    /// What an answer that is no success says.
    pub(super) fn of_status(status: StatusCode, body: &[u8]) -> Self {
        let said = serde_json::from_slice::<ApiRefusal>(body).map(|refusal| cleaned(&refusal.message));
        Self::Refused {
            status,
            message: said.unwrap_or_else(|_| "it gives no reason".to_owned()),
        }
    }

    /// Whether the same question may be answered later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unanswered(octocrab::Error::Hyper { .. } | octocrab::Error::Service { .. })
            | Self::Late => true,
            Self::Unanswered(_) | Self::Answer(_) => false,
        }
    }

    /// The error when no further try is made.
    pub(super) fn into_error(self, repository: String) -> ForgeError {
        let message = match self {
            Self::Refused { status, message } => format!("{message} ({status})"),
            Self::Answer(problem) => problem,
            Self::Late => format!("no answer within {} s", limits::GITHUB_TRY.as_secs()),
            // octocrab's error says what it is inside: it prints as `Service` alone.
            Self::Unanswered(error) => innermost(&error),
        };
        ForgeError::Failed { repository, message }
    }
}
