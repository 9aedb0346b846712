//! What fails, and what is made of it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::Method;
use oci_registry::RetryPolicy;
use tagship::ports::{BlobStream, ReadRepository as _, RegistryError, WriteRepository as _};
use tagship_domain::content::{Descriptor, OCI_CONFIG};
use tagship_domain::error::{Diagnose as _, FailureKind};
use tagship_domain::reference::Digest;

use super::client::{odd_manifest, tag};
use test_support::fake::{Fake, Fault, IMPATIENT, REPOSITORY};

const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";

#[tokio::test]
async fn what_may_pass_is_repeated_and_reported() {
    let failures = [
        Fault::Reset,
        Fault::Truncate,
        Fault::status(408),
        Fault::status(500),
        Fault::status(502),
        Fault::status(503),
        Fault::slow_down(0),
    ];
    let fake = Fake::start().await;
    let manifest = odd_manifest();
    let (repository, witness) = fake.client();
    repository
        .put_manifest(&tag("1").into(), &manifest)
        .await
        .unwrap();
    for failure in failures {
        fake.fail(Method::GET, "manifests", failure.clone());
        let read = repository.manifest(&manifest.digest()).await.unwrap();
        assert_eq!(read.as_ref(), Some(&manifest), "{failure:?}");
        let retries = std::mem::take(&mut *witness.retries.lock().unwrap());
        let what = format!("reading manifest `{}`", manifest.digest());
        assert!(
            matches!(&*retries, [(said, reason, _)] if *said == what && !reason.is_empty()),
            "{retries:?}"
        );
    }
}

#[tokio::test]
async fn a_truncated_blob_is_read_again() {
    let fake = Fake::start().await;
    let digest = fake.add_blob(b"config");
    let (repository, _) = fake.client();
    fake.fail(Method::GET, "blobs", Fault::Truncate);
    let content = repository.blob(&Descriptor::new(OCI_CONFIG, digest, 6)).await;
    assert_eq!(content.unwrap(), "config");
}

#[tokio::test]
async fn putting_a_manifest_is_repeated() {
    for failure in [Fault::Reset, Fault::LoseAnswer, Fault::status(500)] {
        let fake = Fake::start().await;
        let (repository, _) = fake.client();
        fake.fail(Method::PUT, "manifests", failure);
        let manifest = odd_manifest();
        repository
            .put_manifest(&tag("1").into(), &manifest)
            .await
            .unwrap();
        assert_eq!(fake.state().tags["1"], manifest.digest());
    }
}

#[tokio::test]
async fn repetition_has_an_end() {
    let fake = Fake::start().await;
    let (repository, witness) = fake.client();
    for _ in 0..10 {
        fake.fail(Method::HEAD, "blobs", Fault::status(503));
    }
    let error = repository.blob_size(&Digest::of(b"")).await.unwrap_err();
    assert!(error.is_unavailable() && !error.is_transient(), "{error:?}");
    assert_eq!(error.kind(), FailureKind::Operation);
    assert_eq!(fake.journal().len(), IMPATIENT.repetitions + 1);
    assert_eq!(witness.retries.lock().unwrap().len(), IMPATIENT.repetitions);
}

#[tokio::test]
async fn the_registry_says_when_to_come_again_within_bounds() {
    let fake = Fake::start().await;
    let (repository, witness) = fake.client();
    fake.fail(Method::HEAD, "blobs", Fault::slow_down(86_400));
    assert_eq!(repository.blob_size(&Digest::of(b"")).await.unwrap(), None);
    let delays: Vec<Duration> = witness
        .retries
        .lock()
        .unwrap()
        .iter()
        .map(|retry| retry.2)
        .collect();
    assert_eq!(delays, [IMPATIENT.longest_pause]);
}

