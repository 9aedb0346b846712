//! Who hears of a run.

use std::borrow::Cow;

use async_trait::async_trait;

use super::ForgeError;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::facts::CommitId;
use tagship_domain::notice::{CommitState, Deployment, Notice};

/// Takes notices of runs to one receiver.
#[async_trait]
pub trait SendNotice: Send + Sync {
    /// Sends a notice, at most three times. The receiver may get it twice.
    async fn send(&self, notice: &Notice) -> Result<(), NoticeError>;
}

/// Shows how commits stand.
#[async_trait]
pub trait ShowCommitState: Send + Sync {
    /// Gives a commit a status, in place of an earlier one of the same context.
    async fn show_state(&self, commit: &CommitId, state: &CommitState) -> Result<(), ForgeError>;
}

/// Asks for deployments.
#[async_trait]
pub trait AskForDeployment: Send + Sync {
    /// Makes a deployment that waits for what deploys. Tried once: a second try may make a second one.
    async fn ask_for_deployment(&self, deployment: &Deployment) -> Result<(), ForgeError>;
}

/// A comment, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Its text, of which nothing is known.
    pub text: String,
    /// Whether a program or one who may write to the repository wrote it, and no stranger.
    pub is_trusted: bool,
}

/// Comments on pull requests.
#[async_trait]
pub trait WriteComments: Send + Sync {
    /// Every comment of a pull request, the oldest first.
    async fn comments(&self, pull_request: u64) -> Result<Vec<Comment>, ForgeError>;

    /// Makes a comment. Tried once: after an error that [`ForgeError::is_unsure`], look before trying again.
    async fn comment(&self, pull_request: u64, text: &str) -> Result<(), ForgeError>;

    /// Gives a comment another text.
    async fn change_comment(&self, id: u64, text: &str) -> Result<(), ForgeError>;
}

/// Why a receiver did not take a notice. Nothing of its address is repeated.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// No connection stood, or it broke.
    #[error("it was not reached: {message}")]
    Unreachable {
        /// What broke.
        message: String,
    },
    /// It gave no answer.
    #[error("it gave no answer within {seconds} s")]
    Late {
        /// How long it was waited for.
        seconds: u64,
    },
    /// What answers speaks something else.
    #[error("what answers there does not speak {expected}")]
    OtherProtocol {
        /// `HTTP` or `HTTPS`.
        expected: &'static str,
    },
    /// It names another address.
    #[error("it answers {status} and names another address, which is not followed")]
    Redirected {
        /// Its status.
        status: u16,
    },
    /// It refuses.
    #[error("it answers {status}{}", .reason.as_ref().map(|reason| format!(", `{reason}`")).unwrap_or_default())]
    Refused {
        /// Its status.
        status: u16,
        /// Slack's word for why.
        reason: Option<String>,
    },
    /// AWS refuses.
    #[error("AWS answers {status}, `{code}`{}{message}", if message.is_empty() { "" } else { ": " })]
    AwsRefused {
        /// Its status.
        status: u16,
        /// Its word for why.
        code: String,
        /// Its words.
        message: String,
        /// What the role needs.
        action: &'static str,
    },
    /// There are no credentials for AWS.
    #[error("there are no credentials for AWS: {message}")]
    NoCredentials {
        /// Why.
        message: String,
    },
    /// What a notice is signed with could not be made.
    #[error("the operating system gives no random bytes")]
    NoRandomness(#[source] std::io::Error),
}

impl NoticeError {
    /// Whether the same notice may be taken later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } => true,
            Self::Refused { status, .. } => matches!(*status, 408 | 429 | 500..=599),
            // Source: AWS SDKs and tools reference guide, "Retry behavior": throttling comes with 400 too.
            Self::AwsRefused { status, code, .. } => {
                matches!(*status, 408 | 429 | 500..=599)
                    || matches!(
                        code.as_bytes(),
                        b"ThrottlingException" | b"Throttling" | b"InternalFailure" | b"InternalException"
                    )
            }
            Self::OtherProtocol { .. }
            | Self::Redirected { .. }
            | Self::NoCredentials { .. }
            | Self::NoRandomness(_) => false,
        }
    }
}

impl Diagnose for NoticeError {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::OtherProtocol { .. } => {
                Some("look at the port of the URL in `notify`, and at its `http` or `https`".into())
            }
            Self::AwsRefused { action, .. } if !self.is_transient() => Some(
                format!(
                    "the role needs `{action}` there, and the topic or bus has to exist: `tagship iam --for notify` prints the policy"
                )
                .into(),
            ),
            Self::Redirected { .. } => Some("give the address that it names in `notify`".into()),
            Self::Refused {
                status: 400 | 401 | 403 | 404 | 410,
                ..
            } => Some("look whether the URL in `notify` is still the receiver's".into()),
            _ => None,
        }
    }
}
