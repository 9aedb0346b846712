//! "Pull": "Pulling manifests", "Pulling blobs", "Checking if content exists in the registry".

use reqwest::{Method, StatusCode, header};
use tagship_domain::content::OCI_MANIFEST;

use super::{BOTH, REPOSITORY};
use crate::bench::{digest_of, oci_error, text};

#[tokio::test]
async fn a_manifest_is_pulled_by_tag_and_by_digest() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let manifest = registry.image(REPOSITORY, "v1", "one").await;
        for reference in ["v1".to_owned(), digest_of(&manifest)] {
            let path = format!("{REPOSITORY}/manifests/{reference}");
            let get = registry
                .request(Method::GET, &path)
                .header(header::ACCEPT, OCI_MANIFEST);
            let answer = get.send().await.unwrap();
            // "A GET request to an existing manifest URL MUST provide the expected manifest, with a response code
            // that MUST be 200 OK"; "the Content-Type header ... MUST match the mediaType"; "If the
            // Docker-Content-Digest header is present, the value MUST be the digest".
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(text(&answer, "content-type"), OCI_MANIFEST);
            assert_eq!(text(&answer, "docker-content-digest"), digest_of(&manifest));
            assert_eq!(answer.text().await.unwrap(), manifest);
            // "A HEAD request to an existing blob or manifest URL MUST return 200 OK", "SHOULD return the size in
            // bytes ... in the Content-Length header".
            let head = registry.request(Method::HEAD, &path).send().await.unwrap();
            assert_eq!(head.status(), StatusCode::OK);
            assert_eq!(text(&head, "content-length"), manifest.len().to_string());
        }
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_with_its_code() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        // "Error Codes": MANIFEST_UNKNOWN, BLOB_UNKNOWN, NAME_UNKNOWN.
        for (path, expected) in [
            (format!("{REPOSITORY}/manifests/none"), "MANIFEST_UNKNOWN"),
            (
                format!("{REPOSITORY}/manifests/{}", digest_of("none")),
                "MANIFEST_UNKNOWN",
            ),
            (
                format!("{REPOSITORY}/blobs/{}", digest_of("none")),
                "BLOB_UNKNOWN",
            ),
            ("team/none/manifests/v1".to_owned(), "NAME_UNKNOWN"),
        ] {
            let (status, code, _) = oci_error(registry.get(&path).await).await;
            assert_eq!((status, code.as_str()), (404, expected), "{personality:?} {path}");
            let head = registry.request(Method::HEAD, &path).send().await.unwrap();
            assert_eq!(head.status(), StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_blob_is_pulled_whole_or_in_part() {
    for personality in BOTH {
        let (_bench, registry) = personality.start().await;
        let digest = registry.blob(REPOSITORY, b"0123456789").await;
        let path = format!("{REPOSITORY}/blobs/{digest}");
        let whole = registry.get(&path).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert_eq!(text(&whole, "docker-content-digest"), digest.to_string());
        assert_eq!(whole.text().await.unwrap(), "0123456789");
        let head = registry.request(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(
            (head.status(), text(&head, "content-length").as_str()),
            (StatusCode::OK, "10")
        );
        // "A registry SHOULD support the Range request header in accordance with RFC 9110."
        let part = registry
            .request(Method::GET, &path)
            .header(header::RANGE, "bytes=2-4");
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(text(&part, "content-range"), "bytes 2-4/10");
        assert_eq!(part.text().await.unwrap(), "234");
    }
}
