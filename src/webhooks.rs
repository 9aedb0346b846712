//! Addresses that take notices of runs: Slack's incoming webhooks, and programs that take signed JSON.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};

use crate::limits;
use crate::network::{self, NetworkError};
use crate::ports::{Clock, NoticeError, SendNotice};
use crate::random;
use tagship_domain::error::innermost;
use tagship_domain::notice::{Notice, WebhookKey};

/// Reads Base64 with and without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The most bytes of Slack's word for why it refuses.
const MAX_REASON: usize = 60;

/// An incoming webhook of Slack, or of what takes the same messages.
#[derive(Debug)]
pub struct SlackWebhook {
    url: SecretString,
}

/// A program that takes JSON.
pub struct JsonWebhook {
    url: SecretString,
    key: Option<WebhookKey>,
    clock: Arc<dyn Clock>,
}

impl SlackWebhook {
    /// The webhook at a URL.
    pub const fn new(url: SecretString) -> Self {
        Self { url }
    }
}

impl JsonWebhook {
    /// The program at a URL; with a key, every notice is signed at the time that the clock says.
    pub const fn new(url: SecretString, key: Option<WebhookKey>, clock: Arc<dyn Clock>) -> Self {
        Self { url, key, clock }
    }

    /// The headers of one try.
    ///
    /// Source: Standard Webhooks, "Webhook headers (sending metadata to consumers)".
    fn headers(&self, id: &str, body: &str) -> BTreeMap<&'static str, String> {
        let timestamp = self.clock.now().as_second();
        let mut headers = BTreeMap::from([
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
        ]);
        if let Some(key) = &self.key {
            headers.insert("webhook-signature", signature(key, id, timestamp, body));
        }
        headers
    }
}

impl std::fmt::Debug for JsonWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonWebhook").finish_non_exhaustive()
    }
}

#[async_trait]
impl SendNotice for SlackWebhook {
    /// Source: Slack docs, "Sending messages using incoming webhooks".
    async fn send(&self, notice: &Notice) -> Result<(), NoticeError> {
        let body = notice.slack().to_string();
        post(&self.url, &body, BTreeMap::new).await
    }
}

#[async_trait]
impl SendNotice for JsonWebhook {
    async fn send(&self, notice: &Notice) -> Result<(), NoticeError> {
        // The same for every try, so that a receiver can tell a notice that it has from a new one.
        let id = format!("msg_{}", random::hex::<16>().map_err(NoticeError::NoRandomness)?);
        let body = notice.webhook(self.clock.now());
        post(&self.url, &body, || self.headers(&id, &body)).await
    }
}

/// What a notice is signed with: HMAC-SHA256 over id, time and body.
///
/// Source: Standard Webhooks, "Signature scheme".
fn signature(key: &WebhookKey, id: &str, timestamp: i64, body: &str) -> String {
    // The form was checked when it was given; what is no Base64 after all signs what no receiver takes.
    let bytes = LENIENT.decode(key.encoded()).unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// Sends a body until it is taken, at most three times.
async fn post(
    url: &SecretString,
    body: &str,
    headers: impl Fn() -> BTreeMap<&'static str, String>,
) -> Result<(), NoticeError> {
    let client = client().map_err(|error| NoticeError::Unreachable {
        message: error.to_string(),
    })?;
    let mut pauses = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_times(limits::NOTICE_REPETITIONS)
        .with_jitter()
        .build();
    loop {
        let (error, wish) = match once(&client, url, body, headers()).await {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        let pause = pauses.next().filter(|_| error.is_transient());
        let pause = pause.map(|pause| wish.unwrap_or(pause));
        match pause.filter(|pause| *pause <= limits::NOTICE_TRY) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

/// One try; where it fails, with the time that the receiver wants to be left alone for.
async fn once(
    client: &reqwest::Client,
    url: &SecretString,
    body: &str,
    headers: BTreeMap<&'static str, String>,
) -> Result<(), (NoticeError, Option<Duration>)> {
    let mut request = client
        .post(url.expose_secret())
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request
        .send()
        .await
        .map_err(|error| (transport(error, url), None))?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let status_code = status.as_u16();
    if status.is_redirection() {
        return Err((NoticeError::Redirected { status: status_code }, None));
    }
    let wish = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|wish| wish.to_str().ok()?.parse().ok());
    let reason = reason(response).await;
    let status = status_code;
    Err((
        NoticeError::Refused { status, reason },
        wish.map(Duration::from_secs),
    ))
}

/// Slack's word for why, such as `channel_is_archived`. Anything else may repeat a part of the address.
///
/// Source: Slack docs, "Sending messages using incoming webhooks", "Handling errors".
async fn reason(mut response: reqwest::Response) -> Option<String> {
    let mut said = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        said.extend_from_slice(&chunk);
        if said.len() > MAX_REASON {
            return None;
        }
    }
    let said = String::from_utf8(said).ok()?;
    let is_word = !said.is_empty() && said.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_word.then_some(said)
}

fn client() -> Result<reqwest::Client, NetworkError> {
    network::client(|builder| {
        builder
            .connect_timeout(limits::CONNECT.min(limits::NOTICE_TRY))
            .timeout(limits::NOTICE_TRY)
            // The address is a secret, and the body may hold what is meant for its host alone.
            .redirect(Policy::none())
            .user_agent(concat!("tagship/", env!("CARGO_PKG_VERSION")))
    })
}

/// What broke, without the address.
fn transport(error: reqwest::Error, url: &SecretString) -> NoticeError {
    let error = error.without_url();
    if error.is_timeout() {
        let seconds = limits::NOTICE_TRY.as_secs();
        return NoticeError::Late { seconds };
    }
    if let Some(expected) = missing_protocol(&error) {
        return NoticeError::OtherProtocol { expected };
    }
    let mut message = innermost(&error);
    let url = url::Url::parse(url.expose_secret()).ok();
    if let Some(host) = url.as_ref().and_then(url::Url::host_str) {
        message = message.replace(host, "the host");
    }
    NoticeError::Unreachable { message }
}

/// What is not spoken by what answers.
fn missing_protocol(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut causes = std::iter::successors(Some(error), |cause| within(*cause));
    causes.find_map(|cause| {
        if matches!(cause.downcast_ref(), Some(rustls::Error::InvalidMessage(_))) {
            return Some("HTTPS");
        }
        let error = cause.downcast_ref::<hyper::Error>();
        error.filter(|error| error.is_parse()).map(|_| "HTTP")
    })
}

/// What an error holds: the source of one of input and output is not what it was made of, but the source of that.
fn within<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let inner = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    inner
        .map(|inner| inner as &(dyn StdError + 'static))
        .or_else(|| error.source())
}

#[cfg(test)]
mod tests;
