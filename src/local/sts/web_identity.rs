use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

use super::xml::Element;
use super::{Parameters, StsError};
use crate::local::emulator::Emulator;
use crate::local::iam::{Policy, Session};
use crate::local::oidc::{ISSUER, ISSUER_HOST};

/// Seconds. Source: STS API reference, `AssumeRoleWithWebIdentity`, `DurationSeconds`.
const DEFAULT_DURATION: u32 = 3600;

/// The parameters, checked.
#[derive(Debug)]
struct Request<'a> {
    role: &'a str,
    session_name: &'a str,
    token: &'a str,
    duration: u32,
    policy: Option<&'a str>,
}

/// The claims that STS itself looks at.
#[derive(Debug)]
struct Identity {
    subject: String,
    audience: String,
    /// For trust policies: `<issuer>:<claim>`, in lower case.
    conditions: BTreeMap<String, String>,
}

/// `AssumeRoleWithWebIdentity`.
pub(super) fn assume_role(emulator: &Emulator, parameters: &Parameters) -> Result<Element, StsError> {
    let request = Request::read(parameters)?;
    let now = emulator.clock.now();
    let identity = verify(emulator, request.token, now)?;
    let denied = || {
        StsError::new(
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        )
    };
    let iam = &emulator.iam;
    let provider = format!(
        "arn:{}:iam::{}:oidc-provider/{ISSUER_HOST}",
        iam.partition, iam.account
    );
    // A role that is missing is not told from one that does not trust the caller.
    let role_name = request.role.strip_prefix(&iam.role_arn("")).ok_or_else(denied)?;
    let role = iam
        .roles
        .get(role_name)
        .filter(|role| role.trusts(&provider, &identity.conditions))
        .ok_or_else(denied)?;
    if request.duration > role.max_session_duration {
        return Err(StsError::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let expires = now
        .checked_add(SignedDuration::from_secs(i64::from(request.duration)))
        .unwrap_or(Timestamp::MAX);
    let (session, credentials) = iam
        .issue(Session {
            key_id: String::new(),
            account: iam.account.clone(),
            role: role_name.to_owned(),
            name: request.session_name.to_owned(),
            expires,
            policy: request.policy.map(str::to_owned),
        })
        .map_err(|error| StsError::internal(&error.into()))?;
    let assumed_role_id = format!("{}:{}", iam.unique_id("AROA", role_name), session.name);
    let arn = iam.arn(&crate::local::iam::Principal::Session(session));
    Ok(Element::node(
        "AssumeRoleWithWebIdentityResult",
        vec![
            Element::text("Audience", identity.audience),
            Element::node(
                "AssumedRoleUser",
                vec![
                    Element::text("AssumedRoleId", assumed_role_id),
                    Element::text("Arn", arn),
                ],
            ),
            Element::text("Provider", provider),
            Element::node(
                "Credentials",
                vec![
                    Element::text("AccessKeyId", credentials.key.id),
                    Element::text("SecretAccessKey", credentials.key.secret.expose_secret()),
                    Element::text("SessionToken", credentials.token.expose_secret()),
                    Element::text("Expiration", expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
                ],
            ),
            Element::text("SubjectFromWebIdentityToken", identity.subject),
        ],
    ))
}

impl<'a> Request<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, StsError> {
        let required = |name: &str, lengths: std::ops::RangeInclusive<usize>| {
            let value = parameters.get(name).ok_or_else(|| {
                invalid(&format!(
                    "Value null at '{}' failed to satisfy constraint: Member must not be null",
                    parameter(name)
                ))
            })?;
            if lengths.contains(&value.len()) {
                Ok(value)
            } else {
                Err(invalid(&format!(
                    "Value at '{}' failed to satisfy constraint: Member must have length between {} and {}",
                    parameter(name),
                    lengths.start(),
                    lengths.end()
                )))
            }
        };
        let role = required("RoleArn", 20..=2048)?;
        let session_name = required("RoleSessionName", 2..=64)?;
        let legal = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
        if !session_name.chars().all(legal) {
            return Err(invalid(
                "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            ));
        }
        let token = required("WebIdentityToken", 4..=20_000)?;
        let duration = match parameters.get("DurationSeconds") {
            None => DEFAULT_DURATION,
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| (900..=43_200).contains(seconds))
                .ok_or_else(|| {
                    invalid(
                        "Value at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200",
                    )
                })?,
        };
        let policy = parameters.get("Policy");
        if let Some(policy) = policy {
            if policy.len() > 2048 {
                return Err(invalid(
                    "Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
                ));
            }
            Policy::parse(policy).map_err(|error| {
                StsError::new(
                    "MalformedPolicyDocument",
                    format!("The policy is not in the valid JSON format: {error}"),
                )
            })?;
        }
        Ok(Self {
            role,
            session_name,
            token,
            duration,
            policy,
        })
    }
}

fn invalid(problem: &str) -> StsError {
    StsError::new(
        "ValidationError",
        format!("1 validation error detected: {problem}"),
    )
}

/// A parameter's name as validation errors have it: with a small first letter.
fn parameter(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(characters)
        .collect()
}

/// Checks signature, issuer and times, as STS does before it looks at the role.
fn verify(emulator: &Emulator, token: &str, now: Timestamp) -> Result<Identity, StsError> {
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
    let keys = emulator
        .issuer
        .key_set()
        .map_err(|refusal| StsError::internal(&refusal))?;
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
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = now.as_second();
    let expires = seconds("exp").ok_or_else(|| invalid("Missing a required claim: exp"))?;
    if expires <= now {
        return Err(StsError::new(
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expires}"
            ),
        ));
    }
    if seconds("nbf").is_some_and(|begins| begins > now)
        || seconds("iat").is_none_or(|issued| issued > now + 300)
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
