//! Scans of one repository's images.

mod finding;

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ecr::operation::describe_image_scan_findings::DescribeImageScanFindingsOutput;
use aws_sdk_ecr::types::{ImageIdentifier, ImageScanFindings, ScanFrequency as Frequency, ScanType};
use jiff::Timestamp;

use super::answer::Call;
use super::{Ecr, InRegion};
use crate::aws::failure::ApiFailure;
use crate::ports::{ReadScans, RegistryError, ScanStart, StartScans};
use tagship_domain::error::cleaned;
use tagship_domain::findings::{FoundByScan, Scan, ScanFrequency, ScanKind, ScanSetting};
use tagship_domain::reference::{Digest, RepositoryName};

/// The action that begins a basic scan.
const START: &str = "ecr:StartImageScan";
/// What is done, for people.
const READ_SCAN: &str = "reading what a scan found";

/// The most findings on one page. Source: ECR API reference, `DescribeImageScanFindings`, `maxResults`.
const PAGE: i32 = 1000;

/// The most pages that are read: no image comes near 50,000 findings.
const MAX_PAGES: usize = 50;

/// The scans of one repository's images, by ECR's API.
#[derive(Debug)]
pub struct RepositoryScans {
    ecr: Arc<Ecr>,
    repository: RepositoryName,
}

impl RepositoryScans {
    /// Returns the scans of a repository; contacts no server.
    pub fn new(ecr: Arc<Ecr>, repository: RepositoryName) -> Self {
        Self { ecr, repository }
    }

    async fn home(&self) -> Arc<InRegion> {
        self.ecr.home().await
    }

    fn account(&self) -> Option<String> {
        self.ecr.registry.account().map(ToString::to_string)
    }

    fn call(&self, action: &'static str, operation: &'static str) -> Call<'_> {
        Call {
            registry: &self.ecr.registry,
            repository: &self.repository,
            action,
            operation,
        }
    }

    /// What scans the registry. Source: ECR API reference, `GetRegistryScanningConfiguration`.
    async fn kind(&self) -> Result<ScanKind, RegistryError> {
        let call = self.call(
            "ecr:GetRegistryScanningConfiguration",
            "reading how the registry is scanned",
        );
        let in_region = self.home().await;
        let answer = in_region
            .client
            .call(|client| async move { client.get_registry_scanning_configuration().send().await })
            .await
            .map_err(|failure| call.failed(failure))?;
        match answer
            .scanning_configuration()
            .and_then(|setting| setting.scan_type())
        {
            Some(ScanType::Basic) => Ok(ScanKind::Basic),
            Some(ScanType::Enhanced) => Ok(ScanKind::Enhanced),
            Some(other) => Err(call.malformed(format!(
                "the registry has the scan type `{}`, which this version does not know",
                cleaned(other.as_str())
            ))),
            None => Err(call.malformed("the answer lacks the scan type")),
        }
    }

    /// When the repository is scanned. Source: ECR API reference, `BatchGetRepositoryScanningConfiguration`.
    async fn frequency(&self) -> Result<ScanFrequency, RegistryError> {
        let call = self.call(
            "ecr:BatchGetRepositoryScanningConfiguration",
            "reading how the repository is scanned",
        );
        let in_region = self.home().await;
        let name = self.repository.as_str();
        let answer = in_region
            .client
            .call(|client| async move {
                let request = client.batch_get_repository_scanning_configuration();
                request.repository_names(name).send().await
            })
            .await
            .map_err(|failure| call.failed(failure))?;
        let described = answer
            .scanning_configurations()
            .iter()
            .find(|described| described.repository_name() == Some(name))
            .ok_or_else(|| call.malformed("the answer does not describe the repository"))?;
        match described.scan_frequency() {
            Some(Frequency::ScanOnPush) => Ok(ScanFrequency::OnPush),
            Some(Frequency::ContinuousScan) => Ok(ScanFrequency::Continuous),
            Some(Frequency::Manual) => Ok(ScanFrequency::Manual),
            Some(other) => Err(call.malformed(format!(
                "the repository has the scan frequency `{}`, which this version does not know",
                cleaned(other.as_str())
            ))),
            None => Err(call.malformed("the answer lacks the scan frequency")),
        }
    }

    /// One page of findings. Source: ECR API reference, `DescribeImageScanFindings`.
    async fn page(
        &self,
        image: &Digest,
        next: Option<String>,
    ) -> Result<DescribeImageScanFindingsOutput, ApiFailure> {
        let in_region = self.home().await;
        let (account, id) = (self.account(), image_id(image));
        let call = |client: aws_sdk_ecr::Client| {
            let request = client
                .describe_image_scan_findings()
                .set_registry_id(account.clone())
                .repository_name(self.repository.as_str())
                .image_id(id.clone())
                .max_results(PAGE)
                .set_next_token(next.clone());
            async move { request.send().await }
        };
        in_region.client.call(call).await
    }

    /// Asks for a basic scan of an image.
    async fn ask_for_scan(&self, image: &Digest) -> Result<(), ApiFailure> {
        let in_region = self.home().await;
        let (account, id) = (self.account(), image_id(image));
        let call = |client: aws_sdk_ecr::Client| {
            let request = client
                .start_image_scan()
                .set_registry_id(account.clone())
                .repository_name(self.repository.as_str())
                .image_id(id.clone());
            async move { request.send().await.map(drop) }
        };
        in_region.client.call(call).await
    }

    /// Why findings cannot be read. Inspector has enhanced ones, and gives them to those that it would give them to.
    fn unread(&self, failure: ApiFailure) -> RegistryError {
        let action = if failure.message.contains("inspector2:ListFindings") {
            "inspector2:ListFindings"
        } else {
            "ecr:DescribeImageScanFindings"
        };
        self.call(action, READ_SCAN).failed(failure)
    }
}

