//! The identity towards AWS.

use url::Url;

use super::destination::ResolvedDestination;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Origin, RawInputs, github, role};
use crate::settings::{IdentitySettings, OidcRequest, OidcToken};
use tagship_domain::reference::AccountId;
use tagship_domain::untrusted::cleaned;

/// Reads the inputs about identity; `None` only with a problem.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    place: Option<&ResolvedDestination>,
    problems: &mut Problems,
) -> Option<IdentitySettings> {
    let mut allowed_accounts = allowed_accounts(raw, place, problems);
    // A role's name alone means a role in an account that the workflow names or allows.
    let account = place
        .filter(|place| place.account_of_file.is_none() || !allowed_accounts.is_empty())
        .and_then(|place| place.account.as_ref());
    let region = place.and_then(|place| place.region.as_ref());
    let role = raw.text("role-to-assume", problems).map(|value| {
        // Without a destination its account is unknown for another reason, which is reported already.
        match role::arn(&value.text, account, region) {
            Err(role::InvalidRole::AccountUnknown { .. }) if place.is_none() => None,
            Err(error) => {
                let hint = error.hint();
                problems.add(&value.origin, error, hint)
            }
            Ok(arn) => Some(arn),
        }
    });
    let session_name = raw
        .text("role-session-name", problems)
        .and_then(|value| session_name(value, problems));
    let audience = raw
        .text("audience", problems)
        .and_then(|value| audience(value, problems));
    let narrows_session = raw
        .text("session-policy", problems)
        .and_then(|value| narrows_session(&value, problems));
    let duration = raw.integer("role-duration-seconds", problems);
    if allowed_accounts.is_empty()
        && let Some(place) = place
        && let (Some(origin), Some(account)) = (&place.account_of_file, &place.account)
    {
        let of_role = role.as_ref().and_then(|role| role.as_deref()?.split(':').nth(4));
        if let Some(of_role) = of_role.filter(|of_role| *of_role != account.as_str()) {
            let message = format!("account {account} is not that of the role, {of_role}");
            let hint = "let the workflow name both in `allowed-account-ids`, or `registry`".to_owned();
            problems.add::<()>(origin, message, hint);
        }
        // Credentials of the ordinary chain are asked whose they are before they are used.
        allowed_accounts = vec![account.clone()];
    }
    let oidc = oidc(raw, environment, problems);
    Some(IdentitySettings {
        access_key: None,
        role: match role {
            Some(role) => Some(role?),
            None => None,
        },
        session_name: session_name?,
        audience: audience?,
        duration_seconds: duration?,
        narrows_session: narrows_session?,
        session_policy: None,
        allowed_accounts,
        region: region.cloned(),
        endpoint_url: place.and_then(|place| place.endpoint_url.clone()),
        oidc,
        in_actions: environment.in_actions(),
        from_fork: github::from_fork(environment),
    })
}

fn narrows_session(value: &InputText, problems: &mut Problems) -> Option<bool> {
    match value.text.as_str() {
        "auto" => Some(true),
        "none" => Some(false),
        other => {
            let message = format!("`{}` is neither `auto` nor `none`", cleaned(other));
            problems.add(&value.origin, message, None)
        }
    }
}

/// Source: STS API reference, `AssumeRoleWithWebIdentity`, `RoleSessionName`.
fn session_name(value: InputText, problems: &mut Problems) -> Option<String> {
    let legal = (2..=64).contains(&value.text.len())
        && value
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if legal {
        return Some(value.text);
    }
    let message = format!(
        "`{}` is not 2 to 64 letters, digits or characters of `_+=,.@-`",
        cleaned(&value.text)
    );
    problems.add(&value.origin, message, None)
}

/// Source: IAM API reference, `AddClientIDToOpenIDConnectProvider`, `ClientID`: 1 to 255 characters.
fn audience(value: InputText, problems: &mut Problems) -> Option<String> {
    if value.text.len() <= 255 && value.text.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(value.text);
    }
    problems.add(&value.origin, "is not 1 to 255 printable ASCII characters", None)
}

fn allowed_accounts(
    raw: &RawInputs,
    place: Option<&ResolvedDestination>,
    problems: &mut Problems,
) -> Vec<AccountId> {
    let mut allowed = Vec::new();
    let mut last_origin = None;
    for entry in raw.entries("allowed-account-ids", problems) {
        for id in entry.text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            allowed.extend(problems.check(&entry.origin, AccountId::parse(id), None));
        }
        last_origin = Some(entry.origin);
    }
    let account = place
        .filter(|place| !place.is_local())
        .and_then(|place| place.account.as_ref());
    if let (Some(account), Some(origin)) = (account, last_origin)
        && !allowed.is_empty()
        && !allowed.contains(account)
    {
        problems.add::<()>(
            &origin,
            format!("account {account}, which the registry belongs to, is not among the allowed accounts"),
            "allow it, or publish to another registry".to_owned(),
        );
    }
    allowed
}

/// Source: RFC 7515, section 3.1: three parts in base64url, with a full stop between.
fn given_token(value: &InputText, problems: &mut Problems) -> Option<OidcToken> {
    let token = value.text.trim();
    let legal = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    if token.split('.').count() == 3 && token.split('.').all(legal) {
        return Some(OidcToken::Given(token.to_owned().into()));
    }
    let hint = "set it to the job's OIDC token, such as `$(buildkite-agent oidc request-token --audience sts.amazonaws.com)`";
    problems.add(&value.origin, "is no JWT", hint.to_owned())
}

/// Returns the token that is given, else where GitHub issues one, else the one that the job's system left.
///
/// Source: GitHub docs, "`OpenID` Connect reference"; both variables exist only with `id-token: write`.
fn oidc(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> Option<OidcToken> {
    const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
    if let Some(value) = raw.text("id-token", problems) {
        return given_token(&value, problems);
    }
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
