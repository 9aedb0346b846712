//! Digests of SHA-512, which the specification lets a registry take and ECR does not: image spec, "Registered
//! algorithms"; distribution spec, "Pushing blobs" with `digest-algorithm`, and all that is read by a digest.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::reference::{Digest, DigestAlgorithm};

use super::{BOTH, Personality, REPOSITORY};
use crate::bench::{Registry, location, oci_error, text};

fn sha512(content: &[u8]) -> Digest {
    Digest::of_as(DigestAlgorithm::Sha512, content)
}

async fn begin(registry: &Registry, parameters: &str) -> reqwest::Response {
    let path = format!("{REPOSITORY}/blobs/uploads/?{parameters}");
    registry.request(Method::POST, &path).send().await.unwrap()
}

/// Pushes a blob by its SHA-512, as clients are asked to.
async fn push(registry: &Registry, content: &[u8]) -> Digest {
    let digest = sha512(content);
    let upload = begin(registry, "digest-algorithm=sha512").await;
    assert_eq!(upload.status(), StatusCode::ACCEPTED);
    let put = registry.complete(&location(&upload), digest, content.to_vec());
    let answer = put.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(text(&answer, "docker-content-digest"), digest.to_string());
    digest
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha512(content), "size": content.len()})
}

/// An image all of whose digests are SHA-512; gives its manifest, which is not pushed yet.
async fn image(registry: &Registry, content: &str, subject: Option<&str>) -> String {
    let config = format!("{{\"config\":\"{content}\"}}");
    push(registry, config.as_bytes()).await;
    push(registry, content.as_bytes()).await;
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(OCI_CONFIG, config.as_bytes()),
        "layers": [descriptor(OCI_LAYER_GZIP, content.as_bytes())],
    });
    if let Some(subject) = subject {
        manifest["subject"] = descriptor(OCI_MANIFEST, subject.as_bytes());
    }
    manifest.to_string()
}

async fn put(registry: &Registry, manifest: &str) -> reqwest::Response {
    registry
        .put(REPOSITORY, &sha512(manifest.as_bytes()).to_string(), manifest)
        .await
}

#[tokio::test]
async fn an_index_and_all_below_it_are_pushed_pulled_and_deleted_by_sha512() {
    let (_bench, registry) = Personality::Strict.start().await;
    let images = [
        image(&registry, "one", None).await,
        image(&registry, "two", None).await,
    ];
    let index = json!({
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": images.iter().map(|one| descriptor(OCI_MANIFEST, one.as_bytes())).collect::<Vec<_>>(),
    })
    .to_string();
    for manifest in images.iter().chain([&index]) {
        let answer = put(&registry, manifest).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let digest = sha512(manifest.as_bytes()).to_string();
        assert_eq!(text(&answer, "docker-content-digest"), digest);
        for method in [Method::HEAD, Method::GET] {
            let read = registry
                .request(method.clone(), &format!("{REPOSITORY}/manifests/{digest}"))
                .send()
                .await
                .unwrap();
            assert_eq!(read.status(), StatusCode::OK);
            assert_eq!(text(&read, "docker-content-digest"), digest);
            let expected = if method == Method::GET {
                manifest.as_str()
            } else {
                ""
            };
            assert_eq!(read.text().await.unwrap(), expected);
        }
    }
    let blob = format!("{REPOSITORY}/blobs/{}", sha512(b"one"));
    let part = registry
        .request(Method::GET, &blob)
        .header(header::RANGE, "bytes=1-2");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.text().await.unwrap(), "ne");
    // The index first: a manifest that an index has stays.
    for manifest in [&index, &images[0], &images[1]] {
        let path = format!("{REPOSITORY}/manifests/{}", sha512(manifest.as_bytes()));
        let delete = registry.request(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(delete.status(), StatusCode::ACCEPTED);
        assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);
    }
    let delete = registry.request(Method::DELETE, &blob).send().await.unwrap();
    assert_eq!(delete.status(), StatusCode::ACCEPTED);
    assert_eq!(registry.get(&blob).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_blob_by_sha512_comes_in_chunks_and_is_mounted() {
    let (bench, registry) = Personality::Strict.start().await;
    // Without the parameter, which a client only "SHOULD" send, and with it.
    for parameters in ["", "digest-algorithm=sha512"] {
        let mut upload = location(&begin(&registry, parameters).await);
        for (range, body) in [("0-2", "abc"), ("3-5", "def")] {
            let patch = registry.at(Method::PATCH, &upload);
            let answer = patch.header(header::CONTENT_RANGE, range).body(body);
            let answer = answer.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            upload = location(&answer);
        }
        let end = registry
            .complete(&upload, sha512(b"abcdef"), "")
            .send()
            .await
            .unwrap();
        assert_eq!(end.status(), StatusCode::CREATED);
    }
    let manifest = image(&registry, "mounted", None).await;
    assert_eq!(put(&registry, &manifest).await.status(), StatusCode::CREATED);
    let other = "team/other";
    bench
        .make(other, tagship_domain::immutability::Mutability::Mutable)
        .await;
    bench
        .ecr()
        .put_account_setting()
        .name("BLOB_MOUNTING")
        .value("ENABLED")
        .send()
        .await
        .unwrap();
    let mount = format!(
        "{other}/blobs/uploads/?mount={}&from={REPOSITORY}",
        sha512(b"mounted")
    );
    let answer = registry.request(Method::POST, &mount).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let there = registry
        .get(&format!("{other}/blobs/{}", sha512(b"mounted")))
        .await;
    assert_eq!(there.text().await.unwrap(), "mounted");
}

#[tokio::test]
async fn what_refers_to_a_sha512_is_listed_by_it_whether_or_not_it_is_there() {
    let (_bench, registry) = Personality::Strict.start().await;
    let subject = image(&registry, "subject", None).await;
    let referrer = image(&registry, "referrer", Some(&subject)).await;
    let answer = put(&registry, &referrer).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(
        text(&answer, "oci-subject"),
        sha512(subject.as_bytes()).to_string()
    );
    let path = format!("{REPOSITORY}/referrers/{}", sha512(subject.as_bytes()));
    let list: Value = registry.get(&path).await.json().await.unwrap();
    let digests: Vec<_> = list["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["digest"])
        .collect();
    assert_eq!(digests, [&json!(sha512(referrer.as_bytes()))]);
}

#[tokio::test]
async fn content_that_is_another_is_refused_by_sha512_too() {
    let (_bench, registry) = Personality::Strict.start().await;
    let upload = location(&begin(&registry, "digest-algorithm=sha512").await);
    let end = registry
        .complete(&upload, sha512(b"other"), "content")
        .send()
        .await
        .unwrap();
    assert_eq!(end.status(), StatusCode::BAD_REQUEST);
    let manifest = image(&registry, "one", None).await;
    let digest = sha512(b"other").to_string();
    let answer = registry.put(REPOSITORY, &digest, &manifest).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let (status, code, _) = oci_error(begin(&registry, "digest-algorithm=md5").await).await;
    assert_eq!((status, code.as_str()), (400, "DIGEST_INVALID"));
}

#[tokio::test]
async fn ecr_names_nothing_by_sha512() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let path = format!("{REPOSITORY}/blobs/{}", sha512(b"none"));
        let (status, code, _) = oci_error(registry.get(&path).await).await;
        let expected = match personality {
            Personality::Ecr => (400, "DIGEST_INVALID"),
            Personality::Strict => (404, "BLOB_UNKNOWN"),
        };
        assert_eq!((status, code.as_str()), expected);
    }
}