#[async_trait]
impl ReadScans for RepositoryScans {
    async fn setting(&self) -> Result<ScanSetting, RegistryError> {
        let (kind, frequency) = tokio::try_join!(self.kind(), self.frequency())?;
        Ok(ScanSetting { kind, frequency })
    }

    async fn check(&self) -> Result<(), RegistryError> {
        // What no image has. Permissions are looked at before images are.
        match self.page(&Digest::of(b""), None).await {
            Err(failure) if failure.code != "ImageNotFoundException" => Err(self.unread(failure)),
            _ => Ok(()),
        }
    }

    async fn check_start(&self) -> Result<(), RegistryError> {
        // As above; without an image there is nothing to scan. What else it is refused for is known when it is done.
        match self.ask_for_scan(&Digest::of(b"")).await {
            Err(failure) if failure.is_access_denied() => {
                Err(self.call(START, "beginning a scan").failed(failure))
            }
            _ => Ok(()),
        }
    }

    async fn scan(&self, image: &Digest) -> Result<Option<Scan>, RegistryError> {
        let call = self.call("ecr:DescribeImageScanFindings", READ_SCAN);
        let mut scan: Option<Scan> = None;
        let mut next: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let answer = match self.page(image, next.clone()).await {
                Ok(answer) => answer,
                Err(failure) if failure.code == "ScanNotFoundException" => return Ok(None),
                Err(failure) => return Err(self.unread(failure)),
            };
            let page = page(&call, &answer)?;
            match &mut scan {
                None => scan = Some(page),
                Some(scan) => append(&call, scan, page)?,
            }
            next = answer.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(scan);
            }
        }
        Err(call.malformed("its pages do not end"))
    }
}

#[async_trait]
impl StartScans for RepositoryScans {
    async fn start(&self, image: &Digest) -> Result<ScanStart, RegistryError> {
        let call = self.call(START, "beginning a scan");
        let answer = self.ask_for_scan(image).await;
        match answer {
            Ok(()) => Ok(ScanStart::Begun),
            // An image has one basic scan a day. The account's own quota has the same code, and then there are no findings.
            Err(failure) if failure.code == "LimitExceededException" => Ok(ScanStart::HadOne),
            Err(failure) if failure.code == "UnsupportedImageTypeException" => {
                Ok(ScanStart::Unscannable(failure.message))
            }
            Err(failure) => Err(call.failed(failure)),
        }
    }
}

fn image_id(image: &Digest) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(image.to_string()).build()
}

/// What one page says.
fn page(call: &Call<'_>, answer: &DescribeImageScanFindingsOutput) -> Result<Scan, RegistryError> {
    let status = answer.image_scan_status();
    let word = status
        .and_then(|status| status.status())
        .ok_or_else(|| call.malformed("the answer lacks the scan's status"))?;
    Ok(Scan {
        status: cleaned(word.as_str()),
        description: cleaned(status.and_then(|status| status.description()).unwrap_or_default()),
        found: answer
            .image_scan_findings()
            .map(|found| found_on_page(word.as_str(), found)),
    })
}

fn found_on_page(status: &str, found: &ImageScanFindings) -> FoundByScan {
    let counts = found.finding_severity_counts().into_iter().flatten();
    let counted = counts.map(|(_, count)| u64::try_from(*count).unwrap_or(0)).sum();
    let completed_at = found
        .image_scan_completed_at()
        .and_then(|time| Timestamp::new(time.secs(), 0).ok());
    let is_enhanced = status == "ACTIVE" || !found.enhanced_findings().is_empty();
    let basic = found.findings().iter().map(finding::basic);
    let enhanced = found.enhanced_findings().iter().flat_map(finding::enhanced);
    FoundByScan {
        kind: if is_enhanced {
            ScanKind::Enhanced
        } else {
            ScanKind::Basic
        },
        completed_at,
        counted,
        findings: basic.chain(enhanced).collect(),
    }
}

/// Adds a page. A scan that ended anew between two pages would mix two lists.
fn append(call: &Call<'_>, scan: &mut Scan, page: Scan) -> Result<(), RegistryError> {
    match (&mut scan.found, page.found) {
        (Some(found), Some(more)) if scan.status == page.status => {
            found.findings.extend(more.findings);
            Ok(())
        }
        _ => Err(call.malformed("its pages are of different scans")),
    }
}
