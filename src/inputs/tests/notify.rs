//! Who hears of a run.

use secrecy::ExposeSecret as _;

use super::*;
use tagship_domain::notice::{ReceiverKind, RunEnd};

const SECRET: &str = "https://hooks.slack.com/services/T0/B0/very-secret";

fn case() -> Case {
    Case::new()
        .flag("registry", REGISTRY)
        .flag("repository", "team/app")
}

#[test]
fn receivers_have_addresses_and_ends() {
    let lines = format!("slack={SECRET}\nwebhook=http://127.0.0.1:9/x\ncommit-status");
    let settings = case()
        .variable("TAGSHIP_NOTIFY", &lines)
        .variable("TAGSHIP_NOTIFY_KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .flag("notify-on", "failure, unchanged")
        .settings();
    let kinds: Vec<_> = settings.notify.receivers.iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [
            ReceiverKind::Slack,
            ReceiverKind::Webhook,
            ReceiverKind::CommitStatus
        ]
    );
    let on: Vec<_> = settings.notify.on.iter().copied().collect();
    assert_eq!(on, [RunEnd::Unchanged, RunEnd::Failure]);
    let secrets: Vec<_> = settings
        .secrets()
        .map(|one| one.expose_secret().to_owned())
        .collect();
    assert!(
        secrets.contains(&SECRET.to_owned()),
        "what must not be shown is masked"
    );
    assert!(secrets.contains(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
    assert!(!format!("{settings:?}").contains("very-secret"));
}

#[test]
fn a_secret_that_a_fork_does_not_get_is_left_out_with_a_note() {
    let resolved = case()
        .variable("TAGSHIP_NOTIFY", "slack=\ncommit-status\n")
        .variable("TAGSHIP_NOTIFY_KEY", "")
        .resolve()
        .unwrap();
    assert_eq!(resolved.settings.notify.receivers.len(), 1);
    assert!(
        resolved
            .notes
            .iter()
            .any(|note| note.contains("entry 1, `slack`, has no URL")),
        "{:?}",
        resolved.notes
    );
}

#[test]
fn what_is_wrong_is_said_without_the_address() {
    for (lines, part) in [
        (SECRET.to_owned(), "entry 1 is none of"),
        (
            SECRET.replace("https://", "slack=http://"),
            "entry 1, `slack`: its value is not an `https` URL",
        ),
        ("webhook=very-secret".to_owned(), "entry 1, `webhook`"),
        ("slack=file:///very-secret".to_owned(), "entry 1, `slack`"),
        ("commit-status=very-secret".to_owned(), "takes no value"),
    ] {
        let error = case()
            .variable("TAGSHIP_NOTIFY", &lines)
            .resolve()
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
        assert!(!error.contains("very-secret"), "{error}");
    }
    let error = case()
        .variable("TAGSHIP_NOTIFY", "webhook=https://example.com")
        .variable("TAGSHIP_NOTIFY_KEY", "very-secret")
        .resolve()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("whsec_") && !error.contains("very-secret"),
        "{error}"
    );
}

#[test]
fn no_file_and_no_flag_says_who_hears() {
    let file = format!("repository: team/app\nregistry: {REGISTRY}\nnotify: slack={SECRET}\n");
    let error = Case::new()
        .file("tagship.yaml", &file)
        .resolve()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("notify") && !error.contains("very-secret"),
        "{error}"
    );
    let error = case()
        .flag("notify", &format!("slack={SECRET}"))
        .resolve()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("not taken from a flag") && !error.contains("very-secret"),
        "{error}"
    );
}

#[test]
fn the_page_of_the_run_is_known_in_jobs() {
    let job = case()
        .variable("GITHUB_ACTIONS", "true")
        .variable("GITHUB_SERVER_URL", "https://github.com")
        .variable("GITHUB_REPOSITORY", "octo/app")
        .variable("GITHUB_RUN_ID", "42");
    assert_eq!(
        job.settings().notify.page.as_deref(),
        Some("https://github.com/octo/app/actions/runs/42")
    );
    let again = job.variable("GITHUB_RUN_ATTEMPT", "2");
    assert_eq!(
        again.settings().notify.page.as_deref(),
        Some("https://github.com/octo/app/actions/runs/42/attempts/2")
    );
    let gitlab = case()
        .variable("GITLAB_CI", "true")
        .variable("CI_JOB_URL", "https://gitlab.example/octo/app/-/jobs/7");
    assert_eq!(
        gitlab.settings().notify.page.as_deref(),
        Some("https://gitlab.example/octo/app/-/jobs/7")
    );
    let odd = case()
        .variable("GITLAB_CI", "true")
        .variable("CI_JOB_URL", "javascript:alert(1)");
    assert_eq!(odd.settings().notify.page, None);
}
