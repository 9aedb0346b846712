//! The registry protocol, with ECR's own ways.

use ecr_local::{ImmutableWording, Quirks};
use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use tagship_domain::content::{DOCKER_MANIFEST, OCI_MANIFEST};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, digest_of, index, location, oci_error, text};

#[tokio::test]
async fn who_has_no_token_gets_ecrs_challenge() {
    let bench = Bench::start().await;
    for login in [None, Some("Basic QVdTOndyb25n"), Some("Bearer token")] {
        let mut request = bench.http.get(bench.url("/v2/"));
        if let Some(login) = login {
            request = request.header(header::AUTHORIZATION, login);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            text(&answer, "www-authenticate"),
            format!(
                "Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"",
                bench.local.registry_host()
            )
        );
        assert_eq!(text(&answer, "content-type"), "text/plain; charset=utf-8");
        assert_eq!(text(&answer, "docker-distribution-api-version"), "registry/2.0");
        assert_eq!(answer.text().await.unwrap(), "Not Authorized\n");
    }
    assert_eq!(bench.registry().await.get("").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_ends_after_twelve_hours() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    bench.local.set_clock_offset(12 * 3600 - 60);
    assert_eq!(registry.get("").await.status(), StatusCode::OK);
    bench.local.set_clock_offset(12 * 3600 + 60);
    assert_eq!(
        oci_error(registry.get("").await).await,
        (
            403,
            "DENIED".to_owned(),
            "Your authorization token has expired. Reauthenticate and try again.".to_owned()
        )
    );
}

#[tokio::test]
async fn a_missing_repository_is_told_before_any_bytes_move() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let expected = (
        404,
        "NAME_UNKNOWN".to_owned(),
        "The repository with name 'team/missing' does not exist in the registry with id '123456789012'"
            .to_owned(),
    );
    for (method, path) in [
        (Method::POST, "team/missing/blobs/uploads/"),
        (Method::GET, "team/missing/manifests/1.0.0"),
        (Method::PUT, "team/missing/manifests/1.0.0"),
        (Method::GET, "team/missing/tags/list"),
    ] {
        let answer = registry.request(method, path).send().await.unwrap();
        assert_eq!(oci_error(answer).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_blob_goes_up_in_one_put_or_in_one_patch() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.blob(REPOSITORY, b"in one put").await;
    let content = b"by patch";
    let digest = Digest::of(content);
    let upload = registry.upload(REPOSITORY).await;
    let patched = registry
        .at(Method::PATCH, &upload)
        .body(content.as_slice())
        .send()
        .await
        .unwrap();
    // ECR's status, where the specification has 202.
    assert_eq!(patched.status(), StatusCode::CREATED);
    assert_eq!(text(&patched, "range"), "0-7");
    let done = registry
        .complete(&location(&patched), digest, "")
        .send()
        .await
        .unwrap();
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(text(&done, "docker-content-digest"), digest.to_string());
    let got = registry.at(Method::GET, &location(&done)).send().await.unwrap();
    assert_eq!(got.bytes().await.unwrap().as_ref(), content);
    // The upload is over.
    let again = registry.complete(&upload, digest, "").send().await.unwrap();
    assert_eq!(oci_error(again).await.1, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn parts_must_follow_each_other_and_be_large() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let first = registry.upload(REPOSITORY).await;
    assert_ne!(first, registry.upload(REPOSITORY).await);
    let patch = |range: &'static str, body: &'static [u8]| {
        registry
            .at(Method::PATCH, &first)
            .header(header::CONTENT_RANGE, range)
            .body(body)
            .send()
    };
    assert_eq!(
        patch("0-4", b"12345").await.unwrap().status(),
        StatusCode::CREATED
    );
    for range in ["0-4", "6-10"] {
        let answer = patch(range, b"67890").await.unwrap();
        assert_eq!(text(&answer, "range"), "0-4");
        let (status, code, _) = oci_error(answer).await;
        assert_eq!((status, code.as_str()), (416, "BLOB_UPLOAD_INVALID"));
    }
    let small = oci_error(patch("5-9", b"67890").await.unwrap()).await;
    assert_eq!((small.0, small.1.as_str()), (400, "BLOB_UPLOAD_INVALID"));
    let large = vec![7; 5 * 1024 * 1024];
    let upload = registry.upload(REPOSITORY).await;
    let part = registry.at(Method::PATCH, &upload).body(large.clone());
    assert_eq!(part.send().await.unwrap().status(), StatusCode::CREATED);
    let whole = [large.as_slice(), b"end"].concat();
    let done = registry
        .complete(&upload, Digest::of(&whole), b"end".as_slice())
        .send();
    assert_eq!(done.await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_wrong_or_empty_upload_is_refused_and_leaves_nothing() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let stated = Digest::of(b"stated");
    let upload = registry.upload(REPOSITORY).await;
    let wrong = registry.complete(&upload, stated, "sent").send().await.unwrap();
    assert_eq!(
        oci_error(wrong).await,
        (
            400,
            "BLOB_UPLOAD_INVALID".to_owned(),
            "None of the provided layer digests match the calculated layer digest".to_owned()
        )
    );
    let upload = registry.upload(REPOSITORY).await;
    let empty = registry
        .complete(&upload, Digest::of(b""), "")
        .send()
        .await
        .unwrap();
    assert_eq!(oci_error(empty).await.1, "BLOB_UPLOAD_INVALID");
    for digest in [stated, Digest::of(b"sent"), Digest::of(b"")] {
        let answer = registry.get(&format!("{REPOSITORY}/blobs/{digest}")).await;
        assert_eq!(oci_error(answer).await.1, "BLOB_UNKNOWN");
    }
}

#[tokio::test]
async fn a_blob_is_only_where_it_was_uploaded() {
    let bench = Bench::start().await;
    bench.make("team/other", Mutability::Mutable).await;
    let registry = bench.registry().await;
    let digest = registry.blob(REPOSITORY, b"content").await;
    let head = |repository: &str| {
        registry
            .request(Method::HEAD, &format!("{repository}/blobs/{digest}"))
            .send()
    };
    let here = head(REPOSITORY).await.unwrap();
    assert_eq!(
        (here.status(), text(&here, "content-length")),
        (StatusCode::OK, "7".to_owned())
    );
    assert_eq!(head("team/other").await.unwrap().status(), StatusCode::NOT_FOUND);
    let mount = registry
        .request(
            Method::POST,
            &format!("team/other/blobs/uploads/?mount={digest}&from={REPOSITORY}"),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(mount.status(), StatusCode::ACCEPTED);
    // An upload belongs to its repository.
    let upload = location(&mount).replace("team/other", REPOSITORY);
    let answer = registry
        .complete(&upload, digest, "content")
        .send()
        .await
        .unwrap();
    assert_eq!(oci_error(answer).await.1, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_part_of_a_blob_can_be_read() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let digest = registry.blob(REPOSITORY, b"0123456789").await;
    let read = |range: &'static str| {
        registry
            .request(Method::GET, &format!("{REPOSITORY}/blobs/{digest}"))
            .header(header::RANGE, range)
            .send()
    };
    let part = read("bytes=2-4").await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(text(&part, "content-range"), "bytes 2-4/10");
    assert_eq!(part.text().await.unwrap(), "234");
    let none = read("bytes=10-").await.unwrap();
    assert_eq!(none.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    for reference in ["1.0.0".to_owned(), digest_of(&manifest)] {
        let path = format!("{REPOSITORY}/manifests/{reference}");
        for method in [Method::HEAD, Method::GET] {
            let is_head = method == Method::HEAD;
            let answer = registry.request(method, &path).send().await.unwrap();
            assert_eq!(text(&answer, "docker-content-digest"), digest_of(&manifest));
            assert_eq!(text(&answer, "content-type"), OCI_MANIFEST);
            assert_eq!(text(&answer, "content-length"), manifest.len().to_string());
            let body = answer.text().await.unwrap();
            assert_eq!(body, if is_head { "" } else { manifest.as_str() });
        }
    }
    let missing = registry.get(&format!("{REPOSITORY}/manifests/2.0.0")).await;
    assert_eq!(
        oci_error(missing).await,
        (
            404,
            "MANIFEST_UNKNOWN".to_owned(),
            "Requested image not found".to_owned()
        )
    );
}

#[tokio::test]
async fn by_tag_only_accepted_types_are_given() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let get = |reference: &str, accept: &'static str| {
        registry
            .request(Method::GET, &format!("{REPOSITORY}/manifests/{reference}"))
            .header(header::ACCEPT, accept)
            .send()
    };
    let both = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json;q=0.5";
    assert_eq!(get("1.0.0", both).await.unwrap().status(), StatusCode::OK);
    assert_eq!(get("1.0.0", "*/*").await.unwrap().status(), StatusCode::OK);
    let other = get("1.0.0", DOCKER_MANIFEST).await.unwrap();
    assert_eq!(oci_error(other).await.1, "MANIFEST_UNKNOWN");
    let by_digest = get(&digest_of(&manifest), DOCKER_MANIFEST).await.unwrap();
    assert_eq!(by_digest.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_taken_immutable_tag_is_refused_in_both_wordings() {
    for (immutable_wording, word) in [
        (ImmutableWording::Repository, "repository"),
        (ImmutableWording::Tag, "tag"),
    ] {
        let bench = Bench::start_with(|options| options.quirks.immutable_wording = immutable_wording).await;
        let registry = bench.registry().await;
        registry.image(REPOSITORY, "1.0.0", "one").await;
        let two = registry.content(REPOSITORY, "two").await;
        assert_eq!(
            oci_error(registry.put(REPOSITORY, "1.0.0", &two).await).await,
            (
                400,
                "TAG_INVALID".to_owned(),
                format!(
                    "The image tag '1.0.0' already exists in the 'team/app' repository and cannot be overwritten \
                     because the {word} is immutable."
                )
            )
        );
        // Without a tag it is stored all the same.
        let stored = registry.put(REPOSITORY, &digest_of(&two), &two).await;
        assert_eq!(stored.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn the_same_image_under_its_immutable_tag_is_refused_unless_switched() {
    for (accept_same_digest, status) in [(false, StatusCode::BAD_REQUEST), (true, StatusCode::CREATED)] {
        let bench = Bench::start_with(|options| {
            options.quirks = Quirks {
                accept_same_digest,
                ..Quirks::default()
            };
        })
        .await;
        let registry = bench.registry().await;
        let one = registry.image(REPOSITORY, "1.0.0", "one").await;
        assert_eq!(registry.put(REPOSITORY, "1.0.0", &one).await.status(), status);
        // By digest, and under another tag, it is always taken.
        for reference in [digest_of(&one), "1.0".to_owned()] {
            let answer = registry.put(REPOSITORY, &reference, &one).await;
            assert_eq!(answer.status(), StatusCode::CREATED);
        }
    }
}

#[tokio::test]
async fn wrong_manifests_are_refused_with_ecrs_codes() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let one = registry.image(REPOSITORY, "1.0.0", "one").await;
    let other = digest_of("another");
    assert_eq!(
        oci_error(registry.put(REPOSITORY, &other, &one).await).await,
        (
            400,
            "MANIFEST_INVALID".to_owned(),
            format!(
                "The image with digest '{other}' in repository 'team/app' and registry ID '123456789012' does not \
                 match the image digest that Amazon ECR has calculated."
            )
        )
    );
    let put = |body: String| {
        registry
            .request(Method::PUT, &format!("{REPOSITORY}/manifests/2.0.0"))
            .header(header::CONTENT_TYPE, OCI_MANIFEST)
            .body(body)
            .send()
    };
    for body in [
        "{".to_owned(),
        "[]".to_owned(),
        format!("{{\"schemaVersion\":2,\"mediaType\":\"{OCI_MANIFEST}\"}}"),
        one.replace("sha256:", "sha512:"),
    ] {
        assert_eq!(
            oci_error(put(body).await.unwrap()).await,
            (
                405,
                "UNSUPPORTED".to_owned(),
                "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
                    .to_owned()
            )
        );
    }
    let too_long = put(format!("{one}{}", " ".repeat(4 * 1024 * 1024)))
        .await
        .unwrap();
    assert_eq!(oci_error(too_long).await.0, 405);
    let missing = one.replace(&digest_of("one"), &digest_of("missing"));
    let (status, _, message) = oci_error(put(missing).await.unwrap()).await;
    assert_eq!(status, 404);
    assert!(message.contains(&digest_of("missing")), "{message}");
    let no_child = registry
        .put(REPOSITORY, "2.0.0", &index(&["no such manifest"]))
        .await;
    assert_eq!(no_child.status(), StatusCode::NOT_FOUND);
    let untouched = registry.get(&format!("{REPOSITORY}/manifests/2.0.0")).await;
    assert_eq!(untouched.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "0", "one").await;
    for tag in 1..5 {
        registry.put(REPOSITORY, &tag.to_string(), &manifest).await;
    }
    let mut url = bench.url("/v2/team/app/tags/list?n=2");
    let mut tags = Vec::new();
    loop {
        let answer = registry.at(Method::GET, &url).send().await.unwrap();
        assert_eq!(text(&answer, "content-type"), "text/plain; charset=utf-8");
        let link = text(&answer, "link");
        let page: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(page["name"], "team/app");
        tags.extend(page["tags"].as_array().unwrap().iter().cloned());
        let Some((next, _)) = link.strip_prefix('<').and_then(|link| link.split_once('>')) else {
            break;
        };
        url = next.to_owned();
    }
    tags.sort_by_key(ToString::to_string);
    assert_eq!(tags, ["0", "1", "2", "3", "4"]);
    let too_many = registry.get("team/app/tags/list?n=1001").await;
    assert_eq!(oci_error(too_many).await.1, "UNSUPPORTED");
}

#[tokio::test]
async fn referrers_are_found_by_subject_and_type() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let subject = registry.image(REPOSITORY, "1.0.0", "one").await;
    let plain = registry.content(REPOSITORY, "signature").await;
    let mut document: Value = serde_json::from_str(&plain).unwrap();
    document["artifactType"] = "example/signature".into();
    document["subject"] = serde_json::json!({
        "mediaType": OCI_MANIFEST, "digest": digest_of(&subject), "size": subject.len()
    });
    let referrer = document.to_string();
    let answer = registry.put(REPOSITORY, &digest_of(&referrer), &referrer).await;
    assert_eq!(text(&answer, "oci-subject"), digest_of(&subject));
    let list = |query: &str| {
        let path = format!("{REPOSITORY}/referrers/{}{query}", digest_of(&subject));
        let request = registry.request(Method::GET, &path);
        async { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let found = list("").await;
    assert_eq!(found["manifests"][0]["digest"], digest_of(&referrer));
    assert_eq!(found["manifests"][0]["artifactType"], "example/signature");
    let other = list("?artifactType=example/other").await;
    assert_eq!(other["manifests"], serde_json::json!([]));
}

#[tokio::test]
async fn addresses_follow_the_name_that_the_client_uses() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let answer = registry
        .request(Method::POST, &format!("{REPOSITORY}/blobs/uploads/"))
        .header(header::HOST, "host.example:1234")
        .send()
        .await
        .unwrap();
    let location = location(&answer);
    assert!(
        location.starts_with("http://host.example:1234/v2/team/app/blobs/uploads/"),
        "{location}"
    );
}

#[tokio::test]
async fn what_ecr_does_not_offer_is_unsupported() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "1.0.0", "one").await;
    let delete = registry
        .request(Method::DELETE, &format!("{REPOSITORY}/manifests/1.0.0"))
        .send()
        .await
        .unwrap();
    let (status, code, _) = oci_error(delete).await;
    assert_eq!((status, code.as_str()), (405, "UNSUPPORTED"));
    let plus = registry.get(&format!("{REPOSITORY}/manifests/1.0.0+build")).await;
    assert_eq!(plus.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn blobs_can_be_read_by_way_of_a_second_origin() {
    let bench = Bench::start_with(|options| options.quirks.redirect_blobs = true).await;
    let registry = bench.registry().await;
    let digest = registry.blob(REPOSITORY, b"content").await;
    let path = format!("{REPOSITORY}/blobs/{digest}");
    // This client leaves the login behind when the origin changes.
    let answer = registry.get(&path).await;
    assert_ne!(answer.url().port(), Some(bench.local.address().port()));
    let storage = answer.url().clone();
    assert_eq!(answer.text().await.unwrap(), "content");
    let leaked = registry.at(Method::GET, storage.as_str()).send().await.unwrap();
    assert_eq!(leaked.status(), StatusCode::BAD_REQUEST);
    let forged = format!("{storage}x");
    let refused = bench.http.get(forged).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    bench.local.set_clock_offset(3601);
    let late = bench.http.get(storage).send().await.unwrap();
    assert_eq!(late.status(), StatusCode::FORBIDDEN);
}
