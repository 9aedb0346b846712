//! What SNS and EventBridge answer.

use serde_json::Value;

use crate::limits;
use crate::ports::NoticeError;
use tagship_domain::error::{cleaned, innermost};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024;

pub(super) fn transport(error: reqwest::Error) -> NoticeError {
    let error = error.without_url();
    if error.is_timeout() {
        let seconds = limits::NOTICE_TRY.as_secs();
        return NoticeError::Late { seconds };
    }
    NoticeError::Unreachable {
        message: innermost(&error),
    }
}

pub(super) async fn bounded(mut answer: reqwest::Response) -> Result<String, NoticeError> {
    let mut text = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(transport)? {
        text.extend_from_slice(&piece);
        if text.len() > MAX_ANSWER {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Why an answer that is a success took no event after all. Source: EventBridge API reference, `PutEvents`, `FailedEntryCount`.
pub(super) fn unaccepted(text: &str) -> Option<(String, String)> {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let entry = &answer["Entries"][0];
    let word = |key: &str| entry[key].as_str().map(cleaned);
    word("ErrorCode").map(|code| (code, word("ErrorMessage").unwrap_or_default()))
}

/// AWS's word for why it refuses, and its words: in XML by SNS, in JSON by EventBridge.
pub(super) fn reason(text: &str) -> (String, String) {
    let of_json: Value = serde_json::from_str(text).unwrap_or_default();
    let json = |key: &str| of_json[key].as_str();
    let xml = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(found, _)| found)
    };
    let code = json("__type").map(|code| code.rsplit('#').next().unwrap_or(code));
    let message = json("message").or_else(|| json("Message"));
    let code = code.or_else(|| xml("Code")).unwrap_or("no reason");
    let message = message.or_else(|| xml("Message")).unwrap_or_default();
    (cleaned(code), cleaned(message))
}
