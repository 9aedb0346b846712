//! "Push": "Pushing blobs" in one piece and in chunks, "Mounting a blob", "Pushing manifests".

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use tagship_domain::content::OCI_MANIFEST;
use tagship_domain::reference::Digest;

use super::{BOTH, Personality, REPOSITORY};
use crate::bench::{digest_of, location, oci_error, text};

#[tokio::test]
async fn a_blob_is_pushed_by_post_then_put() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let upload = registry.upload(REPOSITORY).await;
        let digest = Digest::of(b"content");
        let answer = registry
            .complete(&upload, digest, "content")
            .send()
            .await
            .unwrap();
        // "Upon successful completion of the request, the response MUST have code 201 Created and MUST have the
        // following header: Location: <blob-location>".
        assert_eq!(answer.status(), StatusCode::CREATED);
        let blob = registry.at(Method::GET, &location(&answer)).send().await.unwrap();
        assert_eq!(blob.text().await.unwrap(), "content");
    }
}

#[tokio::test]
async fn a_blob_under_a_wrong_digest_is_400() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let upload = registry.upload(REPOSITORY).await;
        let put = registry.complete(&upload, Digest::of(b"other"), "content");
        let (status, code, _) = oci_error(put.send().await.unwrap()).await;
        // "Error Codes": BLOB_UPLOAD_INVALID or DIGEST_INVALID.
        assert_eq!((status, code.as_str()), (400, "BLOB_UPLOAD_INVALID"));
    }
}

#[tokio::test]
async fn chunks_of_any_size_follow_each_other() {
    let (_bench, registry) = Personality::Strict.start().await;
    let mut upload = registry.upload(REPOSITORY).await;
    let chunk = |upload: &str, range: &str, body: &'static str| {
        registry
            .at(Method::PATCH, upload)
            .header(header::CONTENT_RANGE, range)
            .body(body)
            .send()
    };
    for (range, body, received) in [("0-2", "abc", "0-2"), ("3-3", "d", "0-3"), ("4-5", "ef", "0-5")] {
        let answer = chunk(&upload, range, body).await.unwrap();
        // "Each successful chunk upload MUST have a 202 Accepted response code, and MUST have the following headers:
        // Location, Range: 0-<end-of-range>".
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(text(&answer, "range"), received);
        upload = location(&answer);
    }
    // "If a chunk is uploaded out of order, the registry MUST respond with a 416 Requested Range Not Satisfiable".
    let early = chunk(&upload, "8-9", "ij").await.unwrap();
    assert_eq!(early.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    // "To get the current status after a 416 error, issue a GET request ... The response to an active upload MUST be
    // a 204 No Content response code".
    let status = registry.at(Method::GET, &upload).send().await.unwrap();
    assert_eq!(status.status(), StatusCode::NO_CONTENT);
    assert_eq!(text(&status, "range"), "0-5");
    let put = registry.complete(&location(&status), Digest::of(b"abcdefgh"), "gh");
    let answer = put.header(header::CONTENT_RANGE, "6-7").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (_bench, registry) = Personality::Strict.start().await;
    let digest = registry.blob(REPOSITORY, b"").await;
    let answer = registry.get(&format!("{REPOSITORY}/blobs/{digest}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let upload = registry.upload(REPOSITORY).await;
        // "Canceling a blob upload": "If successful, the response SHOULD be a 204 No Content".
        let given_up = registry.at(Method::DELETE, &upload).send().await.unwrap();
        assert_eq!(given_up.status(), StatusCode::NO_CONTENT);
        let (status, code, _) = oci_error(registry.at(Method::GET, &upload).send().await.unwrap()).await;
        assert_eq!((status, code.as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    }
}

#[tokio::test]
async fn a_mount_that_is_not_possible_is_an_upload() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let digest = Digest::of(b"content");
        // "If a registry does not support cross-repository mounting or is unable to mount the requested blob, it
        // SHOULD return a 202"; without `from` too.
        for from in ["", "&from=team/app"] {
            let path = format!("{REPOSITORY}/blobs/uploads/?mount={digest}{from}");
            let answer = registry.request(Method::POST, &path).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            let put = registry.complete(&location(&answer), digest, "content");
            assert_eq!(put.send().await.unwrap().status(), StatusCode::CREATED);
        }
    }
}

#[tokio::test]
async fn a_manifest_is_pushed_byte_for_byte() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let manifest = registry.content(REPOSITORY, "one").await;
        for reference in [digest_of(&manifest), "v1".to_owned(), "v1".to_owned()] {
            let answer = registry.put(REPOSITORY, &reference, &manifest).await;
            // "Upon a successful upload, the registry MUST return response code 201 Created, and MUST have the
            // following header: Location: <location>".
            assert_eq!(answer.status(), StatusCode::CREATED);
            let stored = registry.at(Method::GET, &location(&answer)).send().await.unwrap();
            assert_eq!(stored.text().await.unwrap(), manifest);
        }
    }
}

#[tokio::test]
async fn what_is_no_manifest_is_manifest_invalid() {
    let (_bench, registry) = Personality::Strict.start().await;
    let put = registry.request(Method::PUT, &format!("{REPOSITORY}/manifests/v1"));
    let put = put.header(header::CONTENT_TYPE, OCI_MANIFEST).body("no JSON");
    // "Error Codes": MANIFEST_INVALID.
    let (status, code, _) = oci_error(put.send().await.unwrap()).await;
    assert_eq!((status, code.as_str()), (400, "MANIFEST_INVALID"));
}

#[tokio::test]
async fn a_manifest_with_a_subject_is_told_so() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let plain = registry.content(REPOSITORY, "signature").await;
        let mut document: Value = serde_json::from_str(&plain).unwrap();
        // "A registry MUST accept an otherwise valid manifest with a subject field that references a manifest that
        // does not exist".
        let subject = digest_of("not pushed");
        document["subject"] = serde_json::json!({"mediaType": OCI_MANIFEST, "digest": subject, "size": 10});
        let manifest = document.to_string();
        let answer = registry.put(REPOSITORY, &digest_of(&manifest), &manifest).await;
        // "... the response MUST include the following header: OCI-Subject: <subject digest>".
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(text(&answer, "oci-subject"), subject);
    }
}
