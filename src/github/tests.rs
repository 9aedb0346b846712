//! The adapter for GitHub's API beside a fake of it.

use secrecy::SecretString;
use serde_json::json;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use tagship_domain::error::Diagnose as _;

const TOKEN: &str = "ghs_token-secret";

async fn server(answers: Vec<ResponseTemplate>) -> MockServer {
    // Another test may have been first.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let server = MockServer::start().await;
    for (number, answer) in answers.into_iter().enumerate() {
        Mock::given(method("GET"))
            .and(path("/api/v3/repos/octo/app"))
            .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
            .respond_with(answer)
            .up_to_n_times(1)
            .with_priority(u8::try_from(number).unwrap() + 1)
            .mount(&server)
            .await;
    }
    server
}

fn settings(server: &MockServer) -> GithubSettings {
    GithubSettings {
        token: Some(SecretString::from(TOKEN)),
        repository: Some("octo/app".to_owned()),
        api_url: Some(format!("{}/api/v3", server.uri()).parse().unwrap()),
        ..GithubSettings::default()
    }
}

fn forge(server: &MockServer) -> GithubForge {
    GithubForge::of(&settings(server)).unwrap().unwrap()
}

/// The fields that GitHub always sends and a client may need.
fn repository(licence: &serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "id": 1, "name": "app", "url": "https://api.github.com/repos/octo/app", "license": licence,
    }))
}

fn licence(spdx: &str) -> serde_json::Value {
    json!({"key": "x", "name": "x", "spdx_id": spdx, "url": null, "node_id": "x"})
}

#[tokio::test]
async fn the_licence_is_githubs() {
    for (answer, expected) in [
        (licence("Apache-2.0"), Some("Apache-2.0")),
        (licence("NOASSERTION"), Some("NOASSERTION")),
        (licence("MIT\n::error::x"), None),
        (json!(null), None),
    ] {
        let server = server(vec![repository(&answer)]).await;
        let found = forge(&server).repository().await.unwrap();
        assert_eq!(found.spdx_id(), expected);
        assert_eq!(found.name.as_deref(), Some("app"));
    }
}

#[tokio::test]
async fn a_hiccup_is_not_seen() {
    let answers = vec![
        ResponseTemplate::new(502).set_body_string("<html>"),
        repository(&licence("MIT")),
    ];
    let server = server(answers).await;
    assert_eq!(forge(&server).repository().await.unwrap().spdx_id(), Some("MIT"));
}

#[tokio::test]
async fn refusals_are_told_in_githubs_words_without_the_token() {
    let refusal = |status, message: &str| {
        ResponseTemplate::new(status)
            .set_body_json(json!({"message": message, "documentation_url": "https://docs.github.com"}))
    };
    for (answer, words) in [
        (refusal(404, "Not Found"), "Not Found (404 Not Found)"),
        (
            refusal(403, "Resource not\n::error::accessible"),
            "Resource not ::error::accessible (403 Forbidden)",
        ),
        (
            refusal(401, "Bad credentials"),
            "Bad credentials (401 Unauthorized)",
        ),
    ] {
        let server = server(vec![answer]).await;
        let forge = forge(&server);
        let error = forge.repository().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("GitHub could not be asked about `octo/app`: {words}")
        );
        let printed = format!("{error:?} {forge:?} {:?} {:?}", settings(&server), error.hint());
        assert!(!printed.contains("secret"), "{printed}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_repository_is_an_error() {
    for answer in [
        ResponseTemplate::new(200).set_body_string("not JSON"),
        ResponseTemplate::new(200).set_body_json(json!([])),
        ResponseTemplate::new(200).set_body_json(json!({"name": "x".repeat(11 << 20)})),
        ResponseTemplate::new(404).set_body_string("x".repeat(11 << 20)),
    ] {
        let server = server(vec![answer]).await;
        let error = forge(&server).repository().await.unwrap_err();
        assert!(matches!(error, ForgeError::Failed { .. }), "{error}");
    }
}

#[test]
fn github_is_asked_only_with_a_token_and_about_a_repository() {
    let with = |token: Option<&str>, repository: Option<&str>| {
        GithubForge::of(&GithubSettings {
            token: token.map(SecretString::from),
            repository: repository.map(str::to_owned),
            ..GithubSettings::default()
        })
    };
    assert!(with(None, Some("octo/app")).unwrap().is_none());
    assert!(with(Some(TOKEN), None).unwrap().is_none());
    for repository in [
        "app",
        "octo/app/x",
        "octo/..",
        "octo/a b",
        "octo/a#b",
        "/",
        "octo/a?b",
    ] {
        assert!(with(Some(TOKEN), Some(repository)).is_err(), "{repository}");
    }
}

#[tokio::test]
async fn where_a_commit_stands_is_githubs() {
    let (of, from) = ("1".repeat(40), "2".repeat(40));
    let id = |text: &str| CommitId::parse(text).unwrap();
    for (answer, expected) in [
        (
            json!({"status": "ahead", "ahead_by": 1, "commits": []}),
            Some(Descent::After),
        ),
        (json!({"status": "identical"}), Some(Descent::After)),
        (json!({"status": "behind"}), Some(Descent::Before)),
        (json!({"status": "diverged"}), Some(Descent::Apart)),
        (json!({"status": "sideways"}), None),
        (json!("ahead"), None),
    ] {
        let server = server(vec![]).await;
        Mock::given(method("GET"))
            .and(path(format!("/api/v3/repos/octo/app/compare/{from}...{of}")))
            .and(header("authorization", format!("Bearer {TOKEN}").as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_json(&answer))
            .mount(&server)
            .await;
        let found = forge(&server).descent(&id(&of), &id(&from)).await;
        assert_eq!(found.ok(), expected, "{answer}");
    }
    // GitHub does not know the commit, or the token may not read.
    let server = server(vec![]).await;
    let error = forge(&server).descent(&id(&of), &id(&from)).await.unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
}
