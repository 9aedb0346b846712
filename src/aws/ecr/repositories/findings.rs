//! How many findings the scan of an image has.

use aws_sdk_ecr::types::ImageIdentifier;

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::ports::RegistryError;
use tagship_domain::error::cleaned;
use tagship_domain::inventory::ScanSummary;
use tagship_domain::reference::{Digest, RepositoryName};

/// Returns what the scan of an image came to; `None` where there is none. Source: ECR API reference, `DescribeImageScanFindings`.
///
/// The counts are those of all findings, also where the findings themselves have several pages.
pub(super) async fn summary(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    image: &Digest,
) -> Result<Option<ScanSummary>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:DescribeImageScanFindings",
        operation: "reading what scans found",
    };
    let id = ImageIdentifier::builder().image_digest(image.to_string()).build();
    let answer = paced.call(call.action, |client| {
        let request = client
            .describe_image_scan_findings()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .image_id(id.clone())
            .max_results(1);
        async move { request.send().await }
    });
    let answer = match answer.await {
        Ok(answer) => answer,
        Err(failure)
            if ["ScanNotFoundException", "ImageNotFoundException"].contains(&failure.code.as_str()) =>
        {
            return Ok(None);
        }
        Err(failure) => return Err(call.failed(failure)),
    };
    let counts = answer
        .image_scan_findings()
        .and_then(|findings| findings.finding_severity_counts());
    let counts = counts.into_iter().flatten();
    let status = answer.image_scan_status().and_then(|status| status.status());
    Ok(status.map(|status| ScanSummary {
        status: cleaned(status.as_str()),
        findings: counts
            .map(|(severity, count)| (cleaned(severity.as_str()), u32::try_from(*count).unwrap_or(0)))
            .collect(),
    }))
}
