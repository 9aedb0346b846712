//! The identity towards AWS.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::{AccountId, Region};

/// The identity towards AWS.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an input or a fact of its own"
)]
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
    /// What the workflow wants of the session.
    pub session: SessionSettings,
    /// The accounts that may be used; any when empty.
    pub allowed_accounts: Vec<AccountId>,
    /// The region of the API calls.
    pub region: Option<Region>,
    /// The address of all AWS APIs, in place of AWS's own.
    pub endpoint_url: Option<Url>,
    /// The job's OIDC token, or where it is issued; absent where the role is to be assumed in another way.
    pub oidc: Option<OidcToken>,
    /// A key that is given, or the embedded ECR's own; takes the place of the ordinary chain.
    pub access_key: Option<AccessKey>,
    /// Whether the ordinary chain is meant to assume the role, in a job too.
    pub chains_roles: bool,
    /// Whether credentials of the ordinary chain are used as they are, where AWS takes them.
    pub uses_existing: bool,
    /// Whether the run is a GitHub Actions job; then a role without OIDC is a missing permission.
    pub in_actions: bool,
    /// Whether the run is a pull request from a fork, which is never given OIDC tokens.
    pub from_fork: bool,
}

/// What the workflow wants of a role's session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionSettings {
    /// A policy that narrows it: JSON of at most 2,048 characters.
    pub inline_policy: Option<String>,
    /// The names of managed policies that narrow it, at most 10.
    pub managed_policies: Vec<String>,
    /// What the role's trust policy knows the caller by; with keys alone.
    pub external_id: Option<String>,
    /// Its tags, at most 50; with keys alone.
    pub tags: Vec<(String, String)>,
    /// The keys of those that stay in sessions of roles that are assumed from it.
    pub transitive_tags: Vec<String>,
}

impl SessionSettings {
    /// Whether the workflow itself narrows the session. Another policy beside its own would widen it: a session may do what
    /// any of its policies allows.
    ///
    /// Source: IAM user guide, "Session policies".
    pub fn has_policy(&self) -> bool {
        self.inline_policy.is_some() || !self.managed_policies.is_empty()
    }
}

/// What later steps of the job are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportSettings {
    /// Whether they are given the credentials, as variables.
    pub credentials: bool,
    /// Whether they are given the registry's login, as outputs.
    pub docker_login: bool,
}

impl IdentitySettings {
    /// The account in the role's name.
    pub fn account_of_role(&self) -> Option<&str> {
        self.role.as_ref()?.split(':').nth(4)
    }

    /// Whether both come to the same credentials, of two images of one process: keys and tokens are those of its
    /// environment, which no file has.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let named = |one: &Self| {
            (
                one.role.clone(),
                one.session_name.clone(),
                one.audience.clone(),
                one.session.clone(),
                one.allowed_accounts.clone(),
                one.region.clone(),
                one.endpoint_url.clone(),
                one.access_key.as_ref().map(|key| key.id.clone()),
            )
        };
        let said = |one: &Self| {
            (
                one.duration_seconds,
                one.narrows_session,
                one.chains_roles,
                one.uses_existing,
            )
        };
        named(self) == named(other) && said(self) == said(other)
    }

    /// Everything in the settings that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        let of_oidc = self.oidc.iter().filter_map(|token| match token {
            OidcToken::Request(request) => Some(&request.token),
            OidcToken::Given(token) => Some(token),
            OidcToken::File(_) => None,
        });
        let of_key = self.access_key.iter();
        of_oidc.chain(of_key.flat_map(|key| std::iter::once(&key.secret).chain(&key.session_token)))
    }
}

/// A key pair.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its id, `AKIA…` or `ASIA…`.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// The token of the session that it belongs to; absent of a long-lived one.
    pub session_token: Option<SecretString>,
}

/// How a job comes to an OIDC token.
#[derive(Debug, Clone)]
pub enum OidcToken {
    /// GitHub issues one for each request.
    Request(OidcRequest),
    /// The job has one, as most systems give it: a JWT.
    Given(SecretString),
    /// A file holds one, which another program keeps fresh.
    File(PathBuf),
}

/// Where GitHub issues OIDC tokens.
#[derive(Debug, Clone)]
pub struct OidcRequest {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub url: Url,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub token: SecretString,
}
