//! The archive storage class.

use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageIdentifier, ImageScanningConfiguration, ImageStatus,
    ImageStatusFilter, LayerAvailability, ListImagesFilter, ScanStatus, TargetStorageClass,
};
use ecr_local::ScanOrder;
use reqwest::StatusCode;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, api_error, digest_of, index, oci_error};

/// What the user guide promises, "Restoring an image".
const RESTORED: i64 = 20 * 60;

fn by_digest(manifest: &str) -> ImageIdentifier {
    ImageIdentifier::builder()
        .image_digest(digest_of(manifest))
        .build()
}

/// The status after the change, or the code of the refusal.
async fn change(bench: &Bench, manifest: &str, class: TargetStorageClass) -> Result<ImageStatus, String> {
    let result = bench
        .ecr()
        .update_image_storage_class()
        .repository_name(REPOSITORY)
        .image_id(by_digest(manifest))
        .target_storage_class(class)
        .send()
        .await;
    match result {
        Ok(answer) => Ok(answer.image_status().unwrap().clone()),
        Err(error) => Err(error.code().unwrap().to_owned()),
    }
}

async fn tags(bench: &Bench, status: Option<ImageStatusFilter>) -> Vec<String> {
    let filter = status.map(|status| ListImagesFilter::builder().image_status(status).build());
    let answer = bench
        .ecr()
        .list_images()
        .repository_name(REPOSITORY)
        .set_filter(filter)
        .send()
        .await
        .unwrap();
    let mut tags: Vec<String> = answer
        .image_ids()
        .iter()
        .filter_map(|id| id.image_tag.clone())
        .collect();
    tags.sort();
    tags
}

async fn described(bench: &Bench, manifest: &str) -> ImageDetail {
    let answer = bench
        .ecr()
        .describe_images()
        .repository_name(REPOSITORY)
        .image_ids(by_digest(manifest))
        .send()
        .await
        .unwrap();
    answer.image_details()[0].clone()
}

