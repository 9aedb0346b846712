//! What each receiver is sent.

use super::*;
use crate::facts::CommitId;
use crate::reference::{Digest, ImageName, RegistryHost, RepositoryName, Tag};
use secrecy::ExposeSecret as _;

const COMMIT: &str = "0123456789012345678901234567890123456789";

fn notice(end: RunEnd) -> Notice {
    Notice {
        end,
        image: Some(ImageName {
            registry: RegistryHost::parse("123456789012.dkr.ecr.eu-central-1.amazonaws.com").unwrap(),
            repository: RepositoryName::parse("team/app").unwrap(),
        }),
        digest: Some(Digest::of(b"content")),
        name: Some(Tag::parse("1.4.0").unwrap()),
        tags: vec![Tag::parse("1.4.0").unwrap(), Tag::parse("latest").unwrap()],
        commit: CommitId::parse(COMMIT),
        error: None,
        page: Some("https://github.com/octo/app/actions/runs/1".to_owned()),
        report: r#"{"status":"published"}"#.to_owned(),
    }
}

/// Every text of a message that Slack reads markup in.
fn marked_up(message: &serde_json::Value) -> String {
    match message {
        serde_json::Value::Object(fields) if fields.get("type") == Some(&"plain_text".into()) => {
            String::new()
        }
        serde_json::Value::Object(fields) => fields.values().map(marked_up).collect(),
        serde_json::Value::Array(items) => items.iter().map(marked_up).collect(),
        serde_json::Value::String(text) => format!("{text}\n"),
        _ => String::new(),
    }
}

#[test]
fn a_line_names_a_kind_and_its_address() {
    let slack = Receiver::parse("slack = https://hooks.slack.com/services/T0/B0/x=y").unwrap();
    assert_eq!(slack.kind, ReceiverKind::Slack);
    let url = slack.url.unwrap();
    assert_eq!(url.expose_secret(), "https://hooks.slack.com/services/T0/B0/x=y");
    assert!(Receiver::parse("webhook=").unwrap().lacks_url());
    assert!(!Receiver::parse("commit-status").unwrap().lacks_url());
    assert_eq!(
        Receiver::parse("commit-status=x").unwrap_err(),
        InvalidReceiver::Value
    );
    let deployment = Receiver::parse("deployment = staging/eu 1").unwrap();
    assert_eq!(deployment.environment.as_deref(), Some("staging/eu 1"));
    assert!(deployment.url.is_none() && !deployment.lacks_url());
    let long = format!("deployment={}", "é".repeat(256));
    for line in [
        "deployment",
        "deployment=",
        "deployment=a\u{7}b",
        "deployment=a;b",
        &long,
    ] {
        let problem = Receiver::parse(line).unwrap_err();
        assert_eq!(problem, InvalidReceiver::Environment, "{line}");
    }
    for line in [
        "https://hooks.slack.com/services/T0",
        "slack",
        "teams=https://x",
        "",
    ] {
        let problem = Receiver::parse(line).unwrap_err();
        assert_eq!(problem, InvalidReceiver::Kind, "{line}");
        assert!(!problem.to_string().contains("hooks"), "an address is a secret");
    }
}

