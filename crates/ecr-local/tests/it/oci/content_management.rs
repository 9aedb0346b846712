//! "Content Management": "Deleting tags", "Deleting Manifests", "Deleting Blobs".

use reqwest::{Method, StatusCode};

use super::{Personality, REPOSITORY};
use crate::bench::{Registry, digest_of, oci_error};

async fn delete(registry: &Registry, path: &str) -> reqwest::Response {
    let path = format!("{REPOSITORY}/{path}");
    registry.request(Method::DELETE, &path).send().await.unwrap()
}

async fn status(registry: &Registry, path: &str) -> StatusCode {
    registry.get(&format!("{REPOSITORY}/{path}")).await.status()
}

#[tokio::test]
async fn a_deleted_tag_leaves_its_manifest() {
    let (_bench, registry) = Personality::Strict.start().await;
    let manifest = registry.image(REPOSITORY, "v1", "one").await;
    // "Upon success, the registry MUST respond with a 202 Accepted code."
    assert_eq!(
        delete(&registry, "manifests/v1").await.status(),
        StatusCode::ACCEPTED
    );
    assert_eq!(status(&registry, "manifests/v1").await, StatusCode::NOT_FOUND);
    let by_digest = format!("manifests/{}", digest_of(&manifest));
    assert_eq!(status(&registry, &by_digest).await, StatusCode::OK);
    // "If the repository does not exist" or the tag does not: 404.
    assert_eq!(
        delete(&registry, "manifests/v1").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_deleted_manifest_takes_its_tags_with_it() {
    let (_bench, registry) = Personality::Strict.start().await;
    let manifest = registry.image(REPOSITORY, "v1", "one").await;
    let by_digest = format!("manifests/{}", digest_of(&manifest));
    assert_eq!(delete(&registry, &by_digest).await.status(), StatusCode::ACCEPTED);
    // "a subsequent GET ... MUST return 404 Not Found", for tags that pointed to it too.
    for path in [by_digest.as_str(), "manifests/v1"] {
        assert_eq!(status(&registry, path).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_deleted_blob_is_gone() {
    let (_bench, registry) = Personality::Strict.start().await;
    let path = format!("blobs/{}", registry.blob(REPOSITORY, b"content").await);
    // "Upon success, the registry MUST respond with code 202 Accepted. If the blob is not found, a 404 Not Found
    // code MUST be returned."
    assert_eq!(delete(&registry, &path).await.status(), StatusCode::ACCEPTED);
    assert_eq!(status(&registry, &path).await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&registry, &path).await.status(), StatusCode::NOT_FOUND);
    registry.blob(REPOSITORY, b"content").await;
    assert_eq!(status(&registry, &path).await, StatusCode::OK);
}

// "If manifest/tag/blob deletion is disabled, the registry MUST respond with either a 400 Bad Request or a 405
// Method Not Allowed."
#[tokio::test]
async fn ecr_deletes_nothing_here() {
    let (_bench, registry) = Personality::Ecr.start().await;
    let manifest = registry.image(REPOSITORY, "v1", "one").await;
    let blob = registry.blob(REPOSITORY, b"content").await;
    for path in [
        "manifests/v1".to_owned(),
        format!("manifests/{}", digest_of(&manifest)),
        format!("blobs/{blob}"),
    ] {
        let (status, code, _) = oci_error(delete(&registry, &path).await).await;
        assert_eq!((status, code.as_str()), (405, "UNSUPPORTED"), "{path}");
    }
}
