//! The identity towards AWS.

use secrecy::SecretString;
use url::Url;

use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::{AccountId, Region};

/// The identity towards AWS.
#[derive(Debug, Clone, Default)]
pub struct IdentitySettings {
    /// The role to assume, as `arn:…:role/…`.
    pub role: Option<String>,
    /// The session's name: 2 to 64 characters of `[\w+=,.@-]`.
    pub session_name: String,
    /// The audience of the OIDC token.
    pub audience: String,
    /// The session's length in seconds, 900 to 43,200.
    pub duration_seconds: u32,
    /// Whether the session is narrowed to the repositories that the run writes to.
    pub narrows_session: bool,
    /// What the session is narrowed to.
    pub session_policy: Option<SessionPolicy>,
    /// The accounts that may be used; any when empty.
    pub allowed_accounts: Vec<AccountId>,
    /// The region of the API calls.
    pub region: Option<Region>,
    /// The address of all AWS APIs, in place of AWS's own.
    pub endpoint_url: Option<Url>,
    /// The job's OIDC token, or where it is issued.
    pub oidc: Option<OidcToken>,
    /// The embedded ECR's key pair; takes the place of the ordinary chain.
    pub access_key: Option<AccessKey>,
    /// Whether the run is a GitHub Actions job; then a role without OIDC is a missing permission.
    pub in_actions: bool,
    /// Whether the run is a pull request from a fork, which is never given OIDC tokens.
    pub from_fork: bool,
}

impl IdentitySettings {
    /// Everything in the settings that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let of_oidc = self.oidc.iter().map(|token| match token {
            OidcToken::Request(request) => &request.token,
            OidcToken::Given(token) => token,
        });
        of_oidc.chain(self.access_key.iter().map(|key| &key.secret))
    }
}

/// A long-lived key pair.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its id, `AKIA…`.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
}

/// How a job comes to an OIDC token.
#[derive(Debug, Clone)]
pub enum OidcToken {
    /// GitHub issues one for each request.
    Request(OidcRequest),
    /// The job has one, as most systems give it: a JWT.
    Given(SecretString),
}

/// Where GitHub issues OIDC tokens.
#[derive(Debug, Clone)]
pub struct OidcRequest {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub url: Url,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub token: SecretString,
}
