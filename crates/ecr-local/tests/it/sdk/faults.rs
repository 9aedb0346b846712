//! Failures that tests order.

use ecr_local::{Fault, HeldAt, JournalEntry};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::bench::{Bench, REPOSITORY, api_error, digest_of, oci_error};

fn order(bench: &Bench, operation: &str, action: &Value) {
    let fault: Fault = serde_json::from_value(json!({"operation": operation, "action": action})).unwrap();
    bench.local.add_fault(fault);
}

fn held(at: HeldAt) -> impl Fn(&[JournalEntry]) -> bool {
    move |entries| entries.iter().any(|entry| entry.held == Some(at))
}

#[tokio::test]
async fn a_status_comes_once_and_nothing_is_done() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.content(REPOSITORY, "one").await;
    let path = format!("{REPOSITORY}/manifests/1.0.0");
    order(
        &bench,
        "PutManifest",
        &json!({"kind": "status", "status": 429, "envelope": true}),
    );
    let throttled = registry.put(REPOSITORY, "1.0.0", &manifest).await;
    assert_eq!(
        oci_error(throttled).await,
        (429, "TOOMANYREQUESTS".to_owned(), "Rate exceeded".to_owned())
    );
    order(&bench, "PutManifest", &json!({"kind": "status", "status": 503}));
    let down = registry.put(REPOSITORY, "1.0.0", &manifest).await;
    assert_eq!(down.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(down.json::<Value>().await.is_err());
    assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);
    let done = registry.put(REPOSITORY, "1.0.0", &manifest).await;
    assert_eq!(done.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn apis_fail_with_the_code_that_was_ordered() {
    let bench = Bench::start().await;
    order(
        &bench,
        "DescribeRepositories",
        &json!({"kind": "error", "code": "ThrottlingException", "message": "Rate exceeded"}),
    );
    let refused = api_error(bench.ecr().describe_repositories().send().await);
    assert_eq!(
        refused,
        ("ThrottlingException".to_owned(), "Rate exceeded".to_owned())
    );
    order(
        &bench,
        "GetCallerIdentity",
        &json!({"kind": "error", "code": "IDPCommunicationError", "message": "try again"}),
    );
    let sts = bench.sts_as(bench.administrator());
    let refused = api_error(sts.get_caller_identity().send().await);
    assert_eq!(refused.0, "IDPCommunicationError");
    assert!(sts.get_caller_identity().send().await.is_ok());
}

#[tokio::test]
async fn a_client_can_be_killed_before_and_after_the_effect() {
    for (kind, at, expected) in [
        ("hang", HeldAt::BeforeEffect, StatusCode::NOT_FOUND),
        ("hang-after", HeldAt::AfterEffect, StatusCode::OK),
    ] {
        let bench = Bench::start().await;
        let registry = bench.registry().await;
        let manifest = registry.content(REPOSITORY, "one").await;
        order(&bench, "PutManifest", &json!({"kind": kind}));
        tokio::select! {
            _ = registry.put(REPOSITORY, "1.0.0", &manifest) => panic!("an answer came"),
            entries = bench.local.journal_until(held(at)) => {
                let entry = entries.last().unwrap();
                assert_eq!(entry.operation, "PutManifest");
                assert_eq!(entry.reference.as_deref(), Some("1.0.0"));
            }
        }
        // The server sees that the client is gone.
        bench
            .local
            .journal_until(|entries| entries.iter().all(|entry| entry.held.is_none()))
            .await;
        let path = format!("{REPOSITORY}/manifests/1.0.0");
        assert_eq!(registry.get(&path).await.status(), expected, "{kind}");
    }
}

#[tokio::test]
async fn connections_break_where_it_was_ordered() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let get = || {
        registry
            .request(Method::GET, &format!("{REPOSITORY}/manifests/1.0.0"))
            .send()
    };
    order(&bench, "GetManifest", &json!({"kind": "reset"}));
    assert!(get().await.is_err());
    for kind in ["reset-mid-body", "truncate"] {
        order(&bench, "GetManifest", &json!({"kind": kind}));
        let answer = get().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.bytes().await.is_err(), "{kind}");
    }
    assert_eq!(get().await.unwrap().text().await.unwrap(), manifest);
    // An answer without a body is lost, with its effect done.
    order(&bench, "PutManifest", &json!({"kind": "reset-mid-body"}));
    let put = registry
        .request(Method::PUT, &format!("{REPOSITORY}/manifests/2.0.0"))
        .body(manifest.clone())
        .send();
    assert!(put.await.is_err());
    let head = registry.get(&format!("{REPOSITORY}/manifests/2.0.0")).await;
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_journal_counts_what_was_asked() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    bench.local.reset_journal();
    registry.put(REPOSITORY, &digest_of(&manifest), &manifest).await;
    bench
        .ecr()
        .list_images()
        .repository_name(REPOSITORY)
        .send()
        .await
        .unwrap();
    let asked: Vec<_> = bench
        .local
        .journal()
        .into_iter()
        .map(|entry| (entry.operation, entry.repository, entry.reference, entry.status))
        .collect();
    let repository = Some(REPOSITORY.to_owned());
    assert_eq!(
        asked,
        [
            (
                "PutManifest".to_owned(),
                repository.clone(),
                Some(digest_of(&manifest)),
                Some(201)
            ),
            ("ListImages".to_owned(), repository, None, Some(200)),
        ]
    );
}

