//! Tokens, from the issuer that a registry names.

use http::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::authorization::{Challenge, Scheme, basic, sensitive};
use super::client::{Client, read_up_to, transport_failure};
use super::error::RegistryError;
use super::failure::Failure;
use super::http::send;
use super::login::RegistryCredential;
use super::operation::Operation;

/// The most bytes of an answer with a token.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Client {
    /// Does what a refusal asked for; gives the header of further requests.
    pub(crate) async fn answer_challenge(
        &self,
        challenge: Challenge,
        credential: &RegistryCredential,
    ) -> Result<Option<HeaderValue>, Failure> {
        let host = &self.image.registry;
        let scheme = match challenge {
            Challenge::Basic if credential.is_anonymous() => return Ok(None),
            Challenge::Basic => Scheme::Basic,
            Challenge::Bearer {
                realm,
                service,
                scope,
            } => {
                let scopes: Vec<String> = {
                    let mut negotiation = self.negotiation();
                    negotiation.scopes.extend(scope);
                    negotiation.scopes.iter().cloned().collect()
                };
                let token = self
                    .token(&realm, service.as_deref(), &scopes, credential)
                    .await?;
                Scheme::Bearer(sensitive(host, "Bearer", token.expose_secret())?)
            }
        };
        let header = match &scheme {
            Scheme::Bearer(header) => header.clone(),
            _ => basic(host, credential)?,
        };
        self.negotiation().scheme = scheme;
        Ok(Some(header))
    }

    /// Asks the issuer for a token. The registry names it, so it is believed as far as the registry's own connection is.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scopes: &[String],
        credential: &RegistryCredential,
    ) -> Result<SecretString, Failure> {
        let operation = Operation::ListTags;
        let host = &self.image.registry;
        let refused = |message: &str| {
            Failure::Permanent(RegistryError::Unauthorized {
                host: host.clone(),
                message: message.to_owned(),
            })
        };
        let mut address =
            Url::parse(realm).map_err(|_no_address| refused("its issuer of tokens has no address"))?;
        let is_legal = address.scheme() == "https" || (address.scheme() == "http" && host.is_plain_http());
        if !is_legal {
            return Err(refused(
                "its issuer of tokens would get the password in plain text",
            ));
        }
        address
            .query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .extend_pairs(scopes.iter().map(|scope| ("scope", scope.as_str())));
        let mut request = self.http.get(address);
        if !credential.is_anonymous() {
            request = request.header(AUTHORIZATION, basic(host, credential)?);
        }
        let asking = async {
            let response = send(request).await.map_err(transport_failure)?;
            let mut response = self
                .checked(operation, response)
                .await
                .map_err(|failure| match failure {
                    Failure::Transient { .. } => failure,
                    _ => refused("its issuer of tokens gives none for this login"),
                })?;
            let body = read_up_to(&mut response, MAX_TOKEN_BYTES)
                .await
                .map_err(transport_failure)?;
            serde_json::from_slice::<TokenAnswer>(&body)
                .ok()
                .and_then(|answer| answer.token.or(answer.access_token))
                .map(SecretString::from)
                .ok_or_else(|| refused("its issuer of tokens gives an answer without one"))
        };
        Self::within(self.retry_policy.answer, asking).await
    }
}
