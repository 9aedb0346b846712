//! `tagship scan`: what the registry's scan found in an image that is there, judged as the gate would. No tag is put.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::connection::RegistryConnection;
use super::gate::gate_plan;
use super::target::Target;
use super::{Outcome, RunError};
use crate::clock::SystemClock;
use crate::git::GixCheckout;
use crate::pipeline::{PipelineError, Scanning, judge};
use crate::ports::{ReadRepository as _, Reporter, StartScans};
use crate::report::{GateReport, gate_text};
use crate::settings::{GateSettings, RepositorySettings};
use tagship_domain::content::Manifest;
use tagship_domain::error::Diagnose;
use tagship_domain::findings::{GateFailure, GateReason, ScanMode};
use tagship_domain::reference::{ImageName, Reference, Tag};

/// Which image's findings are read, and how they are judged.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// The repository.
    pub settings: RepositorySettings,
    /// The image in it.
    pub image: ScannedImage,
    /// How findings are judged.
    pub gate: GateSettings,
}

/// An image of a repository.
#[derive(Debug, Clone)]
pub enum ScannedImage {
    /// The one of this tag or digest.
    Named(Reference),
    /// The one of the commit that is checked out in this folder, by its tag.
    OfCommit(PathBuf),
}

/// Reads the findings of an image, and judges them.
pub async fn scan(request: &ScanRequest, reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let settings = &request.settings;
    let place = Target::of(&settings.destination, &settings.identity).await?;
    let outcome = scan_at(request, &place, reporter).await;
    place.close().await;
    outcome
}

async fn scan_at(
    request: &ScanRequest,
    place: &Target,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let connection = RegistryConnection::open(place, Arc::clone(&reporter)).await?;
    let reference = request.image.reference()?;
    let manifest = manifest(&connection, &place.image, reference).await?;
    let scans = connection.scans();
    let mut plan = gate_plan(&request.gate, &scans).await?;
    let never = plan.never_scanned(&place.image);
    if never.is_some() {
        // What was scanned by hand is there at once.
        plan.timeout = Duration::ZERO;
    }
    let starter = (plan.scan == ScanMode::Start).then_some(&scans as &dyn StartScans);
    let scanning = Scanning {
        scans: &scans,
        starter,
        clock: &SystemClock,
        reporter: &*reporter,
    };
    let decision = judge(&plan, &manifest, scanning).await?;
    let is_missing = |reason: &GateReason| matches!(reason, GateReason::NoFindings { .. });
    if let Some(never) = never.filter(|_| decision.reasons.iter().any(is_missing)) {
        return Err(PipelineError::from(never).into());
    }
    let digest = manifest.digest();
    let report = GateReport::whole(&plan.policy, decision.clone());
    let failure = (!decision.has_passed()).then(|| {
        Arc::new(GateFailure {
            image: place.image.clone(),
            digest,
            decision: Box::new(decision),
        }) as Arc<dyn Diagnose>
    });
    Ok(Outcome {
        text: gate_text(&report),
        json: json!({"image": place.image, "digest": digest, "gate": report}),
        failure,
        ..Outcome::default()
    })
}

async fn manifest(
    connection: &RegistryConnection,
    image: &ImageName,
    reference: Reference,
) -> Result<Manifest, RunError> {
    let repository = connection.repository()?;
    let found = match &reference {
        Reference::Tag(tag) => repository.resolve(std::slice::from_ref(tag)).await?.remove(tag),
        Reference::Digest(digest) => repository.manifest(digest).await?,
    };
    found.ok_or_else(|| RunError::ImageMissing(image.at(reference)))
}

impl ScannedImage {
    fn reference(&self) -> Result<Reference, RunError> {
        match self {
            Self::Named(reference) => Ok(reference.clone()),
            Self::OfCommit(folder) => {
                let source = GixCheckout::at(folder.clone()).source(folder)?;
                let tag = Tag::parse(&format!("sha-{}", source.commit.short()));
                tag.map(Reference::Tag)
                    .map_err(|error| RunError::Broken(error.to_string()))
            }
        }
    }
}
