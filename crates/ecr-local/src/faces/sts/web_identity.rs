//! Roles for those who have proof of another identity: `AssumeRoleWithWebIdentity` for a token of the issuer, and
//! `AssumeRoleWithSAML`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use super::error::{StsError, denied};
use super::parameters::{Checked, Parameters, Text};
use super::session::{ARN, SessionExtras, SessionRequest};
use super::xml::Element;
use crate::faces::json_api::epoch_seconds;
use crate::hosts::{ISSUER, ISSUER_HOST};
use crate::services::oidc::Issuer;
use crate::state::EmulatorState;

const TOKEN: Text = Text {
    min: 4,
    max: 20_000,
    pattern: None,
    secret: true,
};

const PROVIDER_ID: Text = Text {
    min: 4,
    max: 2048,
    pattern: None,
    secret: false,
};

/// The claims that STS itself looks at.
#[derive(Debug)]
struct Identity {
    subject: String,
    audience: String,
    /// For trust policies: `<issuer>:<claim>`, in lower case.
    conditions: BTreeMap<String, String>,
}

/// `AssumeRoleWithWebIdentity`.
pub(super) fn assume_role(
    state: &EmulatorState,
    issuer: &Issuer,
    parameters: &Parameters,
) -> Result<Element, StsError> {
    let mut checked = Checked::new(parameters);
    let request = SessionRequest::read(&mut checked);
    let token = checked.required("WebIdentityToken", &TOKEN);
    let provider_id = checked.optional("ProviderId", &PROVIDER_ID);
    checked.finish()?;
    request.check_policies()?;
    if provider_id.is_some() {
        return Err(StsError::new(
            "InvalidIdentityToken",
            "ProviderId is for OAuth 2.0 access tokens, not for OpenID Connect tokens",
        ));
    }
    let mut identity = verify(issuer, token, state.clock.now())?;
    identity
        .conditions
        .insert("sts:rolesessionname".to_owned(), request.name.to_owned());
    let iam = &state.iam;
    // Every account has GitHub's provider.
    let provider_of = |account| format!("arn:{}:iam::{account}:oidc-provider/{ISSUER_HOST}", iam.partition);
    // A role that is missing looks like one that does not trust the caller.
    let role = iam
        .role(request.role_arn)
        .filter(|role| role.trusts_token(&provider_of(&role.account), &identity.conditions))
        .ok_or_else(|| denied("Not authorized to perform sts:AssumeRoleWithWebIdentity"))?;
    let mut parts = request.open(state, role, SessionExtras::default(), false)?;
    parts.extend([
        Element::text("Audience", identity.audience),
        Element::text("Provider", provider_of(&role.account)),
        Element::text("SubjectFromWebIdentityToken", identity.subject),
    ]);
    Ok(Element::node("AssumeRoleWithWebIdentityResult", parts))
}

/// Checks signature, issuer and times, as STS does before it looks at the role.
fn verify(issuer: &Issuer, token: &str, now: Timestamp) -> Result<Identity, StsError> {
    let invalid = |message: &str| StsError::new("InvalidIdentityToken", message);
    let unparsable = || {
        invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    };
    let header = jsonwebtoken::decode_header(token).map_err(|_malformed| unparsable())?;
    if header.alg != Algorithm::RS256 {
        return Err(invalid("Token must be signed with RS256"));
    }
    let keys = issuer.key_set().map_err(|refusal| StsError::internal(&refusal))?;
    let no_key = || {
        invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        )
    };
    let key = keys
        .find(header.kid.as_deref().unwrap_or_default())
        .ok_or_else(no_key)?;
    let key = DecodingKey::from_jwk(key).map_err(|_unusable| no_key())?;
    // The times are checked below, against the emulator's own clock.
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims: Map<String, Value> = jsonwebtoken::decode(token, &key, &validation)
        .map_err(|_wrong| {
            invalid("The web identity token provided could not be validated: its signature is wrong")
        })?
        .claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(ISSUER) {
        return Err(invalid(
            "No OpenIDConnect provider found in your account for the token's issuer",
        ));
    }
    // RFC 7519, section 2, "NumericDate": any number, also with a fraction.
    let seconds = |name: &str| match claims.get(name).map(Value::as_f64) {
        Some(None) => Err(invalid(&format!("The claim {name} is not a number"))),
        number => Ok(number.flatten()),
    };
    let current = epoch_seconds(now);
    let expires = seconds("exp")?.ok_or_else(|| invalid("Missing a required claim: exp"))?;
    if expires <= current {
        return Err(StsError::new(
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {} must be before the expiration date/time {expires}",
                now.as_second()
            ),
        ));
    }
    if seconds("nbf")?.is_some_and(|begins| begins > current)
        || seconds("iat")?.is_none_or(|issued| issued > current + 300.0)
    {
        return Err(invalid("The web identity token is not valid yet"));
    }
    let subject = text("sub").ok_or_else(|| invalid("Missing a required claim: sub"))?;
    let audience = text("aud").ok_or_else(|| invalid("Missing a required claim: aud"))?;
    // Roles may be assumed for the audiences that the provider was registered with; that is decided by the
    // trust policy here, which must name the audience as AWS demands of GitHub's provider.
    let conditions = claims
        .iter()
        .filter_map(|(name, value)| {
            let name = format!("{ISSUER_HOST}:{name}").to_ascii_lowercase();
            Some((name, value.as_str()?.to_owned()))
        })
        .collect();
    Ok(Identity {
        subject: subject.to_owned(),
        audience: audience.to_owned(),
        conditions,
    })
}

const ASSERTION: Text = Text {
    min: 4,
    max: 100_000,
    pattern: None,
    secret: true,
};

/// `AssumeRoleWithSAML`, which needs no signature: no account has a SAML provider here, so that every assertion is
/// refused as one of an unknown provider is.
///
/// Source: STS API reference, `AssumeRoleWithSAML`.
pub(super) fn assume_role_with_saml(parameters: &Parameters) -> Result<Element, StsError> {
    let mut checked = Checked::new(parameters);
    checked.required("RoleArn", &ARN);
    checked.required("PrincipalArn", &ARN);
    let assertion = checked.required("SAMLAssertion", &ASSERTION);
    checked.number("DurationSeconds", &(900..=43_200));
    checked.finish()?;
    let message = match STANDARD.decode(assertion) {
        Ok(_) => "Specified provider doesn't exist",
        Err(_) => "Invalid base64 SAMLResponse",
    };
    Err(StsError::new("InvalidIdentityToken", message))
}
