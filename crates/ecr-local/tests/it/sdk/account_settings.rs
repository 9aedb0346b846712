//! Account settings, and the mounts of blobs that one of them allows.

use aws_sdk_ecr::types::{EncryptionConfiguration, EncryptionType};
use reqwest::{Method, Response, StatusCode};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, Registry, api_error, text};

async fn set(bench: &Bench, name: &str, value: &str) -> Result<String, (String, String)> {
    let result = bench
        .ecr()
        .put_account_setting()
        .name(name)
        .value(value)
        .send()
        .await;
    match result {
        Ok(answer) => Ok(answer.value.unwrap()),
        Err(error) => Err(api_error::<(), _, _>(Err(error))),
    }
}

async fn get(bench: &Bench, name: &str) -> String {
    let answer = bench.ecr().get_account_setting().name(name).send().await.unwrap();
    assert_eq!(answer.name(), Some(name));
    answer.value.unwrap()
}

/// What `POST` with these parameters comes to.
async fn post(registry: &Registry, repository: &str, parameters: &str) -> Response {
    let path = format!("{repository}/blobs/uploads/?{parameters}");
    registry.request(Method::POST, &path).send().await.unwrap()
}

#[tokio::test]
async fn settings_have_values_of_their_own() {
    let bench = Bench::start().await;
    for (name, value) in [
        ("BASIC_SCAN_TYPE_VERSION", "AWS_NATIVE"),
        ("REGISTRY_POLICY_SCOPE", "V2"),
        ("BLOB_MOUNTING", "DISABLED"),
    ] {
        assert_eq!(get(&bench, name).await, value);
        assert_eq!(set(&bench, name, value).await, Ok(value.to_owned()));
        assert_eq!(
            set(&bench, name, "V1").await.unwrap_err().0,
            "ValidationException"
        );
        assert_eq!(get(&bench, name).await, value);
    }
    assert_eq!(
        set(&bench, "OTHER", "V2").await.unwrap_err().0,
        "ValidationException"
    );
    set(&bench, "BLOB_MOUNTING", "ENABLED").await.unwrap();
    assert_eq!(get(&bench, "BLOB_MOUNTING").await, "ENABLED");
    // Each region has its own.
    let elsewhere = bench.ecr_in(bench.administrator(), "us-east-1");
    let answer = elsewhere.get_account_setting().name("BLOB_MOUNTING").send().await;
    assert_eq!(answer.unwrap().value(), Some("DISABLED"));
}

#[tokio::test]
async fn a_blob_is_mounted_once_the_account_asks_for_it() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "1.0.0", "layer").await;
    let loose = registry.blob(REPOSITORY, b"loose").await;
    bench.make("team/other", Mutability::Mutable).await;
    let layer = Digest::of(b"layer");
    let mount = format!("mount={layer}&from={REPOSITORY}");
    let before = post(&registry, "team/other", &mount).await;
    assert_eq!(before.status(), StatusCode::ACCEPTED);
    set(&bench, "BLOB_MOUNTING", "ENABLED").await.unwrap();
    for (parameters, why) in [
        (format!("mount={layer}"), "anonymous"),
        (format!("mount={layer}&from=team/missing"), "no such source"),
        (
            format!("mount={}&from={REPOSITORY}", Digest::of(b"missing")),
            "not in the source",
        ),
        (
            format!("mount={loose}&from={REPOSITORY}"),
            "of no image in the source",
        ),
        (format!("mount=sha256:1&from={REPOSITORY}"), "not a digest"),
    ] {
        let answer = post(&registry, "team/other", &parameters).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{why}");
    }
    let mounted = post(&registry, "team/other", &mount).await;
    assert_eq!(mounted.status(), StatusCode::CREATED);
    assert_eq!(text(&mounted, "docker-content-digest"), layer.to_string());
    let blob = registry.get(&format!("team/other/blobs/{layer}")).await;
    assert_eq!(blob.bytes().await.unwrap(), "layer");
    let missing = post(&registry, "team/missing", &mount).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn repositories_that_are_encrypted_otherwise_share_no_blobs() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "1.0.0", "layer").await;
    set(&bench, "BLOB_MOUNTING", "ENABLED").await.unwrap();
    let mount = format!("mount={}&from={REPOSITORY}", Digest::of(b"layer"));
    let kms = EncryptionConfiguration::builder()
        .encryption_type(EncryptionType::Kms)
        .build()
        .unwrap();
    bench
        .ecr()
        .create_repository()
        .repository_name("team/kms")
        .encryption_configuration(kms)
        .send()
        .await
        .unwrap();
    let answer = post(&registry, "team/kms", &mount).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}
