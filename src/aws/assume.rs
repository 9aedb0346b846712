//! Assuming a role by STS.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_sdk_sts::types::{Credentials as Issued, PolicyDescriptorType, Tag as SessionTag};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;

use crate::aws::IdentityError;
use crate::aws::claims::Claims;
use crate::aws::failure::ApiFailure;
use crate::aws::oidc::TokenSource;
use crate::aws::refusal;
use crate::aws::retry_policy::{RetryClass, RetryPolicy};
use crate::aws::role::RoleArn;
use crate::ports::{Clock, Reporter, RunEvent, Warning};
use crate::settings::SessionSettings;
use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::Region;

/// The session that a role is assumed for.
#[derive(Debug, Clone)]
pub(super) struct SessionRequest {
    role: RoleArn,
    name: String,
    seconds: u32,
    /// The policy that the run itself narrows it by.
    policy: Option<SessionPolicy>,
    /// What the workflow wants of it.
    wanted: SessionSettings,
}

impl SessionRequest {
    /// Source: STS API reference, `RoleSessionName` and `DurationSeconds`.
    pub(super) fn new(role: RoleArn, name: &str, seconds: u32) -> Result<Self, IdentityError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(2..=64).contains(&name.len()) || !name.chars().all(legal) {
            let name = tagship_domain::error::cleaned(name);
            return Err(IdentityError::InvalidSessionName { name });
        }
        if !(900..=43_200).contains(&seconds) {
            return Err(IdentityError::InvalidDuration { seconds });
        }
        Ok(Self {
            role,
            name: name.to_owned(),
            seconds,
            policy: None,
            wanted: SessionSettings::default(),
        })
    }

    /// The same session as the workflow wants it, else narrowed by a policy of the run's own.
    pub(super) fn narrowed_by(self, policy: Option<SessionPolicy>, wanted: &SessionSettings) -> Self {
        Self {
            policy: policy.filter(|_| !wanted.has_policy()),
            wanted: wanted.clone(),
            ..self
        }
    }

    /// The names of managed policies that narrow the session; `None` where there are none.
    fn managed_policies(&self) -> Option<Vec<PolicyDescriptorType>> {
        let policy = |arn: &String| PolicyDescriptorType::builder().arn(arn).build();
        let wanted = &self.wanted.managed_policies;
        (!wanted.is_empty()).then(|| wanted.iter().map(policy).collect())
    }

    /// Its tags; `None` where there are none.
    fn tags(&self) -> Option<Vec<SessionTag>> {
        let tags = self.wanted.tags.iter();
        // A tag without key or value cannot be; both are there.
        let tags = tags.filter_map(|(key, value)| SessionTag::builder().key(key).value(value).build().ok());
        (!self.wanted.tags.is_empty()).then(|| tags.collect())
    }

    fn transitive_tags(&self) -> Option<Vec<String>> {
        Some(self.wanted.transitive_tags.clone()).filter(|keys| !keys.is_empty())
    }
}

/// What convinces STS that the role may be assumed.
#[derive(Debug)]
pub(super) enum Proof {
    /// A fresh OIDC token for each try.
    WebIdentity(TokenSource),
    /// The credentials of the ordinary chain, which the STS client holds.
    Chain,
}

/// Credentials of an assumed role; the SDK's identity cache asks again before they end.
pub(super) struct AssumedRole {
    proof: Proof,
    sts: aws_sdk_sts::Client,
    region: Region,
    session: SessionRequest,
    /// The session's length, which STS may have made us shorten.
    seconds: AtomicU32,
    /// Whether the session is narrowed, which STS may have no room for.
    is_narrowed: AtomicBool,
    /// Why the last goal was given up, and when.
    failed: Mutex<Option<(Timestamp, IdentityError)>>,
    clock: Arc<dyn Clock>,
    reporter: Arc<dyn Reporter>,
}

/// Why one try failed.
enum TryFailure {
    TooLong,
    PolicyTooLarge,
    Other(IdentityError, RetryClass),
}

impl From<(IdentityError, RetryClass)> for TryFailure {
    fn from((error, retry_class): (IdentityError, RetryClass)) -> Self {
        Self::Other(error, retry_class)
    }
}

impl AssumedRole {
    /// Every role allows this; so does the chaining of roles.
    const SECONDS_ALWAYS_ALLOWED: u32 = 3600;
    /// How long a failure stands for the calls that waited for the same.
    const FAILURE_LASTS: SignedDuration = SignedDuration::from_secs(10);

    /// `sts` must not retry by itself: a try needs a fresh token.
    pub(super) fn new(
        proof: Proof,
        sts: aws_sdk_sts::Client,
        region: Region,
        session: SessionRequest,
        clock: Arc<dyn Clock>,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self {
            proof,
            sts,
            region,
            seconds: AtomicU32::new(session.seconds),
            is_narrowed: AtomicBool::new(session.policy.is_some()),
            failed: Mutex::default(),
            session,
            clock,
            reporter,
        }
    }

    /// Calls that run side by side ask one after the other. The refusal of the first is that of the others.
    async fn assume(&self) -> Result<Credentials, IdentityError> {
        let mut failed = self.failed.lock().await;
        if let Some((at, error)) = &*failed
            && self.clock.now().duration_since(*at) < Self::FAILURE_LASTS
        {
            return Err(error.clone());
        }
        let assumed = self.assume_patiently().await;
        let failure = assumed.as_ref().err();
        *failed = failure.map(|error| (self.clock.now(), error.clone()));
        assumed
    }