#[tokio::test]
async fn the_admin_interface_is_there_when_asked_for() {
    let without = Bench::start().await;
    let hidden = without.http.get(without.url("/_local/journal")).send();
    assert_eq!(hidden.await.unwrap().status(), StatusCode::NOT_FOUND);

    let bench = Bench::start_with(|options| options.admin = true).await;
    let admin = |method, path: &str| bench.http.request(method, bench.url(&format!("/_local/{path}")));
    let ordered = admin(Method::POST, "faults")
        .json(&json!({"operation": "Ping", "times": 2, "action": {"kind": "status", "status": 500}}))
        .send();
    assert_eq!(ordered.await.unwrap().status(), StatusCode::NO_CONTENT);
    let unknown = admin(Method::POST, "faults")
        .json(&json!({"operation": "Ping", "action": {"kind": "explode"}}))
        .send();
    assert!(unknown.await.unwrap().status().is_client_error());
    let registry = bench.registry().await;
    assert_eq!(registry.get("").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let left: Value = admin(Method::GET, "faults")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(left[0]["times"], 1);
    admin(Method::DELETE, "faults").send().await.unwrap();
    assert_eq!(registry.get("").await.status(), StatusCode::OK);

    admin(Method::PUT, "clock")
        .json(&json!({"offset_seconds": 86_400}))
        .send()
        .await
        .unwrap();
    assert_eq!(registry.get("").await.status(), StatusCode::FORBIDDEN);
    let journal: Vec<Value> = admin(Method::GET, "journal")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(journal.last().unwrap()["status"], 403);
    admin(Method::DELETE, "journal").send().await.unwrap();
    assert!(bench.local.journal().is_empty());
}

#[tokio::test]
async fn a_reset_makes_everything_as_at_the_start_but_for_keys() {
    let of_start = json!({"PutImage": 7});
    let quotas = serde_json::from_value(of_start.clone()).unwrap();
    let bench = Bench::start_with(|options| {
        options.admin = true;
        options.quotas = quotas;
    })
    .await;
    let admin = |method, path: &str| bench.http.request(method, bench.url(&format!("/_local/{path}")));
    let read = async |path| -> Value {
        let answer = admin(Method::GET, path).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let at_start = [
        read("quotas").await,
        read("faults").await,
        read("clock").await,
        read("findings").await,
    ];
    assert_eq!(at_start[0], of_start);
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    for (method, path, body) in [
        (Method::PUT, "quotas", json!({"PutImage": 1})),
        (
            Method::POST,
            "faults",
            json!({"operation": "HeadBlob", "action": {"kind": "reset"}}),
        ),
        (Method::PUT, "clock", json!({"offset_seconds": 60})),
        (
            Method::PUT,
            "findings",
            json!({"repository": REPOSITORY, "outcome": "failed"}),
        ),
    ] {
        let answer = admin(method, path).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{path}");
    }

    let reset = admin(Method::DELETE, "state").send().await.unwrap();
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    let after = [
        read("quotas").await,
        read("faults").await,
        read("clock").await,
        read("findings").await,
    ];
    assert_eq!(after, at_start);
    assert!(bench.local.journal().is_empty());
    let repositories = bench.ecr().describe_repositories().send().await.unwrap();
    assert!(repositories.repositories().is_empty());
}
