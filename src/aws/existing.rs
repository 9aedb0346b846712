//! Credentials that are there already, before a role is assumed.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use tokio::sync::OnceCell;

use crate::aws::IdentityError;
use crate::aws::assume::AssumedRole;
use crate::aws::chain::Chain;
use crate::ports::{Reporter, RunEvent};

/// The ordinary chain's credentials where AWS takes them, else those of a role. It is decided once.
pub(super) struct ExistingOrRole {
    chain: Chain,
    /// An error where the role cannot be assumed.
    role: Result<AssumedRole, IdentityError>,
    /// Whether those that are there are used.
    uses_existing: OnceCell<bool>,
    reporter: Arc<dyn Reporter>,
}

impl ExistingOrRole {
    pub(super) fn new(
        chain: Chain,
        role: Result<AssumedRole, IdentityError>,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self {
            chain,
            role,
            uses_existing: OnceCell::new(),
            reporter,
        }
    }

    /// Asks AWS whose credentials are there. Those of an account that may not be used are no reason for others: the job
    /// has been given the wrong ones.
    async fn decide(&self) -> Result<bool, IdentityError> {
        let note = match self.chain.account().await {
            Ok(account) => {
                format!("the credentials that are there are used, of account {account}; no role is assumed")
            }
            Err(error @ (IdentityError::AccountNotAllowed { .. } | IdentityError::Unavailable { .. })) => {
                return Err(error);
            }
            Err(IdentityError::None) => return Ok(false),
            Err(error) => {
                let note = format!("the credentials that are there are not used: {error}");
                self.reporter.event(RunEvent::Note(&note));
                return Ok(false);
            }
        };
        self.reporter.event(RunEvent::Note(&note));
        Ok(true)
    }
}

impl ProvideCredentials for ExistingOrRole {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let decided = self.uses_existing.get_or_try_init(|| self.decide()).await;
            if *decided.map_err(CredentialsError::provider_error)? {
                return self.chain.provide_credentials().await;
            }
            match &self.role {
                Ok(role) => role.provide_credentials().await,
                Err(error) => Err(CredentialsError::provider_error(error.clone())),
            }
        })
    }
}

impl fmt::Debug for ExistingOrRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExistingOrRole")
            .field("chain", &self.chain)
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}
