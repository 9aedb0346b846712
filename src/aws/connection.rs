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
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use secrecy::ExposeSecret as _;

use crate::aws::assume::{AssumedRole, Proof, SessionRequest};
use crate::aws::chain::{Chain, check_account};
use crate::aws::existing::ExistingOrRole;
use crate::aws::failure::Bounded;
use crate::aws::machine::{self, Machine};
use crate::aws::oidc::TokenSource;
use crate::aws::retry_policy::RetryPolicy;
use crate::aws::role::RoleArn;
use crate::aws::transport::Transport;
use crate::aws::{IdentityError, endpoint};
use crate::limits;
use crate::ports::{Clock, Reporter};
use crate::settings::IdentitySettings;
use tagship_domain::reference::{AccountId, Region, RegistryHost};

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
    /// A role that cannot be assumed, which matters only where there are no other credentials.
    Refused(IdentityError),
}

impl CredentialSource {
    fn of(identity: &IdentitySettings) -> Result<Self, IdentityError> {
        match Self::of_role(identity) {
            Err(error @ (IdentityError::Fork | IdentityError::MissingPermission))
                if identity.uses_existing =>
            {
                Ok(Self::Refused(error))
            }
            source => source,
        }
    }

    fn of_role(identity: &IdentitySettings) -> Result<Self, IdentityError> {
        let Some(role) = &identity.role else {
            return Ok(Self::Chain);
        };
        let role = RoleArn::parse(role)?;
        check_account(&identity.allowed_accounts, role.account(), "the role")?;
        let session = SessionRequest::new(role, &identity.session_name, identity.duration_seconds)?
            .narrowed_by(identity.session_policy.clone(), &identity.session);
        let is_chained = identity.chains_roles || identity.access_key.is_some();
        match &identity.oidc {
            Some(oidc) => {
                let tokens = TokenSource::new(oidc.clone(), &identity.audience);
                Ok(Self::WebIdentity(session, tokens))
            }
            None if is_chained => Ok(Self::ChainedRole(session)),
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
        let mut sdk = base.into_builder().credentials_provider(provider);
        // The API of a registry under another of its names is asked under the same.
        if registry.is_fips() {
            sdk.set_use_fips(Some(true));
        }
        if registry.is_dual_stack() {
            sdk.set_use_dual_stack(Some(true));
        }
        let sdk = sdk.build();
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
        None if registry.is_public_ecr() => Ok(Region::of_public_ecr()),
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
        .http_client(SharedHttpClient::new(Transport::default()))
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
        .retry_config(retries(identity, registry, source).await?);
    if let Ok(name) = AppName::new("tagship") {
        loader = loader.app_name(name);
    }
    if let Some(url) = &identity.endpoint_url {
        endpoint::check(url, registry)?;
        loader = loader.endpoint_url(url.as_str());
    }
    if matches!(source, CredentialSource::WebIdentity(..)) && !identity.uses_existing {
        loader = loader.no_credentials();
    } else if let Some(key) = &identity.access_key {
        let secret = key.secret.expose_secret();
        let token = key
            .session_token
            .as_ref()
            .map(|token| token.expose_secret().to_owned());
        loader = loader.credentials_provider(Credentials::new(&key.id, secret, token, None, "given key"));
    }
    Ok(loader.load().await)
}

/// How often calls are repeated. Where key and endpoint are given, nothing of the machine counts.
async fn retries(
    identity: &IdentitySettings,
    registry: &RegistryHost,
    source: &CredentialSource,
) -> Result<RetryConfig, IdentityError> {
    if identity.access_key.is_some() && identity.endpoint_url.is_some() {
        return Ok(RetryConfig::standard());
    }
    let needs_profile = identity.uses_existing
        || (identity.access_key.is_none() && !matches!(source, CredentialSource::WebIdentity(..)));
    Machine::own().retries(needs_profile, registry).await
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
    let chain = |allowed: &[AccountId]| {
        let inner = base.credentials_provider().ok_or(IdentityError::None)?;
        Ok::<_, IdentityError>(Chain::new(
            inner,
            base.clone(),
            allowed.to_owned(),
            Arc::clone(&reporter),
        ))
    };
    let sts = aws_sdk_sts::config::Builder::from(base)
        .retry_config(RetryConfig::disabled())
        .interceptor(Bounded(limits::STS_BYTES));
    let assumed = match source {
        CredentialSource::Chain => {
            return Ok(SharedCredentialsProvider::new(chain(&identity.allowed_accounts)?));
        }
        CredentialSource::Refused(error) => Err(error),
        CredentialSource::WebIdentity(session, tokens) => Ok((session, Proof::WebIdentity(tokens), sts)),
        CredentialSource::ChainedRole(session) => {
            // The account that counts is the role's, and that was checked.
            let source = SharedCredentialsProvider::new(chain(&[])?);
            Ok((session, Proof::Chain, sts.credentials_provider(source)))
        }
    };
    let role = assumed.map(|(session, proof, sts)| {
        let sts = aws_sdk_sts::Client::from_conf(sts.build());
        AssumedRole::new(proof, sts, region.clone(), session, clock, Arc::clone(&reporter))
    });
    if identity.uses_existing {
        let chain = chain(&identity.allowed_accounts)?;
        return Ok(SharedCredentialsProvider::new(ExistingOrRole::new(
            chain, role, reporter,
        )));
    }
    role.map(SharedCredentialsProvider::new)
}
