//! OIDC tokens of the job.

use std::io::Read as _;
use std::path::Path;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::aws::IdentityError;
use crate::aws::claims::Claims;
use crate::aws::failure::is_connection_refused;
use crate::aws::retry_policy::RetryClass;
use crate::limits;
use crate::network::{self, NetworkError};
use crate::regular_file;
use crate::settings::{IdentitySettings, OidcRequest, OidcToken};
use tagship_domain::error::{cleaned, innermost};

/// Fetches the job's token, and returns what it says of itself; `None` where none is used, or none comes.
pub async fn claims_of(identity: &IdentitySettings) -> Option<Claims> {
    let source = TokenSource::new(identity.oidc.clone()?, &identity.audience);
    Claims::of(&source.token().await.ok()?)
}

/// Gives OIDC tokens: the one of the job, or GitHub's, a fresh one each time.
///
/// Source: GitHub docs, "OpenID Connect reference", on requesting the JWT with environment variables.
#[derive(Debug)]
pub(super) struct TokenSource {
    token: OidcToken,
    audience: String,
    http: OnceCell<reqwest::Client>,
}

impl TokenSource {
    pub(super) fn new(token: OidcToken, audience: &str) -> Self {
        Self {
            token,
            audience: audience.to_owned(),
            http: OnceCell::new(),
        }
    }

    /// Returns a token, with one request at most.
    pub(super) async fn token(&self) -> Result<SecretString, (IdentityError, RetryClass)> {
        match &self.token {
            OidcToken::Given(token) => Ok(token.clone()),
            OidcToken::File(path) => of_file(path).map_err(|error| (error, RetryClass::Never)),
            OidcToken::Request(request) => self.issued(request).await,
        }
    }

    async fn issued(&self, request: &OidcRequest) -> Result<SecretString, (IdentityError, RetryClass)> {
        let http = self
            .http
            .get_or_try_init(|| async { Self::client() })
            .await
            .map_err(|error| (unavailable(error.to_string()), RetryClass::Never))?;
        let mut url = request.url.clone();
        url.query_pairs_mut().append_pair("audience", &self.audience);
        let what = format!("a token for the job at {}", url.host_str().unwrap_or_default());
        let request = http
            .get(url)
            .header(AUTHORIZATION, authorization(request)?)
            .header(ACCEPT, "application/json")
            .build()
            .map_err(|error| (transport(error), RetryClass::Never))?;
        let response = oci_registry::send_logged(http, request, what)
            .await
            .map_err(|error| {
                let retry_class = if is_connection_refused(&error) {
                    RetryClass::Soon
                } else {
                    RetryClass::Later
                };
                (transport(error), retry_class)
            })?;
        match response.status() {
            status if status.is_success() => {}
            status
                if status.is_server_error()
                    || matches!(
                        status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    ) =>
            {
                return Err((unavailable(format!("it answers {status}")), RetryClass::Later));
            }
            status => return Err((refused(format!("it answers {status}")), RetryClass::Never)),
        }
        let body = bounded_body(response).await?;
        parse_token(&body).map_err(|problem| (refused(problem), RetryClass::Never))
    }

    fn client() -> Result<reqwest::Client, NetworkError> {
        network::client(|builder| {
            builder
                .connect_timeout(limits::CONNECT)
                .timeout(limits::OIDC)
                // The request carries a secret, and the endpoint has no reason to send it elsewhere.
                .redirect(Policy::none())
        })
    }
}

/// Reads the token that another program keeps in a file.
fn of_file(path: &Path) -> Result<SecretString, IdentityError> {
    let failed = |problem: String| IdentityError::TokenFile {
        path: cleaned(&path.to_string_lossy()),
        problem,
    };
    let mut token = String::new();
    regular_file::open(path)
        .and_then(|file| file.take(limits::TOKEN_BYTES).read_to_string(&mut token))
        .map_err(|error| failed(error.to_string()))?;
    match token.trim() {
        "" => Err(failed("it is empty".to_owned())),
        token => Ok(token.into()),
    }
}

fn authorization(request: &OidcRequest) -> Result<HeaderValue, (IdentityError, RetryClass)> {
    let text = format!("bearer {}", request.token.expose_secret());
    let illegal = || {
        (
            refused("the request token has illegal characters"),
            RetryClass::Never,
        )
    };
    let mut value = HeaderValue::try_from(text).ok().ok_or_else(illegal)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn bounded_body(mut response: reqwest::Response) -> Result<Vec<u8>, (IdentityError, RetryClass)> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 <= limits::TOKEN_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return Err((refused("its answer is too long"), RetryClass::Never)),
            Ok(None) => return Ok(body),
            Err(error) => return Err((transport(error), RetryClass::Later)),
        }
    }
}

fn parse_token(body: &[u8]) -> Result<SecretString, &'static str> {
    #[derive(Deserialize)]
    struct TokenResponse {
        value: String,
    }
    // serde's own words would repeat a part of the answer.
    let answer: TokenResponse = serde_json::from_slice(body)
        .ok()
        .ok_or("its answer is not JSON with a text `value`")?;
    if answer.value.is_empty() {
        return Err("its answer holds an empty token");
    }
    Ok(answer.value.into())
}

fn refused(problem: impl Into<String>) -> IdentityError {
    IdentityError::TokenRefused {
        message: problem.into(),
    }
}

fn unavailable(problem: String) -> IdentityError {
    IdentityError::Unavailable {
        operation: "the request for an OIDC token".to_owned(),
        message: problem,
    }
}

/// What broke, without the URL, which is long and says nothing to the user.
fn transport(error: reqwest::Error) -> IdentityError {
    let error = error.without_url();
    if error.is_timeout() {
        return unavailable("no answer in time".to_owned());
    }
    unavailable(innermost(&error))
}
