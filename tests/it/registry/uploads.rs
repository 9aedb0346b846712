//! Uploads: of blobs in memory and of streams.

use std::io;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::Method;
use tagship::ports::{BlobStream, RegistryError, WriteRepository as _};
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

#[tokio::test]
async fn a_stream_takes_three_requests() {
    for patch_status in [201, 202, 204] {
        let fake = Fake::start().await;
        fake.state().patch_status = patch_status;
        let (repository, _) = fake.client();
        let (digest, size) = repository.upload(thrice()).await.unwrap();
        assert_eq!((digest.to_string().as_str(), size), (THRICE, 18));
        assert_eq!(fake.state().blobs[&digest], "layer layer layer ");
        let upload = path("uploads/1");
        assert_eq!(
            fake.journal(),
            [
                format!("POST {}", path("uploads/")),
                format!("PATCH {upload}"),
                format!("PUT {upload}")
            ]
        );
    }
}

#[tokio::test]
async fn an_empty_stream_is_a_blob_too() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let uploaded = repository.upload(stream::empty().boxed()).await.unwrap();
    // `sha256sum /dev/null`
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(uploaded, (Digest::parse(empty).unwrap(), 0));
}

#[tokio::test]
async fn a_blob_in_memory_is_put_in_one_piece_and_only_once() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let digest = repository.put_blob("layer layer layer ".into()).await.unwrap();
    assert_eq!(digest.to_string(), THRICE);
    let look = format!("HEAD {}", path(&digest.to_string()));
    assert_eq!(
        fake.journal(),
        [
            look.clone(),
            format!("POST {}", path("uploads/")),
            format!("PUT {}", path("uploads/1"))
        ]
    );
    repository.put_blob("layer layer layer ".into()).await.unwrap();
    assert_eq!(fake.journal(), [look]);
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
        let digest = repository.put_blob("content".into()).await.unwrap();
        assert_eq!(
            fake.journal(),
            [
                format!("HEAD {}", path(&digest.to_string())),
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
        fake.fail(Method::PATCH, "uploads", failure.clone());
        let error = repository.upload(thrice()).await.unwrap_err();
        assert!(error.is_transient(), "{failure:?}: {error:?}");
        let (digest, _) = repository.upload(thrice()).await.unwrap();
        assert_eq!(digest.to_string(), THRICE);
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_commit_costs_a_look_and_no_second_upload() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    fake.fail(Method::PUT, "uploads", Fault::LoseAnswer);
    let (digest, _) = repository.upload(thrice()).await.unwrap();
    assert_eq!(
        fake.journal().last(),
        Some(&format!("HEAD {}", path(&digest.to_string())))
    );
}

#[tokio::test]
async fn a_source_that_fails_is_told_from_a_registry_that_fails() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let broken = stream::iter([
        Ok(Bytes::from("layer ")),
        Err(io::Error::other("the engine went away")),
    ]);
    let error = repository.upload(broken.boxed()).await.unwrap_err();
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

        fake.fail(Method::PATCH, "uploads", lie);
        let error = repository.upload(thrice()).await.unwrap_err();
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
    let (digest, _) = repository.upload(thrice()).await.unwrap();
    assert_eq!(digest.to_string(), THRICE);
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
    let error = repository.upload(endless.boxed()).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}
