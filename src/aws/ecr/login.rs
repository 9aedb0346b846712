//! `GetAuthorizationToken`: the login of a registry.

use aws_sdk_ecr::types::AuthorizationData;
use aws_sdk_ecrpublic::types::AuthorizationData as PublicAuthorizationData;
use aws_smithy_types::DateTime;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::aws::IdentityError;
use crate::aws::ecr::answer::no_token;
use crate::aws::ecr::client::RegionClient;
use crate::aws::failure::Bounded;
use crate::limits;
use crate::ports::{Clock, RegistryCredential, Reporter};

/// The authorization token of one region, fetched when it is first needed.
///
/// It opens every registry in the region that the identity may use, for 12 hours at most.
/// Source: ECR API reference, `GetAuthorizationToken`.
#[derive(Debug, Default)]
pub(super) struct TokenHolder {
    held: Mutex<Option<HeldToken>>,
}

/// A token that was fetched.
#[derive(Debug)]
pub(super) struct HeldToken {
    credential: RegistryCredential,
    usable_until: Timestamp,
}

impl TokenHolder {
    /// An upload that begins with a token must also end with it.
    const RENEWED_BEFORE_END: SignedDuration = SignedDuration::from_mins(5);

    /// The credential, which `fetch` fetches; callers that come meanwhile wait for the same request.
    pub(super) async fn credential(
        &self,
        fetch: impl Future<Output = Result<HeldToken, IdentityError>>,
        clock: &dyn Clock,
    ) -> Result<RegistryCredential, IdentityError> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| clock.now() < held.usable_until) {
            return Ok(held.credential.clone());
        }
        let fetched = fetch.await?;
        let credential = fetched.credential.clone();
        *held = Some(fetched);
        Ok(credential)
    }

    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }
}

/// Fetches the token of one region.
pub(super) async fn fetch(
    client: &RegionClient,
    reporter: &dyn Reporter,
) -> Result<HeldToken, IdentityError> {
    let answer = client
        .call(|client| async move {
            let request = client.get_authorization_token().customize();
            request.interceptor(Bounded(limits::TOKEN_BYTES)).send().await
        })
        .await
        .map_err(|failure| no_token(failure, "ecr:GetAuthorizationToken"))?;
    let data = answer.authorization_data().first();
    let token = data.and_then(AuthorizationData::authorization_token);
    let expires = data.and_then(AuthorizationData::expires_at);
    HeldToken::of("`ecr:GetAuthorizationToken`", token, expires, reporter)
}

/// Fetches the token of ECR Public, which is exchanged for another at the registry.
pub(super) async fn fetch_public(
    client: &RegionClient<aws_sdk_ecrpublic::Client>,
    reporter: &dyn Reporter,
) -> Result<HeldToken, IdentityError> {
    let answer = client
        .call(|client| async move {
            let request = client.get_authorization_token().customize();
            request.interceptor(Bounded(limits::TOKEN_BYTES)).send().await
        })
        .await
        .map_err(|failure| {
            // Source: ECR Public user guide, "Registry authentication in Amazon ECR Public": it takes both.
            let is_bearer = failure.message.contains("sts:GetServiceBearerToken");
            let action = if is_bearer {
                "sts:GetServiceBearerToken"
            } else {
                "ecr-public:GetAuthorizationToken"
            };
            no_token(failure, action)
        })?;
    let data = answer.authorization_data();
    let token = data.and_then(PublicAuthorizationData::authorization_token);
    let expires = data.and_then(PublicAuthorizationData::expires_at);
    HeldToken::of("`ecr-public:GetAuthorizationToken`", token, expires, reporter)
}

impl HeldToken {
    /// Takes what an answer says.
    fn of(
        operation: &'static str,
        token: Option<&str>,
        expires: Option<&DateTime>,
        reporter: &dyn Reporter,
    ) -> Result<Self, IdentityError> {
        let malformed = |problem| IdentityError::Malformed { operation, problem };
        let token = token.ok_or_else(|| malformed("holds no token"))?;
        reporter.mask(&SecretString::from(token));
        let credential =
            decode(token).ok_or_else(|| malformed("holds a token that is not a user and a password"))?;
        reporter.mask(&credential.password);
        let expires = expires
            .and_then(|at| Timestamp::from_second(at.secs()).ok())
            .ok_or_else(|| malformed("does not say when the token ends"))?;
        let usable_until = expires
            .checked_sub(TokenHolder::RENEWED_BEFORE_END)
            .unwrap_or(expires);
        Ok(Self {
            credential,
            usable_until,
        })
    }
}

/// Source: ECR API reference, `AuthorizationData`: base64 of `user:password`.
fn decode(token: &str) -> Option<RegistryCredential> {
    let decoded = String::from_utf8(STANDARD.decode(token.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    let legal = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    (legal(username) && legal(password)).then(|| RegistryCredential {
        username: username.to_owned(),
        password: SecretString::from(password),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_token_is_user_and_password() {
        // printf 'AWS:a:b' | base64
        let credential = decode("QVdTOmE6Yg==").unwrap();
        assert_eq!(credential.username, "AWS");
        assert_eq!(credential.password.expose_secret(), "a:b");
        assert!(!format!("{credential:?}").contains("a:b"));
        // Of: ``, `AWS`, `AWS:`, `:x`, `AWS:a<newline>b`, not UTF-8, not base64.
        for token in [
            "",
            "QVdT",
            "QVdTOg==",
            "Ong=",
            "QVdTOmEKYg==",
            "QVdTOv8=",
            "AWS:x",
        ] {
            assert!(decode(token).is_none(), "{token}");
        }
    }
}
