//! The ordinary AWS credential chain.

use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use secrecy::SecretString;

use crate::aws::failure::{ApiFailure, Bounded, from_chain};
use crate::aws::{IdentityError, refusal};
use crate::limits;
use crate::ports::{Reporter, RunEvent, Warning};
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
        let credentials = self.sendable(&credentials)?;
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

    /// Returns the account that AWS knows the credentials of; an error also where it may not be used.
    pub(super) async fn account(&self) -> Result<AccountId, IdentityError> {
        let credentials = self.load().await?;
        self.account_of(&credentials).await
    }

    /// Returns the credentials without the white space around them, which comes along when they are copied.
    ///
    /// What else cannot be sent is refused before it is signed: the SDK would stop in the middle, or AWS speak of a
    /// wrong signature.
    fn sendable(&self, credentials: &Credentials) -> Result<Credentials, IdentityError> {
        let of_variables = credentials
            .get_property::<Vec<AwsCredentialFeature>>()
            .is_some_and(|features| features.contains(&AwsCredentialFeature::CredentialsEnvVars));
        let clean = |variable: &str, text: &str| {
            let name = if of_variables {
                format!("`{variable}`")
            } else {
                format!("`{}` of the AWS profile", variable.to_ascii_lowercase())
            };
            let trimmed = text.trim();
            if trimmed.is_empty() || !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(IdentityError::IllegalCredential { name });
            }
            if trimmed.len() < text.len() {
                self.reporter.event(RunEvent::Warning(&Warning {
                    message: format!("{name} has white space around it, which is left out"),
                    file: None,
                    line: None,
                }));
            }
            Ok(trimmed.to_owned())
        };
        let id = clean("AWS_ACCESS_KEY_ID", credentials.access_key_id())?;
        let secret = clean("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())?;
        let token = credentials
            .session_token()
            .map(|token| clean("AWS_SESSION_TOKEN", token))
            .transpose()?;
        Ok(Credentials::new(id, secret, token, credentials.expiry(), "Chain"))
    }

    async fn account_of(&self, credentials: &Credentials) -> Result<AccountId, IdentityError> {
        const OPERATION: &str = "GetCallerIdentity";
        let config = aws_sdk_sts::config::Builder::from(&self.config)
            .credentials_provider(credentials.clone())
            .interceptor(Bounded(limits::STS_BYTES))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::tests::fakes::FakeReporter;

    fn sent(
        id: &str,
        secret: &str,
        token: Option<&str>,
    ) -> (Result<Credentials, IdentityError>, Vec<String>) {
        let reporter = Arc::new(FakeReporter::default());
        let mut given = Credentials::new(id, secret, token.map(str::to_owned), None, "test");
        given
            .get_property_mut_or_default::<Vec<AwsCredentialFeature>>()
            .push(AwsCredentialFeature::CredentialsEnvVars);
        let chain = Chain {
            inner: SharedCredentialsProvider::new(given.clone()),
            config: SdkConfig::builder().build(),
            allowed: Vec::new(),
            reporter: Arc::clone(&reporter) as Arc<dyn Reporter>,
        };
        (chain.sendable(&given), reporter.warnings())
    }

    #[test]
    fn white_space_around_a_key_is_left_out_with_a_warning() {
        let (credentials, warnings) = sent("AKIA\n", " secret", Some("token"));
        let credentials = credentials.unwrap();
        assert_eq!(
            (
                credentials.access_key_id(),
                credentials.secret_access_key(),
                credentials.session_token()
            ),
            ("AKIA", "secret", Some("token"))
        );
        assert_eq!(
            warnings,
            [
                "`AWS_ACCESS_KEY_ID` has white space around it, which is left out",
                "`AWS_SECRET_ACCESS_KEY` has white space around it, which is left out"
            ]
        );
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_named() {
        for (id, secret, token, name) in [
            ("AK IA", "s", None, "AWS_ACCESS_KEY_ID"),
            ("AKIA", "se\ncret", None, "AWS_SECRET_ACCESS_KEY"),
            ("AKIA", "sécret", None, "AWS_SECRET_ACCESS_KEY"),
            ("AKIA", "secret", Some("to\u{7}ken"), "AWS_SESSION_TOKEN"),
        ] {
            let error = sent(id, secret, token).0.unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{name}` has a character")), "{error}");
            assert!(!error.contains("cret"), "{error}");
        }
    }
}
