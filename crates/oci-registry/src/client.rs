//! The client: one repository's requests, with credentials, limits of time and repetitions.

use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use backon::Retryable as _;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Response};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

use super::authorization::{Challenge, Negotiation, Scheme, basic};
use super::error::RegistryError;
use super::failure::{Failure, MAX_ERROR_BYTES};
use super::http::{describe_transport, send};
use super::login::{RegistryCredential, RegistryLogin};
use super::operation::Operation;
use super::retry_policy::RetryPolicy;
use tagship_domain::reference::ImageName;

/// A client of one repository's part of a registry's `/v2` API.
///
/// Source: OCI distribution spec 1.1; ECR user guide, "Registry authentication" (HTTP Basic only).
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) image: ImageName,
    pub(crate) base: Url,
    pub(crate) retry_policy: RetryPolicy,
    login: Arc<dyn RegistryLogin>,
    /// Whether the registry says how it wants credentials; ECR wants Basic, and is not asked.
    negotiates: bool,
    negotiation: std::sync::Mutex<Negotiation>,
    on_retry: Box<dyn Fn(&Retry<'_>) + Send + Sync>,
    renewal: Mutex<()>,
}

/// A request that failed and will be repeated.
#[derive(Debug)]
pub struct Retry<'a> {
    /// What is repeated, such as `listing tags`.
    pub what: String,
    /// Why it failed. The registry's words, cleaned.
    pub reason: &'a str,
    /// The time until the next try.
    pub delay: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.image)
    }
}

impl Client {
    /// A client over a shared pool of connections, which must not follow redirects (see [`super::http_client`]).
    pub fn new(
        image: ImageName,
        http: reqwest::Client,
        login: Arc<dyn RegistryLogin>,
    ) -> Result<Self, RegistryError> {
        let scheme = if image.registry.is_plain_http() {
            "http"
        } else {
            "https"
        };
        let base = format!("{scheme}://{}/v2/{}/", image.registry, image.repository);
        let base = Url::parse(&base).map_err(|error| RegistryError::Unavailable {
            host: image.registry.clone(),
            operation: "making addresses".into(),
            message: error.to_string(),
            was_repeated: true,
        })?;
        Ok(Self {
            http,
            image,
            base,
            retry_policy: RetryPolicy::default(),
            login,
            negotiates: false,
            negotiation: std::sync::Mutex::new(Negotiation {
                scheme: Scheme::Basic,
                ..Negotiation::default()
            }),
            on_retry: Box::new(|_| {}),
            renewal: Mutex::new(()),
        })
    }

    /// This client with other limits of time.
    #[must_use]
    pub fn with_retry_policy(self, retry_policy: RetryPolicy) -> Self {
        Self { retry_policy, ..self }
    }

    /// This client for any registry: the first request goes without a credential, and the registry's refusal says whether
    /// it wants user and password, or a token and from which issuer.
    #[must_use]
    pub fn negotiating(self) -> Self {
        Self {
            negotiates: true,
            negotiation: std::sync::Mutex::default(),
            ..self
        }
    }

