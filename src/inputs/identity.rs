//! The identity towards AWS.

mod proof;
mod session;

use super::destination::ResolvedDestination;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Face, RawInputs, github, role};
use crate::settings::{ExportSettings, IdentitySettings};
use tagship_domain::reference::{AccountId, Region};
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
    let session_name = match raw.text("role-session-name", problems) {
        Some(value) => session_name(value, problems),
        None => Some(session::default_name(environment)),
    };
    let audience = if let Some(value) = raw.text("audience", problems) {
        audience(value, problems)
    } else {
        let of_role = role.as_ref().and_then(|role| role.as_deref()?.split(':').nth(1));
        Some(default_audience(of_role, region).to_owned())
    };
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
    // No name of ECR Public says whose registry it is: the credentials do.
    if let Some(place) = place
        && place.image().is_some_and(|image| image.registry.is_public_ecr())
        && allowed_accounts.is_empty()
        && !raw.is_given("targets")
    {
        allowed_accounts.extend(place.account.clone());
    }
    let proof = proof::read(raw, environment, problems);
    let session = session::read(raw, environment, proof.oidc.is_some(), problems);
    Some(IdentitySettings {
        role: match role {
            Some(role) => Some(role?),
            None => None,
        },
        session_name: session_name?,
        audience: audience?,
        duration_seconds: duration?,
        narrows_session: narrows_session?,
        session_policy: None,
        session,
        allowed_accounts,
        region: region.cloned(),
        endpoint_url: place.and_then(|place| place.endpoint_url.clone()),
        oidc: proof.oidc,
        access_key: proof.access_key,
        chains_roles: proof.chains_roles,
        uses_existing: raw.flag("use-existing-credentials", problems),
        in_actions: environment.in_actions(),
        from_fork: github::from_fork(environment),
    })
}

/// The audience that AWS's providers have, unless another is registered.
///
/// Source: IAM user guide, "Create an OpenID Connect identity provider"; in China services have names of their own.
pub(super) fn default_audience(partition: Option<&str>, region: Option<&Region>) -> &'static str {
    match partition.or_else(|| region.map(Region::partition)) {
        Some("aws-cn") => "sts.amazonaws.com.cn",
        _ => "sts.amazonaws.com",
    }
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

/// Reads what later steps of the job are given.
pub(super) fn exports(
    raw: &RawInputs,
    environment: &Environment,
    place: Option<&ResolvedDestination>,
    notes: &mut Vec<String>,
    problems: &mut Problems,
) -> ExportSettings {
    let ends_with_plan = ["dry-run", "offline"].iter().any(|name| raw.flag(name, problems));
    let nothing = match place {
        _ if !raw.flag("push", problems) => Some("nothing is published"),
        _ if ends_with_plan => Some("the run ends with its plan"),
        Some(place) if place.is_local() => Some("the embedded ECR ends with the run"),
        _ => None,
    };
    let mut wanted = |name: &str, given_in: Option<&str>, missing: &str| {
        if !raw.flag(name, problems) {
            return false;
        }
        if let Some(nothing) = nothing {
            notes.push(format!("`{name}` is left out: {nothing}"));
            return false;
        }
        let origin = raw.text(name, problems).map(|value| value.origin);
        if let (None, Some(origin)) = (given_in, origin) {
            problems.add::<()>(&origin, missing, "leave it out".to_owned());
        }
        given_in.is_some()
    };
    let of_action = (raw.face() == Face::Action).then_some("the runner reads outputs of the action");
    let of_step = environment.get("GITHUB_OUTPUT");
    ExportSettings {
        credentials: wanted(
            "export-credentials",
            environment.get("GITHUB_ENV"),
            "is for jobs of GitHub Actions, whose later steps get the variables of a file; there is none here",
        ),
        docker_login: wanted(
            "export-docker-login",
            of_action.or(of_step),
            "is for jobs of GitHub Actions, whose steps have outputs in a file; there is none here",
        ),
    }
}
