//! Requests to GitHub's API, within bounds of time, size and number.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LINK};
use http::{Method, Response};
use http_body_util::{BodyExt as _, Limited};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::failure::{Failure, Purpose};
use crate::limits;
use crate::network;
use crate::ports::ForgeError;
use tagship_domain::error::cleaned;

/// GitHub's own API. Source: GitHub REST API, "Getting started".
const GITHUB: &str = "https://api.github.com";

/// The version of the API that is spoken. Source: GitHub REST API, "API versions".
const API_VERSION: &str = "2022-11-28";

/// The API, as one repository is reached there.
pub(super) struct Api {
    /// `owner/name`, in the characters that GitHub allows.
    pub(super) repository: String,
    pub(super) token: SecretString,
    pub(super) address: Option<Url>,
    pub(super) client: OnceCell<Client>,
}

/// An answer that is a success.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// Whether the list goes on.
    pub(super) has_more: bool,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Behind `/repos/OWNER/NAME`.
    pub(super) route: String,
    /// JSON.
    pub(super) body: Option<Value>,
    /// Whether it comes to the same when it is carried out twice.
    pub(super) is_repeatable: bool,
}

impl Call {
    pub(super) fn get(route: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            route: route.into(),
            body: None,
            is_repeatable: true,
        }
    }

    /// Makes something: carried out twice it would make two, or refuse the second.
    pub(super) fn post(route: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            is_repeatable: false,
            ..Self::get(route)
        }
    }

    /// Changes something to what the body says.
    pub(super) fn patch(route: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::PATCH,
            body: Some(body),
            ..Self::get(route)
        }
    }
}

impl Api {
    /// Made when it is needed: it reads the system's certificates and needs a runtime.
    async fn client(&self) -> Result<&Client, Failure> {
        let made = self.client.get_or_try_init(|| async {
            network::client(|builder| {
                builder
                    .user_agent(concat!("tagship/", env!("CARGO_PKG_VERSION")))
                    .connect_timeout(limits::CONNECT)
            })
        });
        Ok(made.await?)
    }

