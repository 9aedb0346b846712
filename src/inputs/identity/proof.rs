//! How AWS is convinced of the identity: by an OIDC token, by a key that is given, or by the ordinary chain.

use std::io::Read as _;

use url::Url;

use crate::inputs::paths::Paths;
use crate::inputs::problem::Problems;
use crate::inputs::raw::InputText;
use crate::inputs::{Environment, Origin, RawInputs};
use crate::limits;
use crate::regular_file;
use crate::settings::{AccessKey, OidcRequest, OidcToken};
use tagship_domain::untrusted::cleaned;

/// What AWS is convinced by.
#[derive(Debug, Default)]
pub(super) struct Proof {
    pub(super) oidc: Option<OidcToken>,
    pub(super) access_key: Option<AccessKey>,
    /// Whether the ordinary chain is meant, although the run is a job.
    pub(super) chains_roles: bool,
}

/// Reads the inputs that say how: a key that is given counts more than the chain, and both more than a token that the job
/// could have.
pub(super) fn read(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> Proof {
    let access_key = access_key(raw, problems);
    let token = raw.text("id-token", problems).map(|value| ("id-token", value));
    let file = raw.text("web-identity-token-file", problems);
    let file = file.map(|value| ("web-identity-token-file", value));
    let chained = ["role-chaining", "force-skip-oidc"].map(|name| (name, raw.flag(name, problems)));
    let chains = chained.iter().find(|(_, is_set)| *is_set).map(|(name, _)| *name);
    // Each of these says where the proof is to come from; two would leave one out in silence.
    let instead = match (&access_key, chains) {
        (Some(_), _) => Some("aws-access-key-id"),
        (None, chains) => chains,
    };
    let given: Vec<_> = token.iter().chain(&file).collect();
    if let [.., (name, value)] = given.as_slice()
        && let Some(other) = instead.or_else(|| (given.len() > 1).then_some("id-token"))
    {
        let message = format!("`{name}` does not go together with `{other}`");
        problems.add::<()>(&value.origin, message, "leave one of the two out".to_owned());
    }
    let oidc = match (token, file) {
        (Some((_, value)), _) => given_token(&value, problems),
        (None, Some((_, value))) => token_file(raw, environment, &value, problems),
        (None, None) if instead.is_some() => None,
        (None, None) => of_job(environment, problems),
    };
    Proof {
        oidc: oidc.filter(|_| instead.is_none()),
        access_key,
        chains_roles: chains.is_some(),
    }
}

/// Source: RFC 7515, section 3.1: three parts in base64url, with a full stop between.
fn is_jwt(token: &str) -> bool {
    let legal = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    token.split('.').count() == 3 && token.split('.').all(legal)
}

fn given_token(value: &InputText, problems: &mut Problems) -> Option<OidcToken> {
    let token = value.text.trim();
    if is_jwt(token) {
        return Some(OidcToken::Given(token.to_owned().into()));
    }
    let hint = "set it to the job's OIDC token, such as `$(buildkite-agent oidc request-token --audience sts.amazonaws.com)`";
    problems.add(&value.origin, "is no JWT", hint.to_owned())
}

/// The file is read again for each session; it is looked at now, so that a wrong one is found before the build.
fn token_file(
    raw: &RawInputs,
    environment: &Environment,
    value: &InputText,
    problems: &mut Problems,
) -> Option<OidcToken> {
    let paths = Paths::new(raw.face(), environment);
    let path = paths.resolve(&value.text);
    let shown = cleaned(&value.text);
    if paths.is_led_out(&path) {
        let message = format!("`{shown}` is a link that leads out of the workspace");
        return problems.add(&value.origin, message, "name the file itself".to_owned());
    }
    let mut token = String::new();
    let read =
        regular_file::open(&path).and_then(|file| file.take(limits::TOKEN_BYTES).read_to_string(&mut token));
    if let Err(error) = read {
        let message = format!("`{shown}` cannot be read: {error}");
        return problems.add(
            &value.origin,
            message,
            "name a file with an OIDC token".to_owned(),
        );
    }
    if !is_jwt(token.trim()) {
        let message = format!("`{shown}` holds no JWT");
        return problems.add(
            &value.origin,
            message,
            "name a file with an OIDC token".to_owned(),
        );
    }
    Some(OidcToken::File(path))
}

/// Reads the key that is given: its id and secret together.
fn access_key(raw: &RawInputs, problems: &mut Problems) -> Option<AccessKey> {
    let mut is_unreadable = false;
    let [id, secret, token] =
        ["aws-access-key-id", "aws-secret-access-key", "aws-session-token"].map(|name| {
            let value = raw.text(name, problems);
            // One that cannot be read is a problem already, and not missing.
            is_unreadable |= value.is_none() && raw.is_given(name);
            let value = value?;
            let is_sendable = value.text.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_sendable {
                let hint =
                    "set it anew, from the place that it was copied from; look for quotes and line breaks";
                let message = "has a character in it that no AWS credential has";
                problems.add::<()>(&value.origin, message, hint.to_owned());
            }
            Some(value)
        });
    match (id, secret, token) {
        (Some(id), Some(secret), token) => Some(AccessKey {
            id: id.text,
            secret: secret.text.into(),
            session_token: token.map(|token| token.text.into()),
        }),
        _ if is_unreadable => None,
        (None, None, None) => None,
        (id, secret, token) => {
            let missing = if id.is_none() {
                "aws-access-key-id"
            } else {
                "aws-secret-access-key"
            };
            let given = id.or(secret).or(token)?;
            let hint = "give all of a key; a secret of the repository that does not exist is empty";
            problems.add(
                &given.origin,
                format!("is given without `{missing}`"),
                hint.to_owned(),
            )
        }
    }
}

/// Returns where GitHub issues tokens, or the one that the job's system left.
///
/// Source: GitHub docs, "`OpenID` Connect reference"; both variables exist only with `id-token: write`.
fn of_job(environment: &Environment, problems: &mut Problems) -> Option<OidcToken> {
    const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
    if let Some(system) = environment.other_ci() {
        let token = system.id_tokens().iter().find_map(|name| environment.get(name))?;
        return Some(OidcToken::Given(token.to_owned().into()));
    }
    let url = environment.get(URL)?;
    let token = environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?;
    match Url::parse(url) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(OidcToken::Request(OidcRequest {
            url,
            token: token.to_owned().into(),
        })),
        _ => problems.add(&Origin::Variable(URL.to_owned()), "is not an `https` URL", None),
    }
}