#[tokio::test]
async fn a_refused_credential_is_replaced_once() {
    let refusals = [
        None,
        Some(Fault::error(403, "DENIED", EXPIRED)),
        Some(Fault::error(401, "DENIED", EXPIRED)),
        // A HEAD's answer has no body.
        Some(Fault::status(403)),
    ];
    for refusal in refusals {
        let fake = Fake::start().await;
        let (repository, witness) = fake.client();
        match &refusal {
            None => fake.state().password = Some("secret-2".to_owned()),
            Some(refusal) => fake.fail(Method::PUT, "manifests", refusal.clone()),
        }
        repository
            .put_manifest(&tag("1").into(), &odd_manifest())
            .await
            .unwrap();
        assert_eq!(fake.journal().len(), 2, "{refusal:?}");
        assert_eq!(*witness.forgotten.lock().unwrap(), 1, "{refusal:?}");
    }
}

#[tokio::test]
async fn requests_refused_together_share_one_new_credential() {
    let fake = Fake::start().await;
    fake.state().password = Some("secret-2".to_owned());
    let (repository, witness) = fake.client();
    let tags: Vec<_> = (0..20).map(|n| tag(&n.to_string())).collect();
    assert!(repository.resolve(&tags).await.unwrap().is_empty());
    assert_eq!(*witness.forgotten.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_credential_that_is_refused_twice_is_refused() {
    let fake = Fake::start().await;
    fake.state().password = Some("another".to_owned());
    let (repository, witness) = fake.client();
    let error = repository.put_blob("content".into()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error:?}");
    assert_eq!(error.kind(), FailureKind::Credentials);
    assert_eq!(fake.journal().len(), 2);
    assert!(witness.retries.lock().unwrap().is_empty());
    assert!(
        !format!("{error} {error:?} {repository:?}").contains("secret"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_new_token_that_has_expired_too_is_no_missing_permission() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    for _ in 0..2 {
        fake.fail(Method::GET, "manifests", Fault::error(403, "DENIED", EXPIRED));
    }
    let error = repository.resolve(&[tag("1")]).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Unauthorized { message, .. } if message == EXPIRED),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let fake = Fake::start().await;
    let (repository, witness) = fake.client();
    let denied = "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-central-1:123456789012:repository/team/app because no identity-based policy allows it";
    fake.fail(Method::POST, "uploads", Fault::error(403, "DENIED", denied));
    let error = repository.put_blob("content".into()).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::NotPermitted { action, .. } if action == "ecr:InitiateLayerUpload"),
        "{error:?}"
    );
    assert_eq!(error.kind(), FailureKind::Credentials);
    assert_eq!(
        *witness.forgotten.lock().unwrap(),
        0,
        "another token of the same role would not help"
    );
}

#[tokio::test]
async fn a_missing_permission_without_words_is_the_operations_own() {
    for words in ["", "perform: ecr:\u{1b}[31m", "perform: iam:PassRole"] {
        let fake = Fake::start().await;
        let (repository, _) = fake.client();
        for _ in 0..2 {
            fake.fail(Method::GET, "manifests", Fault::error(403, "DENIED", words));
        }
        let error = repository.resolve(&[tag("1")]).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::NotPermitted { action, .. } if action == "ecr:BatchGetImage"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_registry_that_lies_about_content_is_caught() {
    let fake = Fake::start().await;
    let manifest = odd_manifest();
    let (repository, _) = fake.client();
    repository
        .put_manifest(&tag("1").into(), &manifest)
        .await
        .unwrap();
    let other = Digest::of(b"other").to_string();

    fake.fail(Method::GET, "manifests", Fault::Content("{}"));
    let other_bytes = repository.manifest(&manifest.digest()).await.unwrap_err();
    fake.fail(
        Method::GET,
        "manifests",
        Fault::Header("docker-content-digest", other.clone()),
    );
    let other_digest = repository.resolve(&[tag("1")]).await.unwrap_err();
    fake.fail(
        Method::PUT,
        "manifests",
        Fault::Header("docker-content-digest", other),
    );
    let other_stored = repository
        .put_manifest(&tag("1").into(), &manifest)
        .await
        .unwrap_err();
    let digest = fake.add_blob(b"config");
    fake.fail(Method::GET, "blobs", Fault::Content("c0nfig"));
    let other_blob = repository
        .blob(&Descriptor::new(OCI_CONFIG, digest, 6))
        .await
        .unwrap_err();
    for error in [other_bytes, other_digest, other_stored, other_blob] {
        assert!(
            matches!(error, RegistryError::ContentMismatch { .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn redirects_do_not_lead_out_of_http_nor_go_on_for_ever() {
    let fake = Fake::start().await;
    let digest = fake.add_blob(b"config");
    let (repository, _) = fake.client();
    let descriptor = Descriptor::new(OCI_CONFIG, digest, 6);
    let redirect = |to: String| Fault::Answer {
        status: 307,
        headers: vec![("location", to)],
        body: String::new(),
    };
    let here = format!("http://{}/v2/team/app/blobs/{digest}", fake.address);
    fake.fail(Method::GET, "blobs", redirect("file:///etc/passwd".to_owned()));
    let error = repository.blob(&descriptor).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");

    fake.journal();
    for _ in 0..20 {
        fake.fail(Method::GET, "blobs", redirect(here.clone()));
    }
    let error = repository.blob(&descriptor).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    assert!(fake.journal().len() < 10);
}

#[tokio::test]
async fn the_registrys_words_are_bounded_and_clean() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let hostile = format!("\u{1b}[31m::error::x\n{}", "a".repeat(1_000));
    let bodies = [
        serde_json::json!({"errors": [{"code": "UNKNOWN", "message": hostile}]}).to_string(),
        hostile.clone(),
        "a".repeat(10 * 1024 * 1024),
    ];
    for body in bodies {
        fake.fail(
            Method::PUT,
            "manifests",
            Fault::Answer {
                status: 400,
                headers: vec![],
                body,
            },
        );
        let error = repository
            .put_manifest(&tag("1").into(), &odd_manifest())
            .await
            .unwrap_err()
            .to_string();
        assert!(!error.contains(char::is_control), "{error}");
        assert!(error.len() < 700, "{}", error.len());
    }
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let absent = Fake::at(address);
    let (repository, _) = absent.client();
    let error = repository.blob_size(&Digest::of(b"")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

/// Answers come within 200 ms; a whole blob is checked for as long as `commit` says.
fn short(commit: Duration) -> RetryPolicy {
    RetryPolicy {
        answer: Duration::from_millis(200),
        stall: Duration::from_millis(200),
        commit,
        ..IMPATIENT
    }
}

fn layer() -> (Digest, u64, BlobStream) {
    let content = Bytes::from("layer");
    (Digest::of(&content), 5, stream::iter([Ok(content)]).boxed())
}

#[tokio::test]
async fn silence_is_a_failure_like_others() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client_with(REPOSITORY, short(Duration::from_secs(1)));
    let upload = || {
        let (digest, size, content) = layer();
        let repository = &repository;
        async move { repository.upload(&digest, size, content).await }
    };

    fake.fail(Method::HEAD, "blobs", Fault::Hang);
    assert_eq!(repository.blob_size(&Digest::of(b"")).await.unwrap(), None);
    fake.fail(Method::POST, "uploads", Fault::Hang);
    let error = upload().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    // It is there, and does not keep what it was sent.
    fake.fail(Method::PUT, "uploads", Fault::Hang);
    let error = upload().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    upload().await.unwrap();
}

#[tokio::test]
async fn a_registry_that_fell_silent_is_not_waited_for_as_if_it_checked() {
    let fake = Fake::start().await;
    let an_hour = Duration::from_hours(1);
    let (repository, _) = fake.client_with(REPOSITORY, short(an_hour));
    let (digest, size, content) = layer();
    fake.fail(Method::PUT, "uploads", Fault::Hang);
    fake.fail(Method::HEAD, "blobs", Fault::Hang);
    let error = repository.upload(&digest, size, content).await.unwrap_err();
    assert!(error.is_unavailable() && !error.is_transient(), "{error:?}");
    let asked = fake
        .journal()
        .iter()
        .filter(|line| line.starts_with("HEAD"))
        .count();
    assert_eq!(asked, 1, "{:?}", fake.journal());

    // One that has the blob and does not say so.
    let (digest, size, content) = layer();
    fake.fail(Method::PUT, "uploads", Fault::WithholdAnswer);
    repository.upload(&digest, size, content).await.unwrap();
}
