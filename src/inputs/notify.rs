//! Who hears of a run.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use url::{Host, Url};

use super::lists::names;
use super::problem::Problems;
use super::{Environment, RawInputs};
use crate::settings::NotifySettings;
use tagship_domain::notice::{Receiver, ReceiverKind, RunEnd, WebhookKey};
use tagship_domain::untrusted::cleaned;

/// Where CI systems other than GitHub Actions say the page of the job.
///
/// Sources: GitLab docs, "Predefined CI/CD variables reference"; `CircleCI` docs, "Project values and variables"; Buildkite
/// docs, "Environment variables"; `CodeBuild` user guide, "Environment variables in build environments"; Jenkins handbook,
/// "Using environment variables".
const PAGES: [&str; 5] = [
    "CI_JOB_URL",
    "CIRCLE_BUILD_URL",
    "BUILDKITE_BUILD_URL",
    "CODEBUILD_PUBLIC_BUILD_URL",
    "BUILD_URL",
];

/// Reads `notify`, `notify-key` and `notify-on`. No message repeats an address.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    notes: &mut Vec<String>,
    problems: &mut Problems,
) -> NotifySettings {
    let mut receivers = Vec::new();
    for (index, entry) in raw.entries("notify", problems).iter().enumerate() {
        let number = index + 1;
        // Nothing of the line is repeated: it may be an address alone.
        let parsed = Receiver::parse(&entry.text).map_err(|error| format!("entry {number} {error}"));
        let Some(receiver) = problems.check(&entry.origin, parsed, None) else {
            continue;
        };
        let kind = receiver.kind;
        if receiver.lacks_url() {
            // A pull request from a fork gets no secrets, and is no reason to fail.
            notes.push(format!(
                "`notify`: entry {number}, `{kind}`, has no URL, and is left out: the secret is empty or not given to this job"
            ));
            continue;
        }
        let url = receiver.url.as_ref().map(ExposeSecret::expose_secret);
        if url.is_some_and(|url| !is_address(url)) {
            let message = format!("entry {number}, `{kind}`: its value is not an `https` URL");
            let hint = "give the whole URL, from a secret of the repository".to_owned();
            problems.add::<()>(&entry.origin, message, hint);
            continue;
        }
        receivers.push(receiver);
    }
    let key = key(raw, &receivers, problems);
    let event = raw
        .flag("pr-comment", problems)
        .then(|| super::job_event(environment, false, &mut Vec::new()));
    let comment = event
        .flatten()
        .and_then(|event| event.git_ref.pull_request()?.parse().ok());
    NotifySettings {
        comment,
        on: ends(raw, problems),
        page: page(environment),
        receivers,
        key,
    }
}

/// Whether a notice may be sent there: with encryption, or to this machine.
fn is_address(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

fn key(raw: &RawInputs, receivers: &[Receiver], problems: &mut Problems) -> Option<WebhookKey> {
    let value = raw.text("notify-key", problems)?;
    let is_used = receivers
        .iter()
        .any(|receiver| receiver.kind == ReceiverKind::Webhook);
    if !is_used && raw.entries("notify", problems).is_empty() {
        let hint = "add `webhook=URL` to `notify`, or leave it out".to_owned();
        return problems.add(&value.origin, "signs what webhooks get, and there is none", hint);
    }
    let key = WebhookKey::parse(&value.text).ok_or("is not `whsec_` and the Base64 of 24 to 64 random bytes");
    let hint = "make one with `echo \"whsec_$(openssl rand -base64 32)\"`".to_owned();
    problems.check(&value.origin, key, hint)
}

fn ends(raw: &RawInputs, problems: &mut Problems) -> BTreeSet<RunEnd> {
    let known = RunEnd::ALL.map(|end| format!("`{}`", end.as_str())).join(", ");
    let ends = names(raw, "notify-on", problems).into_iter().filter_map(|name| {
        let end = RunEnd::parse(&name.text);
        let wrong = || format!("`{}` is none of {known}", cleaned(&name.text));
        problems.check(&name.origin, end.ok_or_else(wrong), None)
    });
    ends.collect()
}

/// The page of the run. Source: GitHub docs, "Variables reference".
fn page(environment: &Environment) -> Option<String> {
    let text = if environment.in_actions() {
        let [server, repository, run] =
            ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(|name| environment.get(name));
        let attempt = environment
            .get("GITHUB_RUN_ATTEMPT")
            .filter(|attempt| *attempt != "1");
        let attempt = attempt
            .map(|attempt| format!("/attempts/{attempt}"))
            .unwrap_or_default();
        format!(
            "{}/{}/actions/runs/{}{attempt}",
            server?.trim_end_matches('/'),
            repository?,
            run?
        )
    } else {
        environment.other_ci()?;
        PAGES.iter().find_map(|name| environment.get(name))?.to_owned()
    };
    let url = Url::parse(&text).ok()?;
    let is_page =
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    is_page.then(|| url.to_string())
}
