//! Notices over HTTP, against a receiver that answers as each test wants.

use std::net::TcpListener;

use jiff::Timestamp;
use tagship_domain::notice::RunEnd;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;

/// The key, id, time, body and signature of the specification's own example.
///
/// Source: Standard Webhooks, reference implementations' tests; the signature was recomputed with Python's `hmac`.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP: i64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[derive(Debug)]
struct Then;

impl Clock for Then {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(TIMESTAMP).unwrap()
    }
}

fn key() -> WebhookKey {
    WebhookKey::parse(KEY).unwrap()
}

fn notice() -> Notice {
    Notice {
        end: RunEnd::Success,
        image: None,
        digest: None,
        name: None,
        tags: Vec::new(),
        commit: None,
        error: None,
        page: None,
        report: "{}".to_owned(),
    }
}

async fn server(answers: Vec<ResponseTemplate>) -> MockServer {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let server = MockServer::start().await;
    let count = answers.len();
    for (index, answer) in answers.into_iter().enumerate() {
        let mock = Mock::given(method("POST"))
            .and(path("/hook/secret"))
            .respond_with(answer);
        let mock = if index + 1 < count {
            mock.up_to_n_times(1)
        } else {
            mock
        };
        mock.mount(&server).await;
    }
    server
}

fn url(server: &MockServer) -> SecretString {
    format!("{}/hook/secret", server.uri()).into()
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers[name].to_str().unwrap()
}

#[test]
fn a_signature_is_the_standards() {
    assert_eq!(signature(&key(), ID, TIMESTAMP, BODY), SIGNATURE);
}

#[tokio::test]
async fn a_notice_that_is_not_taken_is_sent_again_under_the_same_id() {
    let server = server(vec![ResponseTemplate::new(503), ResponseTemplate::new(204)]).await;
    let webhook = JsonWebhook::new(url(&server), Some(key()), Arc::new(Then));
    webhook.send(&notice()).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let ids: Vec<&str> = requests
        .iter()
        .map(|request| header(request, "webhook-id"))
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
    let body = std::str::from_utf8(&requests[1].body).unwrap();
    assert_eq!(header(&requests[1], "webhook-timestamp"), TIMESTAMP.to_string());
    assert_eq!(
        header(&requests[1], "webhook-signature"),
        signature(&key(), ids[1], TIMESTAMP, body)
    );
    assert_eq!(header(&requests[1], "content-type"), "application/json");
}

#[tokio::test]
async fn without_a_key_nothing_is_signed() {
    let server = server(vec![ResponseTemplate::new(200)]).await;
    let webhook = JsonWebhook::new(url(&server), None, Arc::new(Then));
    webhook.send(&notice()).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert!(!requests[0].headers.contains_key("webhook-signature"));
}

#[tokio::test]
async fn a_notice_is_sent_three_times_at_most() {
    let server = server(vec![ResponseTemplate::new(500)]).await;
    let error = SlackWebhook::new(url(&server)).send(&notice()).await.unwrap_err();
    assert!(
        matches!(error, NoticeError::Refused { status: 500, .. }),
        "{error}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_refused_for_good_is_sent_once_and_slacks_reason_is_told() {
    let answer = ResponseTemplate::new(404).set_body_string("no_service");
    let server = server(vec![answer]).await;
    let error = SlackWebhook::new(url(&server)).send(&notice()).await.unwrap_err();
    assert_eq!(error.to_string(), "it answers 404, `no_service`");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_redirect_is_followed_and_no_answer_repeats_the_address() {
    let other = server(vec![ResponseTemplate::new(200)]).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("location", url(&other).expose_secret());
        let server = server(vec![answer]).await;
        let error = SlackWebhook::new(url(&server)).send(&notice()).await.unwrap_err();
        assert!(matches!(error, NoticeError::Redirected { .. }), "{error}");
    }
    assert_eq!(other.received_requests().await.unwrap().len(), 0);
    let answer = ResponseTemplate::new(400).set_body_string("no route /hook/secret");
    let server = server(vec![answer]).await;
    let error = SlackWebhook::new(url(&server)).send(&notice()).await.unwrap_err();
    assert_eq!(error.to_string(), "it answers 400");
}

#[tokio::test]
async fn an_error_of_the_connection_says_nothing_of_the_address() {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let addresses = [
        format!("http://{free}/hook/secret"),
        "https://nowhere.invalid/hook/secret".to_owned(),
    ];
    for address in addresses {
        let error = SlackWebhook::new(address.into())
            .send(&notice())
            .await
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("secret") && !text.contains("nowhere"), "{text}");
    }
}

#[tokio::test]
async fn what_speaks_something_else_is_named_in_plain_words_and_tried_once() {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .ok();
    for (scheme, expected) in [("http", "HTTP"), ("https", "HTTPS")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let tries = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            let mut question = [0; 4096];
            std::io::Read::read(&mut peer, &mut question).unwrap();
            std::io::Write::write_all(&mut peer, b"220 mail.example ESMTP\r\n").unwrap();
            std::io::copy(&mut peer, &mut std::io::sink()).ok();
        });
        let webhook = SlackWebhook::new(format!("{scheme}://{address}/hook/secret").into());
        let error = webhook.send(&notice()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("what answers there does not speak {expected}")
        );
        // A second try would find no listener.
        tries.join().unwrap();
    }
}

#[tokio::test]
async fn a_receiver_that_wants_to_be_left_alone_for_long_is_not_waited_for() {
    let answer = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    let server = server(vec![answer]).await;
    SlackWebhook::new(url(&server)).send(&notice()).await.unwrap_err();
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}
