//! Signatures of requests (`SigV4`).

use aws_credential_types::Credentials;
use serde_json::Value;

use crate::bench::{Bench, REGION, REPOSITORY, Scope, api_error};

async fn refusal(client: aws_sdk_ecr::Client) -> (String, String) {
    api_error(client.describe_repositories().send().await)
}

#[tokio::test]
async fn keys_that_are_wrong_unknown_or_for_elsewhere_are_refused() {
    let bench = Bench::start().await;
    let id = bench.local.admin().id.clone();
    let with = |id: &str, secret: &str, token: Option<&str>| {
        Credentials::new(id, secret, token.map(str::to_owned), None, "test")
    };
    let code = async |credentials| refusal(bench.ecr_as(credentials)).await.0;
    assert_eq!(code(with(&id, "wrong", None)).await, "InvalidSignatureException");
    assert_eq!(
        code(with("AKIAUNKNOWN", "wrong", None)).await,
        "UnrecognizedClientException"
    );
    assert_eq!(
        code(with(&id, "wrong", Some("forged.token"))).await,
        "UnrecognizedClientException"
    );
    let (elsewhere, message) = refusal(bench.ecr_in(bench.administrator(), "nowhere")).await;
    assert_eq!(elsewhere, "InvalidSignatureException");
    assert!(
        message.starts_with("Credential should be scoped to a valid region"),
        "{message}"
    );
}

#[tokio::test]
async fn a_repository_is_in_the_region_that_the_request_was_signed_for() {
    let bench = Bench::start().await;
    let there = bench.ecr_in(bench.administrator(), "ap-south-1");
    there
        .create_repository()
        .repository_name("team/elsewhere")
        .send()
        .await
        .unwrap();
    let names = async |client: aws_sdk_ecr::Client| {
        let answer = client.describe_repositories().send().await.unwrap();
        let arns = answer
            .repositories()
            .iter()
            .filter_map(|one| one.repository_arn());
        arns.map(str::to_owned).collect::<Vec<_>>()
    };
    let account = bench.local.access().account.clone();
    assert_eq!(
        names(there).await,
        [format!(
            "arn:aws:ecr:ap-south-1:{account}:repository/team/elsewhere"
        )]
    );
    assert_eq!(
        names(bench.ecr()).await,
        [format!("arn:aws:ecr:{REGION}:{account}:repository/{REPOSITORY}")]
    );
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_whatever_the_emulators_clock() {
    let bench = Bench::start().await;
    bench.local.set_clock_offset(24 * 60 * 60);
    for (shift, words) in [(-360, "Signature expired:"), (360, "Signature not yet current:")] {
        let (status, answer) = send(&bench, "ecr", shift, "{}", "{}").await;
        assert_eq!(status, 400);
        assert_eq!(answer["__type"], "InvalidSignatureException");
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with(words), "{message}");
    }
    for shift in [-240, 240] {
        assert_eq!(send(&bench, "ecr", shift, "{}", "{}").await.0, 200);
    }
}

/// Signs one body, `shift` seconds from now, and sends another.
async fn send(bench: &Bench, service: &str, shift: i64, signed: &str, sent: &str) -> (u16, Value) {
    let target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";
    let scope = Scope {
        credentials: bench.administrator(),
        region: REGION,
        service,
        shift,
    };
    bench.signed(&scope, target, signed, sent).await
}

#[tokio::test]
async fn a_signature_covers_the_body_and_the_service() {
    let bench = Bench::start().await;
    let (status, answer) = send(&bench, "ecr", 0, "{}", "{}").await;
    assert_eq!((status, &answer["__type"]), (200, &Value::Null));
    let (status, answer) = send(&bench, "ecr", 0, "{}", "{ }").await;
    assert_eq!(
        (status, answer["__type"].as_str()),
        (400, Some("InvalidSignatureException"))
    );
    let (_, answer) = send(&bench, "sts", 0, "{}", "{}").await;
    assert_eq!(
        answer["message"],
        "Credential should be scoped to correct service: 'ecr'. "
    );
}

#[tokio::test]
async fn what_is_not_signed_is_refused_unless_switched_off() {
    for (auth, status) in [(true, 400), (false, 200)] {
        let bench = Bench::start_with(|options| options.auth = auth).await;
        let answer = bench
            .http
            .post(bench.url("/"))
            .header(
                "x-amz-target",
                "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
            )
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), status);
        let body: Value = answer.json().await.unwrap();
        let code = body["__type"].as_str();
        assert_eq!(code, auth.then_some("MissingAuthenticationToken"));
    }
}
