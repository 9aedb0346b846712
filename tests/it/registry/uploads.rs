//! Uploads: of blobs in memory and of streams.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::Method;
use tagship::ports::{BlobStream, RegistryError, WriteRepository as _};
use tagship::registry::Repository;
use tagship_domain::reference::Digest;

use test_support::fake::{Fake, Fault, REPOSITORY, serve};

/// What `printf 'layer layer layer ' | sha256sum` gives.
const THRICE: &str = "sha256:1091fc8159047bf6a6d7b6373219c3228039597262898de53d9c7395adc85d46";

fn thrice() -> BlobStream {
    stream::iter(["layer "; 3])
        .map(|chunk| Ok(Bytes::from(chunk)))
        .boxed()
}

fn path(rest: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/{rest}")
}

async fn upload(repository: &Repository, content: BlobStream) -> Result<(), RegistryError> {
    repository
        .upload(&Digest::parse(THRICE).unwrap(), 18, content)
        .await
}

#[tokio::test]
async fn a_stream_takes_two_requests() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    upload(&repository, thrice()).await.unwrap();
    let digest = Digest::parse(THRICE).unwrap();
    assert_eq!(fake.state().blobs[&digest], "layer layer layer ");
    assert_eq!(
        fake.journal(),
        [
            format!("POST {}", path("uploads/")),
            format!("PUT {}", path("uploads/1"))
        ]
    );
}

#[tokio::test]
async fn an_empty_stream_is_a_blob_too() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    // `sha256sum /dev/null`
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let empty = Digest::parse(empty).unwrap();
    repository
        .upload(&empty, 0, stream::empty().boxed())
        .await
        .unwrap();
    assert!(fake.state().blobs.contains_key(&empty));
}

#[tokio::test]
async fn a_stream_of_something_else_is_refused_and_not_kept() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let other = stream::iter([Ok(Bytes::from("a layer of 18 byte"))]).boxed();
    let error = upload(&repository, other).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::ContentMismatch { .. }),
        "{error:?}"
    );
    let short = stream::iter([Ok(Bytes::from("layer layer"))]).boxed();
    upload(&repository, short).await.unwrap_err();
    assert!(fake.state().blobs.is_empty());
    // Of a stream that goes on, the registry sees the announced length only, which may be the blob itself.
    let long = stream::iter([Ok(Bytes::from("layer layer layer and more"))]).boxed();
    upload(&repository, long).await.unwrap_err();
}

#[tokio::test]
async fn a_blob_in_memory_is_put_in_one_piece() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let digest = repository.put_blob("layer layer layer ".into()).await.unwrap();
    assert_eq!(digest.to_string(), THRICE);
    assert_eq!(
        fake.journal(),
        [
            format!("POST {}", path("uploads/")),
            format!("PUT {}", path("uploads/1"))
        ]
    );
}

#[tokio::test]
async fn every_repetition_has_an_upload_session_of_its_own() {
    let failures = [
        Fault::Reset,
        Fault::ResetEarly,
        Fault::status(500),
        Fault::status(408),
        Fault::slow_down(0),
        Fault::error(416, "BLOB_UPLOAD_INVALID", ""),
        Fault::error(404, "BLOB_UPLOAD_UNKNOWN", ""),
    ];
    for failure in failures {
        let fake = Fake::start().await;
        let (repository, witness) = fake.client();
        fake.fail(Method::PUT, "uploads", failure.clone());
        repository.put_blob("content".into()).await.unwrap();
        assert_eq!(
            fake.journal(),
            [
                format!("POST {}", path("uploads/")),
                format!("PUT {}", path("uploads/1")),
                format!("POST {}", path("uploads/")),
                format!("PUT {}", path("uploads/2")),
            ],
            "{failure:?}"
        );
        assert_eq!(witness.retries.lock().unwrap().len(), 1, "{failure:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_the_callers_to_repeat() {
    for failure in [
        Fault::Reset,
        Fault::ResetEarly,
        Fault::status(500),
        Fault::status(401),
    ] {
        let fake = Fake::start().await;
        let (repository, _) = fake.client();
        fake.fail(Method::PUT, "uploads", failure.clone());
        let error = upload(&repository, thrice()).await.unwrap_err();
        assert!(error.is_transient(), "{failure:?}: {error:?}");
        upload(&repository, thrice()).await.unwrap();
        assert_eq!(fake.state().blobs.len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_costs_a_look_and_no_second_upload() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    fake.fail(Method::PUT, "uploads", Fault::LoseAnswer);
    upload(&repository, thrice()).await.unwrap();
    assert_eq!(fake.journal().last(), Some(&format!("HEAD {}", path(THRICE))));
}

#[tokio::test]
async fn a_source_that_fails_is_told_from_a_registry_that_fails() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let broken = stream::iter([
        Ok(Bytes::from("layer ")),
        Err(io::Error::other("the engine went away")),
    ]);
    let error = upload(&repository, broken.boxed()).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::Source(message) if message == "the engine went away"),
        "{error:?}"
    );
    assert!(fake.state().blobs.is_empty());
}

#[tokio::test]
async fn an_upload_never_leaves_the_registry() {
    let elsewhere = Fake::start().await;
    let other_host = format!("http://{}/v2/{REPOSITORY}/blobs/uploads/1", elsewhere.address);
    for location in [
        other_host.as_str(),
        "https://127.0.0.1:1/x",
        "ftp://127.0.0.1/x",
        "http://[/",
    ] {
        let fake = Fake::start().await;
        let (repository, _) = fake.client();
        let lie = Fault::Header("location", location.to_owned());
        fake.fail(Method::POST, "uploads", lie.clone());
        let error = repository.put_blob("content".into()).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::Refused { .. }),
            "{location}: {error:?}"
        );

        fake.fail(Method::POST, "uploads", lie);
        let error = upload(&repository, thrice()).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::Refused { .. }),
            "{location}: {error:?}"
        );
    }
    assert!(elsewhere.journal().is_empty());
}

#[tokio::test]
async fn an_upload_goes_on_at_a_relative_address() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let relative = format!("/v2/{REPOSITORY}/blobs/uploads/1?state=a%2Fb");
    fake.fail(Method::POST, "uploads", Fault::Header("location", relative));
    upload(&repository, thrice()).await.unwrap();
    assert_eq!(fake.state().blobs.len(), 1);
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_stream_is_no_success() {
    // Says that all is well as soon as the upload begins, and hangs up.
    let hasty = serve(|request| async move {
        let answer = http::Response::builder()
            .status(201)
            .header("location", request.uri().to_string());
        let body = http_body_util::Empty::new();
        let body = http_body_util::BodyExt::map_err(body, |error: std::convert::Infallible| match error {});
        Ok(answer
            .body(http_body_util::combinators::BoxBody::new(body))
            .unwrap())
    })
    .await;
    let fake = Fake::at(hasty);
    let (repository, _) = fake.client();
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 4096])));
    let digest = Digest::parse(THRICE).unwrap();
    let error = repository
        .upload(&digest, 1 << 40, endless.boxed())
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
