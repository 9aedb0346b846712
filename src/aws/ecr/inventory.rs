//! All images of a repository, page by page.

use std::collections::BTreeMap;

use aws_sdk_ecr::types::{ImageDetail, ImageIdentifier};
use jiff::Timestamp;

use crate::aws::ecr::answer::Call;
use crate::aws::ecr::client::RegionClient;
use crate::ports::RegistryError;
use tagship_domain::error::cleaned;
use tagship_domain::inventory::{ListedImage, ScanSummary};
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName, Tag};

/// The most images on one page. Source: ECR API reference, `DescribeImages`, `maxResults`.
const PAGE: i32 = 1000;

/// The most pages that are read: ECR's quota is 100,000 images in a repository.
const MAX_PAGES: usize = 150;

/// Returns all images. Source: ECR API reference, `DescribeImages`.
pub(super) async fn images(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
) -> Result<Vec<ListedImage>, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:DescribeImages",
        operation: "listing images",
    };
    let account = registry.account().map(ToString::to_string);
    let account = &account;
    call.pages(
        MAX_PAGES,
        |next| {
            client.call(move |client| {
                let request = client
                    .describe_images()
                    .set_registry_id(account.clone())
                    .repository_name(repository.as_str())
                    .max_results(PAGE)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let rows = answer.image_details().iter().map(|detail| listed(&call, detail));
            Ok((rows.collect::<Result<_, _>>()?, answer.next_token()))
        },
    )
    .await
}

/// Returns one image. Source: ECR API reference, `DescribeImages`.
pub(super) async fn image(
    client: &RegionClient,
    registry: &RegistryHost,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Option<ListedImage>, RegistryError> {
    let call = Call {
        registry,
        repository,
        action: "ecr:DescribeImages",
        operation: "describing an image",
    };
    let account = registry.account().map(ToString::to_string);
    let id = ImageIdentifier::builder()
        .image_digest(digest.to_string())
        .build();
    let answer = client
        .call(|client| {
            let request = client
                .describe_images()
                .set_registry_id(account.clone())
                .repository_name(repository.as_str())
                .image_ids(id.clone());
            async move { request.send().await }
        })
        .await;
    match answer {
        Ok(answer) => answer
            .image_details()
            .first()
            .map(|detail| listed(&call, detail))
            .transpose(),
        Err(failure) if failure.code == "ImageNotFoundException" => Ok(None),
        Err(failure) => Err(call.failed(failure)),
    }
}

/// Tags that no registry takes are left out.
fn listed(call: &Call<'_>, detail: &ImageDetail) -> Result<ListedImage, RegistryError> {
    let digest = detail
        .image_digest()
        .and_then(|digest| Digest::parse(digest).ok())
        .ok_or_else(|| call.malformed("the answer holds an image without its digest"))?;
    let pushed_at = detail
        .image_pushed_at()
        .and_then(|time| Timestamp::new(time.secs(), 0).ok());
    Ok(ListedImage {
        digest,
        tags: detail
            .image_tags()
            .iter()
            .filter_map(|tag| Tag::parse(tag).ok())
            .collect(),
        size: detail
            .image_size_in_bytes()
            .and_then(|size| u64::try_from(size).ok())
            .filter(|size| *size > 0),
        pushed_at,
        artifact_type: detail.artifact_media_type().map(cleaned),
        subject: detail
            .subject_manifest_digest()
            .and_then(|digest| Digest::parse(digest).ok()),
        scan: scan(detail),
    })
}

/// `None` where nothing was scanned yet: ECR leaves the status out then.
fn scan(detail: &ImageDetail) -> Option<ScanSummary> {
    let status = detail.image_scan_status()?.status()?;
    let findings = detail
        .image_scan_findings_summary()
        .and_then(|summary| summary.finding_severity_counts())
        .into_iter()
        .flatten()
        .map(|(severity, count)| (cleaned(severity.as_str()), u32::try_from(*count).unwrap_or(0)))
        .collect::<BTreeMap<_, _>>();
    Some(ScanSummary {
        status: cleaned(status.as_str()),
        findings,
    })
}
