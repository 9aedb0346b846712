//! What the job's environment says of GitHub.

use secrecy::SecretString;
use url::Url;

use super::problem::Problems;
use super::{Environment, Origin, RawInputs, trust};
use crate::settings::GithubSettings;
use tagship_domain::notice::Receiver;

/// Reads GitHub's variables and the token.
pub(super) fn read(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> GithubSettings {
    let token = token(raw, problems);
    if !environment.in_actions() {
        // Outside of a job only what is written there needs more than a token.
        let is_released = raw
            .text("release", problems)
            .is_some_and(|value| value.text != "false");
        let is_written = is_released
            || raw
                .entries("notify", problems)
                .iter()
                .filter_map(|entry| Receiver::parse(&entry.text).ok())
                .any(|receiver| receiver.kind.is_on_github());
        let known = if is_written {
            forge(environment)
        } else {
            GithubSettings::default()
        };
        return GithubSettings { token, ..known };
    }
    let mut url = |name: &str| {
        let text = environment.get(name)?;
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
            _ => problems.add(&Origin::Variable(name.to_owned()), "is not an `https` URL", None),
        }
    };
    GithubSettings {
        token,
        repository: environment
            .get("GITHUB_REPOSITORY")
            .filter(|repository| is_repository(repository))
            .map(str::to_owned),
        api_url: url("GITHUB_API_URL"),
        server_url: url("GITHUB_SERVER_URL"),
    }
}

fn token(raw: &RawInputs, problems: &mut Problems) -> Option<SecretString> {
    let value = raw.text("github-token", problems)?;
    if !is_token(&value.text) {
        let hint = "set it anew, from the place that it was copied from; look for quotes and line breaks";
        return problems.add(
            &value.origin,
            "has a character that no token has",
            hint.to_owned(),
        );
    }
    Some(value.text.into())
}

/// Whether a token can be sent in a header.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

/// The way to GitHub's API that the environment alone gives; what is not usable is left out.
pub fn forge(environment: &Environment) -> GithubSettings {
    let url = |name| environment.get(name).and_then(|text| Url::parse(text).ok());
    GithubSettings {
        token: environment
            .get("TAGSHIP_GITHUB_TOKEN")
            .map(str::trim)
            .filter(|token| is_token(token))
            .map(Into::into),
        repository: environment
            .get("GITHUB_REPOSITORY")
            .filter(|repository| is_repository(repository))
            .map(str::to_owned),
        api_url: url("GITHUB_API_URL"),
        server_url: url("GITHUB_SERVER_URL"),
    }
}

/// `owner/name`, in the characters that GitHub allows.
fn is_repository(text: &str) -> bool {
    let legal = |part: &str| {
        (1..=100).contains(&part.len())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    text.split_once('/')
        .is_some_and(|(owner, name)| legal(owner) && legal(name))
}

/// Whether the run is a pull request from a fork, which GitHub gives neither secrets nor OIDC tokens.
///
/// `pull_request_target` runs in the base repository and is not restricted.
/// Source: GitHub docs, "Events that trigger workflows".
pub(super) fn from_fork(environment: &Environment) -> bool {
    let restricted = environment.in_actions()
        && environment
            .get("GITHUB_EVENT_NAME")
            .is_some_and(|event| event.starts_with("pull_request") && event != "pull_request_target");
    if !restricted {
        return false;
    }
    let name = environment.get("GITHUB_EVENT_NAME").unwrap_or_default();
    let payload = trust::payload(environment);
    payload.has_pull_request() && payload.is_about_another_repository(name)
}
