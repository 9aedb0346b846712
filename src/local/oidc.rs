//! A GitHub OIDC issuer: discovery, keys, and the endpoint that jobs ask for tokens.
//!
//! Source: GitHub docs, "OpenID Connect reference".

mod claims;
mod face;

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use secrecy::SecretString;
use serde_json::{Value, json};

pub use claims::GithubClaims;
pub(crate) use face::{TOKEN_PATH, routes};

use crate::domain::reference::Digest;
use crate::local::error::LocalError;

/// The issuer that tokens name: GitHub's own, so that trust policies written for AWS hold here unchanged.
pub(crate) const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The issuer as it stands in provider names and condition keys.
pub(crate) const ISSUER_HOST: &str = "token.actions.githubusercontent.com";

/// Seconds that a token lives. Source: GitHub docs, "OpenID Connect reference", the sample token.
const LIFE_SECONDS: i64 = 300;
/// Seconds from a token's `nbf` to its `iat`; same source.
const EARLIER_SECONDS: i64 = 600;

/// Signs tokens for jobs.
#[derive(Debug)]
pub(crate) struct Issuer {
    key: RsaKeyPair,
    key_id: String,
    claims: Mutex<GithubClaims>,
    /// What a job must show to be given a token.
    pub(crate) request_token: SecretString,
}

impl Issuer {
    /// A new signing key, as PKCS#8.
    pub(crate) fn new_key() -> Result<Vec<u8>, LocalError> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| LocalError::Key)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_unspecified| LocalError::Key)?;
        Ok(der.as_ref().to_vec())
    }

    pub(crate) fn new(pkcs8: &[u8], request_token: SecretString) -> Result<Self, LocalError> {
        let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_rejected| LocalError::Key)?;
        let key_id = Digest::of(key.public_key().as_ref()).hex();
        Ok(Self {
            key,
            key_id,
            claims: Mutex::default(),
            request_token,
        })
    }

    /// What tokens say from now on.
    pub(crate) fn set_claims(&self, claims: GithubClaims) {
        *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = claims;
    }

    /// A token for `audience`, or for the audience that GitHub takes by default.
    pub(crate) fn token(&self, audience: Option<&str>, now: Timestamp) -> std::io::Result<String> {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut payload = claims.payload(audience);
        let issued = now.as_second();
        for (name, value) in [
            ("iss", Value::from(ISSUER)),
            ("iat", Value::from(issued)),
            ("nbf", Value::from(issued.saturating_sub(EARLIER_SECONDS))),
            ("exp", Value::from(issued.saturating_add(LIFE_SECONDS))),
            ("jti", Value::from(crate::local::random::hex::<16>()?)),
        ] {
            // What a test sets by hand stays.
            payload.entry(name).or_insert(value);
        }
        self.sign(&Value::Object(payload))
    }

    fn sign(&self, payload: &Value) -> std::io::Result<String> {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": self.key_id, "x5t": self.key_id});
        let encode = |value: &Value| serde_json::to_vec(value).map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let text = format!("{}.{}", encode(&header)?, encode(payload)?);
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(std::io::Error::other)?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public key, as RFC 7517 has it.
    pub(crate) fn keys(&self) -> Value {
        let public = self.key.public_key();
        json!({"keys": [{
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.key_id,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        }]})
    }

    /// The same for those who verify.
    pub(crate) fn key_set(&self) -> Option<JwkSet> {
        serde_json::from_value(self.keys()).ok()
    }
}
