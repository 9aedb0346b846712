//! What all AWS clients of one run share.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::meta::region::RegionProviderChain;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::SharedIdentityCache;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use secrecy::ExposeSecret as _;

use crate::aws::assume::{AssumedRole, Proof, SessionRequest};
use crate::aws::chain::{Chain, check_account};
use crate::aws::failure::Bounded;
use crate::aws::machine::{self, Machine};
use crate::aws::oidc::TokenSource;
use crate::aws::retry_policy::RetryPolicy;
use crate::aws::role::RoleArn;
use crate::aws::{IdentityError, endpoint};
use crate::limits;
use crate::ports::{Clock, Reporter};
use crate::settings::IdentitySettings;
use tagship_domain::reference::{Region, RegistryHost};

/// Credentials that end within this time are renewed before they are used.
const RENEWED_BEFORE_END: Duration = Duration::from_mins(1);

/// What all clients of one run share: region, endpoint, timeouts, HTTP client and credentials.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) sdk: SdkConfig,
    pub(super) region: Region,
}

/// How this run comes to credentials.
#[derive(Debug)]
enum CredentialSource {
    /// A role, by the word of the job's system.
    WebIdentity(SessionRequest, TokenSource),
    /// A role, by the word of the ordinary chain.
    ChainedRole(SessionRequest),
    /// The ordinary chain.
    Chain,
}

impl CredentialSource {
    fn of(identity: &IdentitySettings) -> Result<Self, IdentityError> {
        let Some(role) = &identity.role else {
            return Ok(Self::Chain);
        };
        let role = RoleArn::parse(role)?;
        check_account(&identity.allowed_accounts, role.account(), "the role")?;
        let session = SessionRequest::new(role, &identity.session_name, identity.duration_seconds)?
            .narrowed_by(identity.session_policy.clone());
        match &identity.oidc {
            Some(oidc) => {
                let tokens = TokenSource::new(oidc.clone(), &identity.audience);
                Ok(Self::WebIdentity(session, tokens))
            }
            None if identity.in_actions && identity.from_fork => Err(IdentityError::Fork),
            None if identity.in_actions => Err(IdentityError::MissingPermission),
            None => Ok(Self::ChainedRole(session)),
        }
    }
}

impl Connection {
    /// Decides how to come to credentials and reads the local AWS configuration. Contacts no server.
    pub(super) async fn open(
        identity: &IdentitySettings,
        registry: &RegistryHost,
        clock: Arc<dyn Clock>,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, IdentityError> {
        if let Some(account) = registry.account() {
            check_account(&identity.allowed_accounts, account, "the registry")?;
        }
        let source = CredentialSource::of(identity)?;
        let region = region(identity, registry).await?;
        let base = base_config(identity, registry, &region, &source).await?;
        let provider = provider(source, identity, &base, &region, clock, reporter)?;
        let sdk = base.into_builder().credentials_provider(provider).build();
        Ok(Self { sdk, region })
    }
}

/// The region of STS: the one that is set, the registry's, or the one of the AWS environment or profile.
async fn region(identity: &IdentitySettings, registry: &RegistryHost) -> Result<Region, IdentityError> {
    if let Some(region) = identity.region.as_ref().or(registry.region()) {
        return Ok(region.clone());
    }
    // Not the default chain: that one asks the instance metadata service, which is slow where there is none.
    let found =
        RegionProviderChain::first_try(aws_config::environment::EnvironmentVariableRegionProvider::new())
            .or_else(aws_config::profile::ProfileFileRegionProvider::new())
            .region()
            .await;
    match found {
        Some(region) => machine::region(region.as_ref()),
        // An emulator has no region of its own, but signatures need one.
        None if registry.is_plain_http() => Ok(Region::emulated()),
        None => Err(IdentityError::NoRegion),
    }
}

async fn base_config(
    identity: &IdentitySettings,
    registry: &RegistryHost,
    region: &Region,
    source: &CredentialSource,
) -> Result<SdkConfig, IdentityError> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new(region.to_string()))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(limits::CONNECT)
                .read_timeout(limits::AWS_TRY)
                .operation_attempt_timeout(limits::AWS_TRY)
                .operation_timeout(limits::AWS_CALL)
                .build(),
        )
        .identity_cache(identity_cache())
        .retry_config(retries(identity, source).await?);
    if let Ok(name) = AppName::new("tagship") {
        loader = loader.app_name(name);
    }
    if let Some(url) = &identity.endpoint_url {
        endpoint::check(url, registry)?;
        loader = loader.endpoint_url(url.as_str());
    }
    if matches!(source, CredentialSource::WebIdentity(..)) {
        loader = loader.no_credentials();
    } else if let Some(key) = &identity.access_key {
        let secret = key.secret.expose_secret();
        loader = loader.credentials_provider(Credentials::new(&key.id, secret, None, None, "embedded ECR"));
    }
    Ok(loader.load().await)
}

/// How often calls are repeated. The embedded ECR's own key needs nothing of the machine.
async fn retries(
    identity: &IdentitySettings,
    source: &CredentialSource,
) -> Result<RetryConfig, IdentityError> {
    if identity.access_key.is_some() {
        return Ok(RetryConfig::standard());
    }
    let needs_profile = !matches!(source, CredentialSource::WebIdentity(..));
    Machine::own().retries(needs_profile).await
}

/// A cache whose timeout is longer than the patience of the providers in it.
pub(super) fn identity_cache() -> SharedIdentityCache {
    IdentityCache::lazy()
        .load_timeout(RetryPolicy::LONGEST)
        .buffer_time(RENEWED_BEFORE_END)
        .build()
}

fn provider(
    source: CredentialSource,
    identity: &IdentitySettings,
    base: &SdkConfig,
    region: &Region,
    clock: Arc<dyn Clock>,
    reporter: Arc<dyn Reporter>,
) -> Result<SharedCredentialsProvider, IdentityError> {
    let chain = |allowed, reporter| {
        let inner = base.credentials_provider().ok_or(IdentityError::None)?;
        Ok(SharedCredentialsProvider::new(Chain::new(
            inner,
            base.clone(),
            allowed,
            reporter,
        )))
    };
    let sts = aws_sdk_sts::config::Builder::from(base)
        .retry_config(RetryConfig::disabled())
        .interceptor(Bounded(limits::STS_BYTES));
    let (session, proof, sts) = match source {
        CredentialSource::Chain => return chain(identity.allowed_accounts.clone(), reporter),
        CredentialSource::WebIdentity(session, tokens) => (session, Proof::WebIdentity(tokens), sts),
        CredentialSource::ChainedRole(session) => {
            // The account that counts is the role's, and that was checked.
            let source = chain(Vec::new(), Arc::clone(&reporter))?;
            (session, Proof::Chain, sts.credentials_provider(source))
        }
    };
    let sts = aws_sdk_sts::Client::from_conf(sts.build());
    let role = AssumedRole::new(proof, sts, region.clone(), session, clock, reporter);
    Ok(SharedCredentialsProvider::new(role))
}