    /// Calls `observer` whenever a request is going to be repeated.
    #[must_use]
    pub fn on_retry(self, observer: impl Fn(&Retry<'_>) + Send + Sync + 'static) -> Self {
        Self {
            on_retry: Box::new(observer),
            ..self
        }
    }

    /// Returns the repository's name.
    pub fn image(&self) -> &ImageName {
        &self.image
    }

    /// The address of something in the repository, such as `manifests/1.2.3`.
    pub(crate) fn address(&self, path: &str) -> Result<Url, Failure> {
        self.base
            .join(path)
            .map_err(|error| Failure::transient(error.to_string()))
    }

    /// Does `attempt`, again and again with growing pauses while its failures are transient and the operation's time
    /// lasts.
    pub(crate) async fn retried<T, F>(
        &self,
        operation: Operation<'_>,
        mut attempt: impl FnMut() -> F + Send,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>> + Send,
    {
        let end = Instant::now() + self.retry_policy.operation;
        let attempt = move || {
            let rest = end.saturating_duration_since(Instant::now());
            Self::within(rest, attempt())
        };
        let tries = attempt
            .retry(self.retry_policy.backoff())
            .when(|failure| matches!(failure, Failure::Transient { .. }))
            .adjust(|failure, pause| {
                let pause = match failure {
                    Failure::Transient {
                        retry_after: Some(asked),
                        ..
                    } => pause.map(|pause| pause.max((*asked).min(self.retry_policy.longest_pause))),
                    _ => pause,
                };
                pause.filter(|pause| Instant::now() + *pause < end)
            })
            .notify(|failure, pause| {
                if let Failure::Transient { reason, .. } = failure {
                    self.report_retry(operation, reason, pause);
                }
            });
        // In a box: a request is large, and what awaits it lies within many others.
        Box::pin(tries.into_future()).await
    }

    fn report_retry(&self, operation: Operation<'_>, reason: &str, delay: Duration) {
        (self.on_retry)(&Retry {
            what: operation.to_string(),
            reason,
            delay,
        });
    }

    /// Sends a request, with a new credential once if the registry refuses the first.
    ///
    /// Gives successes and redirects only.
    pub(crate) async fn send(
        &self,
        operation: Operation<'_>,
        request: impl Fn() -> RequestBuilder + Send,
    ) -> Result<Response, Failure> {
        let authorization = self.authorization().await?;
        match self.send_with(operation, request(), authorization.clone()).await {
            Err(Failure::Credential(_)) => {
                let renewed = self.renewed(authorization.as_ref()).await?;
                self.send_with(operation, request(), renewed).await
            }
            other => other,
        }
    }

    /// Sends a request that cannot be sent twice. A refused credential is forgotten, so that the next try has a new one.
    pub(crate) async fn send_once(
        &self,
        operation: Operation<'_>,
        request: RequestBuilder,
    ) -> Result<Response, Failure> {
        let authorization = self.authorization().await?;
        let answer = self.send_with(operation, request, authorization).await;
        if let Err(Failure::Credential(reason)) = answer {
            self.login.forget(&self.image.registry).await;
            return Err(Failure::transient(reason.to_string()));
        }
        answer
    }

    async fn send_with(
        &self,
        operation: Operation<'_>,
        request: RequestBuilder,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, Failure> {
        let request = match authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        };
        let response = send(request).await.map_err(transport_failure)?;
        if self.negotiates && response.status() == StatusCode::UNAUTHORIZED {
            self.negotiation().challenge = Challenge::of(response.headers());
        }
        self.checked(operation, response).await
    }

    /// The response, if it is a success or a redirect.
    pub(crate) async fn checked(
        &self,
        operation: Operation<'_>,
        mut response: Response,
    ) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        let headers = std::mem::take(response.headers_mut());
        // The status says enough when the body cannot be read.
        let body = read_up_to(&mut response, MAX_ERROR_BYTES)
            .await
            .unwrap_or_default();
        Err(Failure::of_answer(
            &self.image,
            operation,
            status,
            &headers,
            &body,
        ))
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, RegistryError> {
        let scheme = self.negotiation().scheme.clone();
        match scheme {
            Scheme::Unknown => Ok(None),
            Scheme::Bearer(header) => Ok(Some(header)),
            Scheme::Basic => basic(&self.image.registry, &self.credential().await?).map(Some),
        }
    }

    pub(crate) fn negotiation(&self) -> MutexGuard<'_, Negotiation> {
        // Every change is whole; one that panicked elsewhere leaves nothing half-done.
        self.negotiation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn credential(&self) -> Result<RegistryCredential, RegistryError> {
        let host = &self.image.registry;
        let credential = self
            .login
            .credential(host)
            .await
            .map_err(|source| RegistryError::Login {
                host: host.clone(),
                source,
            })?;
        Ok(credential)
    }

    /// A credential other than `refused`. Requests that are refused at the same time share one renewal.
    async fn renewed(&self, refused: Option<&HeaderValue>) -> Result<Option<HeaderValue>, Failure> {
        let _one_at_a_time = self.renewal.lock().await;
        let held = self.authorization().await?;
        if held.as_ref() != refused {
            return Ok(held);
        }
        let challenge = self.negotiation().challenge.take().filter(|_| self.negotiates);
        let Some(challenge) = challenge else {
            self.login.forget(&self.image.registry).await;
            return Ok(self.authorization().await?);
        };
        let credential = self.credential().await?;
        self.answer_challenge(challenge, &credential).await
    }

    /// Bounds one try's time.
    pub(crate) async fn within<T>(
        limit: Duration,
        attempt: impl Future<Output = Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        timeout(limit, attempt).await.unwrap_or_else(|_| {
            Err(Failure::transient(format!(
                "no answer within {} s",
                limit.as_secs()
            )))
        })
    }
}

/// A request that did not get an answer. Only one that could not even be made is not worth repeating, and there
/// is none of those: addresses and headers are checked before.
pub(crate) fn transport_failure(error: reqwest::Error) -> Failure {
    Failure::transient(describe_transport(error))
}

/// The first `limit` bytes of a body.
pub(crate) async fn read_up_to(response: &mut Response, limit: usize) -> Result<Bytes, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= limit {
            break;
        }
    }
    Ok(body.freeze())
}