    /// A request with the token, which a redirection to another host does not take along.
    async fn request(&self, method: Method, address: &str) -> Result<RequestBuilder, Failure> {
        let illegal = |_error| Failure::Answer("the token has illegal characters".to_owned());
        let token = format!("Bearer {}", self.token.expose_secret());
        let mut token = HeaderValue::try_from(token).map_err(illegal)?;
        token.set_sensitive(true);
        let request = self.client().await?.request(method, address);
        Ok(request
            .header(AUTHORIZATION, token)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION))
    }

    /// Sends a request; gives its answer.
    pub(super) async fn send(&self, call: &Call, purpose: Purpose<'_>) -> Result<Answer, ForgeError> {
        let answer = self.answer(call).await;
        answer.map_err(|failure| self.error(failure, purpose))
    }

    /// The answer to a question; `None` where GitHub does not know what it is about.
    pub(super) async fn find(&self, route: String) -> Result<Option<Answer>, ForgeError> {
        match self.answer(&Call::get(route)).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure::Refused { status, .. }) if status == 404 => Ok(None),
            Err(failure) => Err(self.error(failure, Purpose::Read)),
        }
    }

    /// Sends a file to the address that an answer named; again only where GitHub took none, because there were too many
    /// requests before.
    pub(super) async fn upload(
        &self,
        address: &Url,
        (media_type, content): (&str, &[u8]),
        purpose: Purpose<'_>,
    ) -> Result<Answer, ForgeError> {
        let sent = async {
            if !self.is_of_github(address) {
                return Err(Failure::Answer("it names another host for uploads".to_owned()));
            }
            let mut pauses = backoff().build();
            loop {
                let request = self.request(Method::POST, address.as_str()).await?;
                let request = request.header(CONTENT_TYPE, media_type).body(content.to_vec());
                match once(request, limits::GITHUB_UPLOAD).await {
                    Err(Failure::Limited { pause, .. })
                        if pause <= limits::GITHUB_PAUSE && pauses.next().is_some() =>
                    {
                        tokio::time::sleep(pause).await;
                    }
                    ended => return ended,
                }
            }
        };
        sent.await.map_err(|failure| self.error(failure, purpose))
    }

    /// Whether the token may be sent there. Source: GitHub REST API, "Upload a release asset": `uploads.github.com` for
    /// `api.github.com`, the same host on GitHub Enterprise Server.
    fn is_of_github(&self, address: &Url) -> bool {
        let api = self.address.as_ref();
        let host = api.and_then(Url::host_str).unwrap_or("api.github.com");
        let is_known_host = address.host_str().is_some_and(|uploads| {
            uploads == host || Some(uploads.trim_start_matches("uploads.")) == host.strip_prefix("api.")
        });
        is_known_host && address.scheme() == api.map_or("https", Url::scheme)
    }

    async fn answer(&self, call: &Call) -> Result<Answer, Failure> {
        let base = self.address.as_ref().map_or(GITHUB, Url::as_str);
        let address = format!(
            "{}/repos/{}{}",
            base.trim_end_matches('/'),
            self.repository,
            call.route
        );
        let mut pauses = backoff().build();
        loop {
            let mut request = self.request(call.method.clone(), &address).await?;
            if let Some(body) = &call.body {
                request = request.json(body);
            }
            let failure = match once(request, limits::GITHUB_TRY).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let pause = match &failure {
                // Nothing was done, whatever it was.
                Failure::Limited { pause, .. } if *pause <= limits::GITHUB_PAUSE => {
                    pauses.next().map(|_| *pause)
                }
                failure if call.is_repeatable && failure.is_transient() => pauses.next(),
                _ => None,
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure),
            }
        }
    }

    fn error(&self, failure: Failure, purpose: Purpose<'_>) -> ForgeError {
        failure.into_error(self.repository.clone(), purpose)
    }

    /// The error of an answer that says something else.
    pub(super) fn not_understood(&self, error: &dyn std::fmt::Display) -> ForgeError {
        let problem = format!("its answer is not understood: {}", cleaned(&error.to_string()));
        self.error(Failure::Answer(problem), Purpose::Read)
    }

    /// The error of findings that cannot be sent.
    pub(super) fn not_sent(&self, error: &dyn std::fmt::Display) -> ForgeError {
        let problem = format!("the findings cannot be sent: {error}");
        self.error(Failure::Answer(problem), Purpose::ShowFindings)
    }

    /// Reads what an answer says.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, answer: &Answer) -> Result<T, ForgeError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.not_understood(&error))
    }
}

fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(200))
        .with_max_times(2)
        .with_jitter()
}

/// One try, whose answer is read only as far as an answer goes.
async fn once(request: RequestBuilder, limit: Duration) -> Result<Answer, Failure> {
    let answered = async {
        let (client, request) = request.build_split();
        let request = request?;
        let url = request.url();
        let what = format!(
            "{} {}{}",
            request.method(),
            url.host_str().unwrap_or_default(),
            url.path()
        );
        let answer = oci_registry::send_logged(&client, request, what).await?;
        let (head, body) = Response::from(answer).into_parts();
        let most = usize::try_from(limits::GITHUB_BYTES).unwrap_or(usize::MAX);
        let body = Limited::new(body, most).collect().await;
        let body = body
            .map_err(|error| Failure::Answer(cleaned(&error.to_string())))?
            .to_bytes();
        if !head.status.is_success() {
            return Err(Failure::of_answer(&head, &body));
        }
        // Source: GitHub REST API, "Using pagination in the REST API".
        let links = head.headers.get_all(LINK).iter();
        let has_more = links
            .filter_map(|link| link.to_str().ok())
            .any(|link| link.contains("rel=\"next\""));
        Ok(Answer { body, has_more })
    };
    match tokio::time::timeout(limit, answered).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::Late(limit)),
    }
}
