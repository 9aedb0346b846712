//! Vulnerability scans: which images are scanned when, and what a scan has come to at a time.
//!
//! Nothing is scanned for real: what scans find is ordered ([`crate::ScanOrder`]).
//! Source: ECR user guide, "Scan images for software vulnerabilities".

mod configuration;
mod scan;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use configuration::{Frequency, RegistryScanning, ScanType};
use scan::Scan;
pub(crate) use scan::{ScanFindings, ScanState};

use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::store::{ImageDetail, ImagePush, ImageStatus, Owner, Registry, Repository, Storage};
use tagship_domain::content::{DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST};
use tagship_domain::reference::{Digest, RepositoryName};

/// The name of the document with the registry's setting.
pub(crate) const CONFIGURATION: &str = "scanning";

/// The name of the document with an image's last basic scan: this and the digest.
const SCAN: &str = "scan/";

/// How often an image may have a basic scan. Source: ECR API reference, `StartImageScan`.
const SCAN_INTERVAL: SignedDuration = SignedDuration::from_hours(24);

/// A basic scan that was begun.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct BasicScan {
    started_at: Timestamp,
}

impl BasicScan {
    /// Whether it counts still: what was found before an image was archived is gone.
    /// Source: ECR user guide, "Restoring an image".
    fn counts(self, storage: &Storage) -> bool {
        storage
            .archived_at
            .is_none_or(|archived| archived <= self.started_at)
    }
}

/// The registry's setting; basic scanning by hand unless something else was set.
pub(crate) fn configuration(registry: &Registry) -> Result<RegistryScanning, Refusal> {
    Ok(registry
        .document(Owner::Registry, CONFIGURATION)?
        .unwrap_or_default())
}

/// Sets what the registry scans.
pub(crate) fn configure(registry: &Registry, configuration: RegistryScanning) -> Result<(), Refusal> {
    registry.put_document(Owner::Registry, CONFIGURATION, configuration)
}

/// The type of what scanners do not read, as refusals name it; `None` for an image.
pub(crate) fn unscannable<'a>(media_type: &'a str, artifact_type: Option<&'a str>) -> Option<&'a str> {
    match (media_type, artifact_type) {
        (OCI_MANIFEST | DOCKER_MANIFEST, Some(OCI_CONFIG | DOCKER_CONFIG)) => None,
        (OCI_MANIFEST | DOCKER_MANIFEST, Some(artifact_type)) => Some(artifact_type),
        (media_type, _) => Some(media_type),
    }
}

/// Begins a basic scan, unless the image had one within a day; whether it was begun.
pub(crate) fn start(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
    at: Timestamp,
) -> Result<bool, Refusal> {
    let storage = registry.storage(repository, digest)?;
    let mut started = false;
    registry.change_document(
        Owner::Repository(repository),
        &format!("{SCAN}{digest}"),
        |last: Option<BasicScan>| {
            started = last
                .filter(|last| last.counts(&storage))
                .is_none_or(|last| at.duration_since(last.started_at) >= SCAN_INTERVAL);
            Ok(if started {
                Some(BasicScan { started_at: at })
            } else {
                last
            })
        },
    )?;
    Ok(started)
}

/// Scans an image that was pushed, if its repository is set so.
pub(crate) fn pushed(state: &EmulatorState, push: &ImagePush) -> Result<(), Refusal> {
    let manifest = &push.manifest;
    if unscannable(manifest.media_type(), manifest.artifact_type()).is_some() {
        return Ok(());
    }
    start_if_set(
        &push.registry,
        &push.repository,
        &manifest.digest(),
        state.clock.now(),
    )
}

/// Scans an image that is restored at `at`, if its repository is set so.
/// Source: ECR user guide, "Restoring an image".
pub(crate) fn restored(
    registry: &Registry,
    repository: &RepositoryName,
    image: &ImageDetail,
    at: Timestamp,
) -> Result<(), Refusal> {
    if unscannable(&image.media_type, image.artifact_type.as_deref()).is_some() {
        return Ok(());
    }
    start_if_set(registry, repository, &image.digest, at)
}

/// Begins a basic scan where the repository's images are scanned when they are pushed.
///
/// Enhanced scans need no beginning: they follow from the image's times.
fn start_if_set(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
    at: Timestamp,
) -> Result<(), Refusal> {
    let setting = configuration(registry)?;
    let (frequency, _) = setting.frequency(&registry.repository(repository)?);
    if setting.scan_type == ScanType::Basic && frequency == Frequency::ScanOnPush {
        start(registry, repository, digest, at)?;
    }
    Ok(())
}

/// What the last scan of an image has come to; `None` if there is none.
pub(crate) fn state(
    state: &EmulatorState,
    registry: &Registry,
    repository: &Repository,
    image: &ImageDetail,
) -> Result<Option<ScanState>, Refusal> {
    let now = state.clock.now();
    if image.storage.status(now) != ImageStatus::Active {
        return Ok(Some(ScanState::image_archived()));
    }
    if unscannable(&image.media_type, image.artifact_type.as_deref()).is_some() {
        return Ok(None);
    }
    let setting = configuration(registry)?;
    let scan = match setting.scan_type {
        ScanType::Basic => registry
            .document(
                Owner::Repository(&repository.name),
                &format!("{SCAN}{}", image.digest),
            )?
            .filter(|scan: &BasicScan| scan.counts(&image.storage))
            .map(|scan| Scan::Basic(scan.started_at)),
        ScanType::Enhanced => setting.enhanced_scan(repository, image),
    };
    let order = state.scans.find(&repository.name, &image.digest);
    Ok(scan.and_then(|scan| scan.state(&order, now)))
}
