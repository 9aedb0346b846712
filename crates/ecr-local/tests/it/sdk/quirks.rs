//! What the emulator does only when asked to.

use std::collections::BTreeMap;

use ecr_local::Quotas;
use reqwest::{Method, StatusCode, header};
use tagship_domain::content::{DOCKER_MANIFEST, OCI_MANIFEST};
use tagship_domain::immutability::Mutability;

use crate::bench::{Bench, REPOSITORY, api_error, digest_of, location, oci_error, text};

#[tokio::test]
async fn a_quota_counts_both_faces_and_fills_by_the_emulators_clock() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.content(REPOSITORY, "one").await;
    bench
        .local
        .set_quotas(Quotas(BTreeMap::from([("PutImage".to_owned(), 2)])));
    assert_eq!(
        registry.put(REPOSITORY, "1", &manifest).await.status(),
        StatusCode::CREATED
    );
    let put = |tag: &str| {
        bench
            .ecr()
            .put_image()
            .repository_name(REPOSITORY)
            .image_manifest(&manifest)
            .image_tag(tag)
            .send()
    };
    put("2").await.unwrap();
    // The texts: ECR user guide, "Troubleshooting", and "Common errors" of the API reference.
    assert_eq!(
        api_error(put("3").await),
        ("ThrottlingException".to_owned(), "Rate exceeded".to_owned())
    );
    assert_eq!(
        oci_error(registry.put(REPOSITORY, "3", &manifest).await).await,
        (429, "TOOMANYREQUESTS".to_owned(), "Rate exceeded".to_owned())
    );
    assert_eq!(
        registry.get(&format!("{REPOSITORY}/manifests/1")).await.status(),
        StatusCode::OK
    );
    bench.local.set_clock_offset(60);
    assert_eq!(
        registry.put(REPOSITORY, "3", &manifest).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn an_image_can_come_in_the_format_that_the_client_takes() {
    let bench = Bench::start_with(|options| options.quirks.translate_manifests = true).await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let pull = |reference: &str| {
        registry
            .request(Method::GET, &format!("{REPOSITORY}/manifests/{reference}"))
            .header(header::ACCEPT, DOCKER_MANIFEST)
            .send()
    };
    let translated = pull("1.0.0").await.unwrap();
    assert_eq!(text(&translated, "content-type"), DOCKER_MANIFEST);
    let digest = text(&translated, "docker-content-digest");
    assert_ne!(digest, digest_of(&manifest));
    let body = translated.text().await.unwrap();
    assert_eq!(digest, digest_of(&body));
    // By digest it never is.
    let exact = pull(&digest_of(&manifest)).await.unwrap();
    assert_eq!(text(&exact, "content-type"), OCI_MANIFEST);
    assert_eq!(exact.text().await.unwrap(), manifest);
}

#[tokio::test]
async fn the_range_of_a_chunked_upload_can_stop_at_the_second_part() {
    let bench = Bench::start_with(|options| options.quirks.stall_ranges = true).await;
    bench.make("team/chunks", Mutability::Mutable).await;
    let registry = bench.registry().await;
    let mut upload = registry.upload("team/chunks").await;
    let part = vec![0_u8; 5 * 1024 * 1024];
    let mut ranges = Vec::new();
    for _ in 0..4 {
        let answer = registry
            .at(Method::PATCH, &upload)
            .body(part.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        ranges.push(text(&answer, "range"));
        upload = location(&answer);
    }
    assert_eq!(ranges, ["0-5242879", "0-10485759", "0-10485759", "0-10485759"]);
}
