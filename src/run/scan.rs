//! `tagship scan`: what the registry's scan found in an image that is there, judged as the gate would. No tag is put.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::connection::RegistryConnection;
use super::gate::{check_asff, gate_plan, write_asff, write_sarif};
use super::repositories::RepositoriesError;
use super::target::Target;
use super::{Outcome, RunError};
use crate::clock::SystemClock;
use crate::git::GixCheckout;
use crate::pipeline::{PipelineError, Scanning, find_baseline, image_facts, judge};
use crate::ports::{ReadRepository as _, Reporter, StartScans};
use crate::report::{GateReport, gate_text};
use crate::settings::{GateSettings, RepositorySettings};
use tagship_domain::content::Manifest;
use tagship_domain::error::Diagnose;
use tagship_domain::findings::{
    Baseline, GateDecision, GateFailure, GatePolicy, GateReason, NeverScanned, ReleaseSearch, ScanMode,
    ScanStarter,
};
use tagship_domain::reference::{ImageName, Reference, Tag};
use tagship_domain::version::from_git_tag;

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

/// An image that is there, and is judged.
#[derive(Clone, Copy)]
pub(super) struct JudgedImage<'a> {
    /// Its repository.
    pub(super) name: &'a ImageName,
    /// Its manifest or index.
    pub(super) manifest: &'a Manifest,
    /// Tags that it has or gets.
    pub(super) tags: &'a [Tag],
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
    RepositoriesError::check_scans(&place.image)?;
    let connection = RegistryConnection::open(place, Arc::clone(&reporter)).await?;
    let reference = request.image.reference()?;
    let tags: Vec<Tag> = match &reference {
        Reference::Tag(tag) => vec![tag.clone()],
        Reference::Digest(_) => Vec::new(),
    };
    let manifest = manifest(&connection, &place.image, reference).await?;
    let image = JudgedImage {
        name: &place.image,
        manifest: &manifest,
        tags: &tags,
    };
    let (policy, decision) = judged(&request.gate, &connection, image, true, &*reporter).await?;
    write(&request.gate, image, &decision, &*reporter);
    let digest = manifest.digest();
    let report = GateReport::whole(&policy, decision.clone());
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

/// Fails unless the gate lets an image pass.
pub(super) async fn require_scan(
    gate: &GateSettings,
    connection: &RegistryConnection,
    image: JudgedImage<'_>,
    may_start: bool,
    reporter: &dyn Reporter,
) -> Result<(), RunError> {
    let (_, decision) = judged(gate, connection, image, may_start, reporter).await?;
    write(gate, image, &decision, reporter);
    if decision.has_passed() {
        return Ok(());
    }
    Err(PipelineError::Gate(GateFailure {
        image: image.name.clone(),
        digest: image.manifest.digest(),
        decision: Box::new(decision),
    })
    .into())
}

/// Writes the findings to the files that are asked for.
fn write(gate: &GateSettings, image: JudgedImage<'_>, decision: &GateDecision, reporter: &dyn Reporter) {
    let dockerfile = Path::new("Dockerfile");
    let repository = &image.name.repository;
    write_sarif(Some(gate), repository, dockerfile, Some(decision), reporter);
    let place = (image.name, Some(image.manifest.digest()));
    write_asff(Some(gate), place, Some(decision), reporter);
}

/// Judges an image that is there.
async fn judged(
    gate: &GateSettings,
    connection: &RegistryConnection,
    image: JudgedImage<'_>,
    may_start: bool,
    reporter: &dyn Reporter,
) -> Result<(GatePolicy, GateDecision), RunError> {
    check_asff(gate, image.name)?;
    let scans = connection.scans();
    let mut plan = gate_plan(gate, &scans).await?;
    let starter = if may_start {
        ScanStarter::Flag
    } else {
        ScanStarter::OtherCommand
    };
    let never = plan
        .never_scanned(image.name)
        .map(|never| NeverScanned { starter, ..never });
    if never.is_some() {
        // What was scanned by hand is there at once.
        plan.timeout = Duration::ZERO;
    }
    if gate.only_new {
        plan.baseline = Some(baseline(connection, image).await?);
    }
    let may_start = may_start && plan.scan == ScanMode::Start;
    let scanning = Scanning {
        scans: &scans,
        starter: may_start.then_some(&scans as &dyn StartScans),
        clock: &SystemClock,
        reporter,
    };
    let decision = judge(&plan, image.manifest, scanning).await?;
    let is_missing = |reason: &GateReason| matches!(reason, GateReason::NoFindings { .. });
    if let Some(never) = never.filter(|_| decision.reasons.iter().any(is_missing)) {
        return Err(PipelineError::from(never).into());
    }
    Ok((plan.policy, decision))
}

/// The release before an image, by the version that it says of itself, or that a tag names.
async fn baseline(connection: &RegistryConnection, image: JudgedImage<'_>) -> Result<Baseline, RunError> {
    let repository = connection.repository()?;
    let facts = image_facts(image.manifest, &repository).await?;
    let named = || {
        let mut tags = image.tags.iter();
        tags.find_map(|tag| from_git_tag(&tag.as_str().replacen('_', "+", 1)))
    };
    let version = facts.version.or_else(named);
    let search = ReleaseSearch::new(version.as_ref(), image.tags);
    Ok(find_baseline(&repository, search, Some(image.manifest.digest())).await)
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
    found.ok_or_else(|| RunError::ImageMissing(image.at(reference).to_string()))
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
