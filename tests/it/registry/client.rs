//! Reading and putting when nothing fails.

use tagship::ports::{ReadRepository as _, RegistryError, WriteRepository as _};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use tagship_domain::error::{Diagnose as _, FailureKind};
use tagship_domain::reference::{Digest, Reference, Tag};

use test_support::fake::{Fake, REPOSITORY};

pub(crate) fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

/// A manifest that no serialiser would write this way.
pub(crate) fn odd_manifest() -> Manifest {
    Manifest::new(OCI_INDEX, "{ \"schemaVersion\":2,\n\t\"manifests\": [ ] }\n")
}

#[tokio::test]
async fn manifests_keep_their_bytes_and_type() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let manifest = odd_manifest();
    let by_digest = Reference::Digest(manifest.digest());

    repository.put_manifest(&by_digest, &manifest).await.unwrap();
    assert!(fake.state().tags.is_empty());
    repository
        .put_manifest(&tag("1.2.3").into(), &manifest)
        .await
        .unwrap();

    let read = repository.manifest(&manifest.digest()).await.unwrap();
    assert_eq!(read, Some(manifest.clone()));
    let resolved = repository.resolve(&[tag("1.2.3"), tag("other")]).await.unwrap();
    assert_eq!(
        resolved.into_iter().collect::<Vec<_>>(),
        [(tag("1.2.3"), manifest)]
    );
}

#[tokio::test]
async fn what_is_not_there_is_none() {
    let fake = Fake::start().await;
    let (repository, witness) = fake.client();
    let digest = Digest::of(b"nothing");
    assert_eq!(repository.manifest(&digest).await.unwrap(), None);
    assert_eq!(repository.blob_size(&digest).await.unwrap(), None);
    let error = repository
        .blob(&Descriptor::new(OCI_CONFIG, digest, 7))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::ContentMissing { .. }), "{error:?}");
    assert!(witness.retries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_repository_is_named_at_once() {
    let fake = Fake::start().await;
    let (repository, witness) = fake.client_of("team/none");
    let reads = repository.resolve(&[tag("1.2.3")]).await.unwrap_err();
    let writes = repository.put_blob("content".into()).await.unwrap_err();
    for error in [reads, writes] {
        assert!(
            matches!(error, RegistryError::RepositoryMissing { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("`team/none`"), "{error}");
        assert_eq!(error.kind(), FailureKind::Operation);
    }
    assert!(witness.retries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn blobs_are_read_from_where_the_registry_sends_without_the_credential() {
    let fake = Fake::start().await.with_storage().await;
    let digest = fake.add_blob(b"config");
    let (repository, _) = fake.client();
    let descriptor = Descriptor::new(OCI_CONFIG, digest, 6);
    assert_eq!(repository.blob(&descriptor).await.unwrap(), "config");
    assert_eq!(repository.blob_size(&digest).await.unwrap(), Some(6));
    assert_eq!(
        fake.journal(),
        [
            format!("GET /v2/{REPOSITORY}/blobs/{digest}"),
            format!("GET storage/{digest}"),
            format!("HEAD /v2/{REPOSITORY}/blobs/{digest}"),
            format!("HEAD storage/{digest}"),
        ]
    );
}

#[tokio::test]
async fn blobs_of_other_content_or_size_are_refused() {
    let fake = Fake::start().await;
    let digest = fake.add_blob(b"config");
    let (repository, _) = fake.client();
    for size in [5, 7, 0] {
        let error = repository
            .blob(&Descriptor::new(OCI_CONFIG, digest, size))
            .await
            .unwrap_err();
        assert!(
            matches!(error, RegistryError::ContentMismatch { .. }),
            "{size}: {error:?}"
        );
    }
    fake.journal();
    let error = repository
        .blob(&Descriptor::new(OCI_CONFIG, digest, 9 * 1024 * 1024))
        .await
        .unwrap_err();
    assert!(
        matches!(error, RegistryError::ContentMismatch { .. }),
        "{error:?}"
    );
    assert!(
        fake.journal().is_empty(),
        "too large a blob is not even asked for"
    );
}

#[tokio::test]
async fn a_taken_tag_is_known_by_its_code_whatever_the_words() {
    let fake = Fake::start().await;
    fake.state().immutable = true;
    let (repository, witness) = fake.client();
    let manifest = odd_manifest();
    let reference = tag("1.2.3").into();
    repository.put_manifest(&reference, &manifest).await.unwrap();

    let own_words = repository.put_manifest(&reference, &manifest).await.unwrap_err();
    fake.fail(
        http::Method::PUT,
        "manifests",
        test_support::fake::Fault::error(
            400,
            "TAG_INVALID",
            "The image tag '1.2.3' already exists in the 'team/app' repository and cannot be overwritten because the tag is immutable.",
        ),
    );
    let new_words = repository.put_manifest(&reference, &manifest).await.unwrap_err();
    for error in [own_words, new_words] {
        assert!(
            matches!(&error, RegistryError::TagTaken { tag: taken } if *taken == tag("1.2.3")),
            "{error:?}"
        );
        assert_eq!(error.kind(), FailureKind::TagConflict);
    }

    fake.fail(
        http::Method::PUT,
        "manifests",
        test_support::fake::Fault::error(400, "MANIFEST_INVALID", "already exists and is immutable"),
    );
    let other_code = repository.put_manifest(&reference, &manifest).await.unwrap_err();
    assert!(
        matches!(other_code, RegistryError::Refused { .. }),
        "{other_code:?}"
    );
    assert!(witness.retries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_manifest_without_its_blobs_is_refused() {
    let fake = Fake::start().await;
    let (repository, _) = fake.client();
    let config = Descriptor::new(OCI_CONFIG, Digest::of(b"absent"), 6);
    let manifest = serde_json::json!({"schemaVersion": 2, "config": config, "layers": []});
    let manifest = Manifest::new(OCI_MANIFEST, manifest.to_string());
    let error = repository
        .put_manifest(&manifest.digest().into(), &manifest)
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error:?}");
    assert!(error.to_string().ends_with("Layers do not exist"), "{error}");
}