#[test]
fn a_key_has_the_standards_form() {
    let key = WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(key.encoded(), "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert!(!format!("{key:?}").contains("MfKQ"));
    for text in [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_short",
        "whsec_",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!",
    ] {
        assert!(WebhookKey::parse(text).is_none(), "{text}");
    }
}

#[test]
fn slack_reads_no_markup_in_text_from_outside() {
    let hostile =
        "step failed: <!channel> <https://evil.example|click> *bold* & `code` @here\u{1b}[31m\nmore";
    let message = Notice {
        error: Some(hostile.to_owned()),
        page: Some("https://github.com/a|b>c".to_owned()),
        ..notice(RunEnd::Failure)
    };
    let message = message.slack();
    let text = marked_up(&message);
    assert!(!text.contains("evil") && !text.contains("<!"), "{text}");
    assert!(text.contains("<https://github.com/a%7Cb&gt;c|the run>"), "{text}");
    let plain = message["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(
        plain.contains("<!channel>") && !plain.contains('\u{1b}'),
        "{plain}"
    );
    let long = Notice {
        error: Some("x".repeat(10_000)),
        ..notice(RunEnd::Failure)
    };
    let long = long.slack()["blocks"][1]["text"]["text"]
        .as_str()
        .unwrap()
        .chars()
        .count();
    assert!(long <= 3000, "Slack takes no longer text: {long}");
}

#[test]
fn a_published_image_is_named_by_tag_and_digest() {
    let text = marked_up(&notice(RunEnd::Success).slack());
    for part in [
        "*Published*  `team/app:1.4.0`",
        "tags `1.4.0`, `latest`",
        "commit `012345678901`",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.contains(&format!("team/app@{}`", Digest::of(b"content"))),
        "{text}"
    );
}

#[test]
fn a_status_is_short_and_has_a_context_of_its_own() {
    let state = Notice {
        error: Some("é".repeat(500)),
        ..notice(RunEnd::Gate)
    };
    let state = state.commit_state();
    assert_eq!(state.standing, Standing::Failure);
    assert_eq!(state.context, "tagship/team/app");
    assert_eq!(state.description.chars().count(), 140);
    let nothing = Notice {
        image: None,
        digest: None,
        ..notice(RunEnd::Failure)
    };
    assert_eq!(nothing.commit_state().context, "tagship");
    assert_eq!(nothing.commit_state().standing, Standing::Error);
    assert_eq!(
        notice(RunEnd::Unchanged).commit_state().standing,
        Standing::Success
    );
}

#[test]
fn a_webhook_holds_the_report() {
    let body = notice(RunEnd::Success).webhook(jiff::Timestamp::from_second(1_614_265_330).unwrap());
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["type"], "run.success");
    assert_eq!(body["timestamp"], "2021-02-25T15:02:10Z");
    assert_eq!(body["data"]["status"], "published");
}

#[test]
fn a_deployment_names_the_image_by_its_digest_and_needs_one() {
    let published = notice(RunEnd::Success);
    let deployment = published.deployment("production").unwrap();
    let digest = Digest::of(b"content");
    assert_eq!(
        deployment.payload,
        serde_json::json!({
            "image": format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@{digest}"),
            "digest": digest,
            "tags": ["1.4.0", "latest"],
        })
    );
    assert_eq!(deployment.commit.as_str(), COMMIT);
    // Source: GitHub REST API, "Create a deployment status": the description has 140 characters at most.
    assert!(deployment.description.chars().count() <= 140);
    let unknown = Notice {
        digest: None,
        ..notice(RunEnd::Success)
    };
    assert_eq!(unknown.deployment("production"), None);
}

#[test]
fn topics_and_buses_are_receivers_in_aws() {
    let topic = Receiver::parse("sns = arn:aws:sns:eu-central-1:123456789012:a").unwrap();
    assert_eq!(topic.kind, ReceiverKind::Sns);
    assert!(topic.url.is_none() && !topic.lacks_url());
    let bus = Receiver::parse("eventbridge=default").unwrap();
    assert_eq!(bus.kind, ReceiverKind::EventBridge);
    assert_eq!(bus.resource.unwrap().name, "default");
    for (line, problem) in [
        ("sns", InvalidReceiver::Topic),
        ("sns=a", InvalidReceiver::Topic),
        ("eventbridge=", InvalidReceiver::Bus),
    ] {
        assert_eq!(Receiver::parse(line).unwrap_err(), problem, "{line}");
    }
}

#[test]
fn what_is_too_long_for_a_topic_keeps_what_names_the_image() {
    let now = "2026-02-03T04:05:06Z".parse().unwrap();
    let mut long = notice(RunEnd::Success);
    assert_eq!(long.webhook_within(now, 1000), long.webhook(now));
    long.report = format!(r#"{{"notes":["{}"]}}"#, "x".repeat(2000));
    let body = long.webhook_within(now, 1000);
    assert!(body.len() <= 1000, "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["type"], "run.success");
    assert_eq!(body["data"]["digest"], Digest::of(b"content").to_string());
    assert_eq!(body["data"]["is-shortened"], true);
    assert_eq!(long.subject(), "Published: team/app:1.4.0");
    let arn = "arn:aws:ecr:eu-central-1:123456789012:repository/team/app";
    assert_eq!(long.repository_arn().as_deref(), Some(arn));
}
