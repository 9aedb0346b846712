//! Why one try of a request to GitHub failed.

use std::time::Duration;

use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::network::NetworkError;
use crate::ports::{
    COMMENT, ForgeError, ForgeRule, HAND_OVER, PROPOSE, SHOW_FINDINGS, SHOW_STATE, START_WORKFLOWS,
};
use tagship_domain::error::innermost;
use tagship_domain::untrusted::cleaned;

/// Why one try of a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It did not get an answer.
    Unanswered(reqwest::Error),
    /// It was refused.
    Refused { status: StatusCode, message: String },
    /// It was not looked at: there were too many before.
    Limited { pause: Duration, message: String },
    /// Its answer broke off, is too long, or says something else.
    Answer(String),
    /// Its answer did not come in time.
    Late(Duration),
}

/// What a request was to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose<'a> {
    Read,
    /// To make or change what has this name.
    Write(&'a str),
    /// To send findings to code scanning.
    ShowFindings,
    /// To give a commit a status.
    ShowState,
    /// To start the workflow of this file.
    StartWorkflow(&'a str),
    /// To make a deployment.
    HandOver,
    /// To read and write comments on pull requests.
    Comment,
    /// To open and change pull requests.
    Propose,
}

impl<'a> Purpose<'a> {
    /// What is made or changed by it.
    const fn made(self) -> &'a str {
        match self {
            Self::Write(name) => name,
            _ => "the pull request and its branch",
        }
    }

    /// What a token does for it, where it needs a right of its own.
    const fn action(self) -> Option<&'static str> {
        match self {
            Self::Read => None,
            Self::Write(_) => Some("write to"),
            Self::ShowFindings => Some(SHOW_FINDINGS),
            Self::ShowState => Some(SHOW_STATE),
            Self::StartWorkflow(_) => Some(START_WORKFLOWS),
            Self::HandOver => Some(HAND_OVER),
            Self::Comment => Some(COMMENT),
            Self::Propose => Some(PROPOSE),
        }
    }
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Unanswered(error.without_url())
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self::Answer(error.to_string())
    }
}

/// Source: GitHub REST API, "Troubleshooting": errors have a `message`; those of validation say more in `errors`.
#[derive(Deserialize)]
struct ApiRefusal {
    message: String,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

impl ApiRefusal {
    /// The message, with what was wrong in particular.
    fn words(&self) -> String {
        let particular = self.errors.iter().filter_map(|error| {
            let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str);
            error
                .as_str()
                .or_else(|| text("message"))
                .or_else(|| text("code"))
        });
        let particular: Vec<&str> = particular.collect();
        if particular.is_empty() {
            return cleaned(&self.message);
        }
        cleaned(&format!("{}: {}", self.message, particular.join(", ")))
    }
}

impl Failure {
    /// What an answer that is no success says.
    pub(super) fn of_answer(head: &Parts, body: &[u8]) -> Self {
        let status = head.status;
        let said = serde_json::from_slice::<ApiRefusal>(body).map(|refusal| refusal.words());
        let mut message = said.unwrap_or_else(|_| "it gives no reason".to_owned());
        if let Some(pause) = pause(status, &head.headers) {
            return Self::Limited { pause, message };
        }
        // Source: GitHub REST API, "Permissions required for fine-grained personal access tokens".
        if let Some(needed) = text(&head.headers, "x-accepted-github-permissions").filter(|_| status == 403) {
            message = format!("{message}; it needs {}", cleaned(needed));
        }
        Self::Refused { status, message }
    }

    /// Whether the same request may be answered later, or was carried out although nothing says so.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    )
            }
            Self::Unanswered(error) => !error.is_builder(),
            Self::Late(_) => true,
            Self::Answer(_) | Self::Limited { .. } => false,
        }
    }

    /// The error when no further try is made.
    pub(super) fn into_error(self, repository: String, purpose: Purpose<'_>) -> ForgeError {
        let is_unsure = self.is_transient();
        let message = match self {
            Self::Refused { status, message } => {
                let worded = format!("{message} ({status})");
                match (purpose, status.as_u16()) {
                    // A workflow that is not on the default branch is not found, whatever the token may do.
                    (Purpose::StartWorkflow(workflow), 404 | 422) => {
                        return ForgeError::NotStarted {
                            repository,
                            workflow: workflow.to_owned(),
                            message: worded,
                        };
                    }
                    // GitHub says 404 to a token that may not know of what it may not change.
                    (_, 401 | 403 | 404) if let Some(action) = purpose.action() => {
                        return ForgeError::NotPermitted {
                            repository,
                            action,
                            message: worded,
                        };
                    }
                    (Purpose::Write(_) | Purpose::Propose, 422)
                        if message.contains("already") && message.contains("exist") =>
                    {
                        let name = purpose.made().to_owned();
                        return ForgeError::Taken { repository, name };
                    }
                    (Purpose::Write(_) | Purpose::Propose, 422) if let Some(rule) = rule(&message) => {
                        return ForgeError::AgainstRules {
                            repository,
                            name: purpose.made().to_owned(),
                            rule,
                            message: worded,
                        };
                    }
                    _ => worded,
                }
            }
            Self::Limited { pause, message } => {
                return ForgeError::Limited {
                    repository,
                    seconds: pause.as_secs(),
                    message,
                };
            }
            Self::Answer(problem) => problem,
            Self::Late(limit) => format!("no answer within {} s", limit.as_secs()),
            Self::Unanswered(error) => innermost(&error),
        };
        ForgeError::Failed {
            repository,
            message,
            is_unsure,
        }
    }
}

/// The rule whose words these are: those of a ruleset, of an immutable release whose name is spent, or of protected git tags.
///
/// Source: GitHub docs, "Available rules for rulesets" and "Immutable releases"; the words as the API answers them:
/// googleapis/release-please-action#1194 (creations), opensearch-project/opensearch-api-specification#1193 (updates),
/// Actions-R-Us/actions-tagger#79 (protected git tags).
fn rule(message: &str) -> Option<ForgeRule> {
    [
        ("immutable release", ForgeRule::SpentName),
        ("creations being restricted", ForgeRule::Creation),
        ("Cannot update this protected ref", ForgeRule::Update),
        ("rule violations", ForgeRule::Other),
        ("Reference update failed", ForgeRule::Other),
    ]
    .into_iter()
    .find_map(|(words, rule)| message.contains(words).then_some(rule))
}

/// How long GitHub wants to be left alone, if that is why it refuses.
///
/// Source: GitHub REST API, "Rate limits": `retry-after`, or `x-ratelimit-reset` where `x-ratelimit-remaining` is 0; else
/// a minute where the status says that there were too many.
fn pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status.as_u16(), 403 | 429) {
        return None;
    }
    let number = |name| text(headers, name)?.parse::<i64>().ok();
    let seconds = number("retry-after").or_else(|| {
        let reset = number("x-ratelimit-reset").filter(|_| number("x-ratelimit-remaining") == Some(0))?;
        let now = number_of_date(headers)?;
        Some(reset.saturating_sub(now))
    });
    let seconds = seconds.or_else(|| (number("x-ratelimit-remaining") == Some(0)).then_some(60))?;
    Some(Duration::from_secs(
        u64::try_from(seconds).unwrap_or_default().max(1),
    ))
}

/// GitHub's own time of the answer, in seconds since 1970: this machine's clock may differ.
fn number_of_date(headers: &HeaderMap) -> Option<i64> {
    let date = jiff::fmt::rfc2822::parse(text(headers, "date")?).ok()?;
    Some(date.timestamp().as_second())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
