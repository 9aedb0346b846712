use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use secrecy::SecretString;

use crate::aws::IdentityError;
use crate::aws::failure::{ApiFailure, from_chain};
use crate::aws::refusal;
use crate::ports::Reporter;
use tagship_domain::reference::AccountId;

/// The ordinary chain's credentials, masked, and checked against the accounts that may be used.
pub(super) struct Chain {
    inner: SharedCredentialsProvider,
    /// For the question whose credentials these are.
    config: SdkConfig,
    /// Any account when empty.
    allowed: Vec<AccountId>,
    reporter: Arc<dyn Reporter>,
}

impl Chain {
    pub(super) fn new(
        inner: SharedCredentialsProvider,
        config: SdkConfig,
        allowed: Vec<AccountId>,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self {
            inner,
            config,
            allowed,
            reporter,
        }
    }

    async fn load(&self) -> Result<Credentials, IdentityError> {
        let credentials = self
            .inner
            .provide_credentials()
            .await
            .map_err(|error| from_chain(&error))?;
        self.reporter
            .mask(&SecretString::from(credentials.secret_access_key()));
        if let Some(token) = credentials.session_token() {
            self.reporter.mask(&SecretString::from(token));
        }
        if !self.allowed.is_empty() {
            let account = self.account_of(&credentials).await?;
            check_account(&self.allowed, &account, "the identity")?;
        }
        Ok(credentials)
    }

    async fn account_of(&self, credentials: &Credentials) -> Result<AccountId, IdentityError> {
        const OPERATION: &str = "GetCallerIdentity";
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .credentials_provider(credentials.clone())
            .build();
        let answer = aws_sdk_sts::Client::from_conf(config)
            .get_caller_identity()
            .send()
            .await
            .map_err(|error| refusal::otherwise(ApiFailure::of(&error), OPERATION).0)?;
        answer
            .account()
            .and_then(|account| AccountId::parse(account).ok())
            .ok_or(IdentityError::Malformed {
                operation: "`sts:GetCallerIdentity`",
                problem: "names no account",
            })
    }
}

/// Refuses an account that is not among `allowed`, where any are named.
pub(super) fn check_account(
    allowed: &[AccountId],
    account: &AccountId,
    owner: &'static str,
) -> Result<(), IdentityError> {
    if allowed.is_empty() || allowed.contains(account) {
        return Ok(());
    }
    let account = account.clone();
    Err(IdentityError::AccountNotAllowed { owner, account })
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(
            async move { self.load().await.map_err(CredentialsError::provider_error) },
        )
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}
