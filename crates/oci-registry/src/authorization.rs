//! How a registry wants credentials: HTTP Basic, a token of its own issuer, or none.
//!
//! Source: RFC 9110 section 11; distribution, "Token Authentication Specification".

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::RegistryError;
use super::login::RegistryCredential;
use tagship_domain::reference::RegistryHost;

/// What is known of how the registry wants credentials.
#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    /// How requests are authorized now.
    pub(crate) scheme: Scheme,
    /// What the last refusal asked for.
    pub(crate) challenge: Option<Challenge>,
    /// All that tokens were asked for so far: one that reads and one that writes must not take turns.
    pub(crate) scopes: BTreeSet<String>,
}

/// How requests are authorized.
#[derive(Debug, Default, Clone)]
pub(crate) enum Scheme {
    /// With user and password.
    Basic,
    /// Not at all, until the registry says how.
    #[default]
    Unknown,
    /// With a token.
    Bearer(HeaderValue),
}

/// What a refusal asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password.
    Basic,
    /// A token.
    Bearer {
        /// Where it is issued.
        realm: String,
        service: Option<String>,
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the first challenge that is understood.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter();
        challenges
            .filter_map(|value| value.to_str().ok())
            .find_map(Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut parameters = parameters(rest);
        Some(Self::Bearer {
            realm: parameters.remove("realm")?,
            service: parameters.remove("service"),
            scope: parameters.remove("scope"),
        })
    }
}

/// Parameters of the form `name="value",name=value`.
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches([' ', ',', '\t']).to_ascii_lowercase();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.entry(name).or_insert_with(|| value.trim().to_owned());
        rest = next;
    }
    found
}

/// Makes the header of HTTP Basic.
pub(crate) fn basic(
    host: &RegistryHost,
    credential: &RegistryCredential,
) -> Result<HeaderValue, RegistryError> {
    let pair = SecretString::from(format!(
        "{}:{}",
        credential.username,
        credential.password.expose_secret()
    ));
    sensitive(host, "Basic", &STANDARD.encode(pair.expose_secret()))
}

/// Makes a header that no log shows.
pub(crate) fn sensitive(
    host: &RegistryHost,
    scheme: &str,
    secret: &str,
) -> Result<HeaderValue, RegistryError> {
    let text = SecretString::from(format!("{scheme} {secret}"));
    let mut header =
        HeaderValue::from_str(text.expose_secret()).map_err(|_not_ascii| RegistryError::Unauthorized {
            host: host.clone(),
            message: "it cannot be sent in a header".to_owned(),
        })?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
                scope: scope.map(str::to_owned),
            })
        };
        for (text, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
                bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:a/b:pull,push"),
                ),
            ),
            (
                "bearer realm=https://a.b/t , service=x",
                bearer("https://a.b/t", Some("x"), None),
            ),
            (r#"Basic realm="ECR""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Bearer service=\"x\"", None),
            ("Bearer realm=\"open", bearer("open", None, None)),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(text), expected, "{text}");
        }
    }
}
