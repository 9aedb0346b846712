//! What refers to an image.

use std::collections::BTreeSet;

use aws_sdk_ecr::types::{
    ArtifactStatus, ArtifactStatusFilter, ImageIdentifier, ListImageReferrersFilter, SubjectIdentifier,
    TargetStorageClass,
};
use serde_json::json;
use tagship_domain::content::OCI_MANIFEST;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, Registry, digest_of};

/// An artifact that refers to `subject`.
async fn artifact(registry: &Registry, subject: &str, artifact_type: &str, number: usize) -> String {
    registry.blob(REPOSITORY, b"{}").await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2},
        "layers": [],
        "subject": {"mediaType": OCI_MANIFEST, "digest": digest_of(subject), "size": subject.len()},
        "annotations": {"number": number.to_string()},
    })
    .to_string();
    registry.put(REPOSITORY, &digest_of(&manifest), &manifest).await;
    manifest
}

fn subject(manifest: &str) -> SubjectIdentifier {
    SubjectIdentifier::builder()
        .image_digest(digest_of(manifest))
        .build()
        .unwrap()
}

#[tokio::test]
async fn referrers_come_in_pages_of_twenty_and_by_type() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let image = registry.image(REPOSITORY, "1.0.0", "one").await;
    let mut sboms = BTreeSet::new();
    for number in 0..21 {
        let sbom = artifact(&registry, &image, "application/spdx+json", number).await;
        sboms.insert(digest_of(&sbom));
    }
    let signature = artifact(&registry, &image, "application/vnd.cncf.notary.signature", 21).await;
    let list = || {
        let list = bench.ecr().list_image_referrers();
        list.repository_name(REPOSITORY).subject_id(subject(&image))
    };
    let first = list().send().await.unwrap();
    assert_eq!(first.referrers().len(), 20);
    let second = list()
        .next_token(first.next_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(second.referrers().len(), 2);
    assert!(second.next_token().is_none());

    let signatures = ListImageReferrersFilter::builder()
        .artifact_types("application/vnd.cncf.notary.signature")
        .build();
    let found = list().filter(signatures).send().await.unwrap();
    let [found] = found.referrers() else {
        panic!("{found:?}");
    };
    assert_eq!(found.digest(), digest_of(&signature));
    assert_eq!(found.media_type(), OCI_MANIFEST);
    assert_eq!(found.size(), i64::try_from(signature.len()).unwrap());
    assert_eq!(found.annotations().unwrap()["number"], "21");
    assert_eq!(found.artifact_status(), Some(&ArtifactStatus::Active));

    // What refers to an image is archived with it.
    let archive = bench
        .ecr()
        .update_image_storage_class()
        .repository_name(REPOSITORY);
    archive
        .image_id(ImageIdentifier::builder().image_tag("1.0.0").build())
        .target_storage_class(TargetStorageClass::Archive)
        .send()
        .await
        .unwrap();
    assert!(list().send().await.unwrap().referrers().is_empty());
    let any = ListImageReferrersFilter::builder()
        .artifact_types("application/spdx+json")
        .artifact_status(ArtifactStatusFilter::Any)
        .build();
    let any = list().filter(any).max_results(50).send().await.unwrap();
    let digests: BTreeSet<String> = any
        .referrers()
        .iter()
        .map(|referrer| referrer.digest().to_owned())
        .collect();
    assert_eq!(digests, sboms);
    // A push restores both.
    registry.put(REPOSITORY, "1.0.0", &image).await;
    assert_eq!(list().send().await.unwrap().referrers().len(), 20);
}