    async fn assume_patiently(&self) -> Result<Credentials, IdentityError> {
        let mut retry_policy = RetryPolicy::begin(&*self.clock);
        loop {
            let seconds = self.seconds.load(Ordering::Relaxed);
            let (error, retry_class) = match self.try_once(seconds).await {
                Ok(credentials) => return Ok(credentials),
                Err(TryFailure::TooLong) => {
                    self.shorten(seconds);
                    continue;
                }
                Err(TryFailure::PolicyTooLarge) => {
                    self.widen();
                    continue;
                }
                Err(TryFailure::Other(error, retry_class)) => (error, retry_class),
            };
            let Some(delay) = retry_policy.wait(retry_class, &*self.clock) else {
                return Err(error);
            };
            self.reporter.event(RunEvent::Retry {
                what: "assuming the role",
                reason: &error.to_string(),
                delay,
            });
            self.clock.sleep(delay).await;
        }
    }

    fn shorten(&self, seconds: u32) {
        self.seconds
            .store(Self::SECONDS_ALWAYS_ALLOWED, Ordering::Relaxed);
        self.reporter.event(RunEvent::Warning(&Warning {
            message: format!(
                "role `{}` allows no session of {seconds} seconds; it is assumed for {} seconds and renewed when needed",
                self.session.role,
                Self::SECONDS_ALWAYS_ALLOWED
            ),
            file: None,
            line: None,
        }));
    }

    fn widen(&self) {
        self.is_narrowed.store(false, Ordering::Relaxed);
        self.reporter.event(RunEvent::Warning(&Warning {
            message: format!(
                "STS has no room for a policy beside what the session of role `{}` carries; the session is not narrowed",
                self.session.role
            ),
            file: None,
            line: None,
        }));
    }

    /// The policy that the session is narrowed by.
    fn policy(&self) -> Option<String> {
        let own = self.session.policy.as_ref().filter(|_| self.is_narrowed());
        let own = own.map(|policy| policy.as_str().to_owned());
        self.session.wanted.inline_policy.clone().or(own)
    }

    /// Whether the run itself narrows the session.
    fn is_narrowed(&self) -> bool {
        self.is_narrowed.load(Ordering::Relaxed)
    }

    async fn try_once(&self, seconds: u32) -> Result<Credentials, TryFailure> {
        // At most 43,200.
        let duration = i32::try_from(seconds).unwrap_or(i32::MAX);
        let role = &self.session.role;
        let (issued, name) = match &self.proof {
            Proof::WebIdentity(tokens) => {
                let token = tokens.token().await?;
                self.reporter.mask(&token);
                let sent = self
                    .sts
                    .assume_role_with_web_identity()
                    .role_arn(role.as_str())
                    .role_session_name(&self.session.name)
                    .duration_seconds(duration)
                    .set_policy(self.policy())
                    .set_policy_arns(self.session.managed_policies())
                    .web_identity_token(token.expose_secret())
                    .send()
                    .await;
                let output = sent.map_err(|error| {
                    self.failure(seconds, ApiFailure::of(&error), |failure| {
                        refusal::of_web_identity(failure, role, &self.region, Claims::of(&token))
                    })
                })?;
                (output.credentials, "OidcRole")
            }
            Proof::Chain => {
                let sent = self
                    .sts
                    .assume_role()
                    .role_arn(role.as_str())
                    .role_session_name(&self.session.name)
                    .duration_seconds(duration)
                    .set_policy(self.policy())
                    .set_policy_arns(self.session.managed_policies())
                    .set_tags(self.session.tags())
                    .set_transitive_tag_keys(self.session.transitive_tags())
                    .set_external_id(self.session.wanted.external_id.clone())
                    .send()
                    .await;
                let output = sent.map_err(|error| {
                    self.failure(seconds, ApiFailure::of(&error), |failure| {
                        refusal::of_chain(failure, role, &self.region)
                    })
                })?;
                (output.credentials, "ChainedRole")
            }
        };
        self.accept(issued, name)
            .ok_or(TryFailure::Other(NO_CREDENTIALS, RetryClass::Never))
    }

    fn failure(
        &self,
        seconds: u32,
        failure: ApiFailure,
        meaning: impl FnOnce(ApiFailure) -> (IdentityError, RetryClass),
    ) -> TryFailure {
        if refusal::is_too_long(&failure) && seconds > Self::SECONDS_ALWAYS_ALLOWED {
            TryFailure::TooLong
        } else if let Some(error) = refusal::of_session(&failure, &self.session.role) {
            // What the run adds of itself is left out; what the workflow wants is not.
            match error {
                IdentityError::SessionTooLarge { .. } if self.is_narrowed() => TryFailure::PolicyTooLarge,
                error => TryFailure::Other(error, RetryClass::Never),
            }
        } else {
            meaning(failure).into()
        }
    }

    fn accept(&self, issued: Option<Issued>, name: &'static str) -> Option<Credentials> {
        let issued = issued?;
        let expiry = SystemTime::try_from(issued.expiration).ok()?;
        self.reporter
            .mask(&SecretString::from(issued.secret_access_key.as_str()));
        self.reporter
            .mask(&SecretString::from(issued.session_token.as_str()));
        Some(Credentials::new(
            issued.access_key_id,
            issued.secret_access_key,
            Some(issued.session_token),
            Some(expiry),
            name,
        ))
    }
}

const NO_CREDENTIALS: IdentityError = IdentityError::Malformed {
    operation: "the request for the role's credentials",
    problem: "holds no credentials",
};

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.assume().await.map_err(CredentialsError::provider_error)
        })
    }
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumedRole")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