#[tokio::test]
async fn an_archived_image_is_listed_on_demand_and_cannot_be_pulled_or_scanned() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let old = registry.image(REPOSITORY, "old", "one").await;
    registry.image(REPOSITORY, "new", "two").await;
    assert_eq!(
        change(&bench, &old, TargetStorageClass::Archive).await,
        Ok(ImageStatus::Archived)
    );
    assert_eq!(tags(&bench, None).await, ["new"]);
    assert_eq!(tags(&bench, Some(ImageStatusFilter::Archived)).await, ["old"]);
    assert_eq!(tags(&bench, Some(ImageStatusFilter::Any)).await, ["new", "old"]);
    let filter = DescribeImagesFilter::builder()
        .image_status(ImageStatusFilter::Archived)
        .build();
    let archived = bench
        .ecr()
        .describe_images()
        .repository_name(REPOSITORY)
        .filter(filter)
        .send()
        .await
        .unwrap();
    assert_eq!(archived.image_details()[0].image_tags(), ["old"]);
    let detail = described(&bench, &old).await;
    assert_eq!(detail.image_status(), Some(&ImageStatus::Archived));
    assert!(detail.last_archived_at().is_some() && detail.last_activated_at().is_none());

    // "Requests to pull the archived image will fail with a 404 error" (ECR user guide).
    for reference in ["old", &digest_of(&old)] {
        let pull = registry.get(&format!("{REPOSITORY}/manifests/{reference}")).await;
        let (status, code, _) = oci_error(pull).await;
        assert_eq!((status, code.as_str()), (404, "MANIFEST_UNKNOWN"));
    }
    let listed: serde_json::Value = registry
        .get(&format!("{REPOSITORY}/tags/list"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(listed["tags"], serde_json::json!(["new"]));
    let answer = bench
        .ecr()
        .batch_get_image()
        .repository_name(REPOSITORY)
        .image_ids(by_digest(&old))
        .send()
        .await
        .unwrap();
    assert!(answer.images().is_empty());
    assert_eq!(answer.failures().len(), 1);
    let layers = bench
        .ecr()
        .batch_check_layer_availability()
        .repository_name(REPOSITORY);
    let layers = layers
        .layer_digests(Digest::of(b"one").to_string())
        .layer_digests(Digest::of(b"two").to_string())
        .send()
        .await
        .unwrap();
    let availability: Vec<_> = layers
        .layers()
        .iter()
        .map(|layer| layer.layer_availability().unwrap())
        .collect();
    assert_eq!(
        availability,
        [&LayerAvailability::Archived, &LayerAvailability::Available]
    );
    let scan = bench.ecr().start_image_scan().repository_name(REPOSITORY);
    assert_eq!(
        api_error(scan.image_id(by_digest(&old)).send().await).0,
        "ImageArchivedException"
    );
    let findings = bench
        .ecr()
        .describe_image_scan_findings()
        .repository_name(REPOSITORY);
    let findings = findings.image_id(by_digest(&old)).send().await.unwrap();
    assert_eq!(
        findings.image_scan_status().unwrap().status(),
        Some(&ScanStatus::ImageArchived)
    );
}

#[tokio::test]
async fn an_image_is_restored_after_a_while_and_by_a_push_at_once() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let pull = format!("{REPOSITORY}/manifests/1.0.0");
    assert_eq!(
        change(&bench, &manifest, TargetStorageClass::Standard).await,
        Err("ImageStorageClassUpdateNotSupportedException".to_owned())
    );
    change(&bench, &manifest, TargetStorageClass::Archive)
        .await
        .unwrap();
    assert_eq!(
        change(&bench, &manifest, TargetStorageClass::Standard).await,
        Ok(ImageStatus::Activating)
    );
    assert_eq!(tags(&bench, Some(ImageStatusFilter::Activating)).await, ["1.0.0"]);
    assert_eq!(registry.get(&pull).await.status(), StatusCode::NOT_FOUND);
    bench.local.set_clock_offset(RESTORED + 1);
    assert_eq!(registry.get(&pull).await.status(), StatusCode::OK);
    let detail = described(&bench, &manifest).await;
    assert_eq!(detail.image_status(), Some(&ImageStatus::Active));
    assert!(detail.last_activated_at() > detail.last_archived_at());

    // The tag is immutable, and is so while its image is archived.
    change(&bench, &manifest, TargetStorageClass::Archive)
        .await
        .unwrap();
    let other = registry.content(REPOSITORY, "two").await;
    let taken = oci_error(registry.put(REPOSITORY, "1.0.0", &other).await).await;
    assert_eq!(taken.1, "TAG_INVALID");
    assert_eq!(registry.get(&pull).await.status(), StatusCode::NOT_FOUND);
    let pushed = registry.put(REPOSITORY, "1.0.0", &manifest).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    assert_eq!(registry.get(&pull).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_restored_image_is_scanned_again() {
    let bench = Bench::start().await;
    let setting = ImageScanningConfiguration::builder().scan_on_push(true).build();
    let put = bench
        .ecr()
        .put_image_scanning_configuration()
        .repository_name(REPOSITORY);
    put.image_scanning_configuration(setting).send().await.unwrap();
    let manifest = bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let scan = async || {
        let findings = bench
            .ecr()
            .describe_image_scan_findings()
            .repository_name(REPOSITORY);
        let answer = findings.image_id(by_digest(&manifest)).send().await.unwrap();
        answer.image_scan_status().unwrap().status().unwrap().clone()
    };
    bench.local.set_clock_offset(60);
    assert_eq!(scan().await, ScanStatus::Complete);
    change(&bench, &manifest, TargetStorageClass::Archive)
        .await
        .unwrap();
    change(&bench, &manifest, TargetStorageClass::Standard)
        .await
        .unwrap();
    assert_eq!(scan().await, ScanStatus::ImageArchived);
    // What was found before is gone; the scan begins when the image is back.
    bench.local.order_scans(ScanOrder {
        takes_seconds: 60,
        ..ScanOrder::default()
    });
    bench.local.set_clock_offset(60 + RESTORED + 30);
    assert_eq!(scan().await, ScanStatus::InProgress);
    bench.local.set_clock_offset(60 + RESTORED + 90);
    assert_eq!(scan().await, ScanStatus::Complete);
}

#[tokio::test]
async fn an_index_is_archived_before_its_images() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let child = registry.image(REPOSITORY, "child", "one").await;
    let index = index(&[&child]);
    registry.put(REPOSITORY, "index", &index).await;
    assert_eq!(
        change(&bench, &child, TargetStorageClass::Archive).await,
        Err("ImageStorageClassUpdateNotSupportedException".to_owned())
    );
    for manifest in [&index, &child] {
        assert_eq!(
            change(&bench, manifest, TargetStorageClass::Archive).await,
            Ok(ImageStatus::Archived)
        );
    }
    assert_eq!(
        change(&bench, "missing", TargetStorageClass::Archive).await,
        Err("ImageNotFoundException".to_owned())
    );
}

#[tokio::test]
async fn what_is_known_of_an_image_goes_with_it() {
    let bench = Bench::start().await;
    bench.make("team/mutable", Mutability::Mutable).await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    registry.get(&format!("{REPOSITORY}/manifests/1.0.0")).await;
    change(&bench, &manifest, TargetStorageClass::Archive)
        .await
        .unwrap();
    let delete = bench.ecr().batch_delete_image().repository_name(REPOSITORY);
    let deleted = delete.image_ids(by_digest(&manifest)).send().await.unwrap();
    assert!(deleted.failures().is_empty());
    registry.image(REPOSITORY, "1.0.0", "one").await;
    let detail = described(&bench, &manifest).await;
    assert_eq!(detail.image_status(), Some(&ImageStatus::Active));
    assert!(detail.last_archived_at().is_none() && detail.last_recorded_pull_time().is_none());
}
