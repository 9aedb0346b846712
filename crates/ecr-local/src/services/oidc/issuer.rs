//! The issuer: its signing key, and the tokens that it signs for jobs.
//!
//! Source: GitHub docs, "`OpenID` Connect reference".

use std::sync::{Arc, Mutex, PoisonError};

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

use super::claims::GithubClaims;
use crate::hosts::ISSUER;
use crate::refusal::Refusal;
use crate::state::store::Store;
use tagship_domain::reference::Digest;

/// Seconds that a token lives. Source: GitHub docs, "`OpenID` Connect reference", the sample token.
const LIFE_SECONDS: i64 = 300;
/// Seconds from a token's `nbf` to its `iat`; same source.
const EARLIER_SECONDS: i64 = 600;

/// Signs tokens for jobs.
#[derive(Debug)]
pub(crate) struct Issuer {
    store: Arc<Store>,
    /// Made when it is first needed, because that takes a while.
    key: Mutex<Option<Arc<SigningKey>>>,
    claims: Mutex<GithubClaims>,
    /// What a job must show to be given a token.
    pub(crate) request_token: SecretString,
}

#[derive(Debug)]
struct SigningKey {
    pair: RsaKeyPair,
    id: String,
}

/// Where the signing key is kept, as PKCS#8.
const KEY: &str = "issuer key";

impl Issuer {
    pub(crate) fn new(store: Arc<Store>, request_token: SecretString) -> Self {
        Self {
            store,
            key: Mutex::default(),
            claims: Mutex::default(),
            request_token,
        }
    }

    /// The signing key. May block for a while.
    fn key(&self) -> Result<Arc<SigningKey>, Refusal> {
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = held.as_ref() {
            return Ok(Arc::clone(key));
        }
        let pkcs8 = if let Some(kept) = self.store.meta(KEY)? {
            kept
        } else {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(Refusal::state)?;
            let der: Pkcs8V1Der<'_> = pair.as_der().map_err(Refusal::state)?;
            self.store.set_meta(KEY, der.as_ref())?;
            der.as_ref().to_vec()
        };
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(Refusal::state)?;
        let id = Digest::of(pair.public_key().as_ref()).hex();
        let key = Arc::new(SigningKey { pair, id });
        *held = Some(Arc::clone(&key));
        Ok(key)
    }

    /// What tokens say from now on.
    pub(crate) fn set_claims(&self, claims: GithubClaims) {
        *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = claims;
    }

    /// A token for `audience`, or for the audience that GitHub takes by default. May block for a while.
    pub(crate) fn token(&self, audience: Option<&str>, now: Timestamp) -> Result<String, Refusal> {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut payload = claims.payload(audience);
        let issued = now.as_second();
        for (name, value) in [
            ("iss", Value::from(ISSUER)),
            ("iat", Value::from(issued)),
            ("nbf", Value::from(issued.saturating_sub(EARLIER_SECONDS))),
            ("exp", Value::from(issued.saturating_add(LIFE_SECONDS))),
            ("jti", Value::from(crate::random::hex::<16>()?)),
        ] {
            // What a test sets by hand stays.
            payload.entry(name).or_insert(value);
        }
        self.sign(&Value::Object(payload))
    }

    fn sign(&self, payload: &Value) -> Result<String, Refusal> {
        let key = self.key()?;
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": key.id, "x5t": key.id});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(&header), encode(payload));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(Refusal::state)?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public key, as RFC 7517 has it. May block for a while.
    pub(crate) fn keys(&self) -> Result<Value, Refusal> {
        let key = self.key()?;
        let public = key.pair.public_key();
        Ok(json!({"keys": [{
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": key.id,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        }]}))
    }

    /// The same for those who verify.
    pub(crate) fn key_set(&self) -> Result<JwkSet, Refusal> {
        serde_json::from_value(self.keys()?).map_err(Refusal::state)
    }
}
