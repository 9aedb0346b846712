//! The gate: findings of every image of a manifest are waited for, and judged before any tag exists.
//!
//! 1. List the images: of an index, each entry that is one.
//! 2. Ask for the scan of each, with growing pauses, until it has ended or the time is over; begin one where that is
//!    allowed and needed.
//! 3. Decide. What cannot be judged does not pass.

mod baseline;

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use self::baseline::earlier_findings;
use super::PipelineError;
use crate::limits;
use crate::ports::{Clock, ReadScans, RegistryError, Reporter, RunEvent, ScanStart, StartScans, Warning};
use tagship_domain::content::{Content, Manifest, Platform};
use tagship_domain::findings::{
    Baseline, FoundByScan, GateDecision, GatePlan, GateReason, ImageScan, Scan, ScanEnd, ScanKind,
    ScanProgress, ScanResult,
};
use tagship_domain::reference::Digest;

pub use baseline::find_baseline;

/// How old a basic scan may be where a new one may be begun: basic scans learn nothing later.
/// Source: ECR API reference, `StartImageScan`: an image has one scan in 24 hours.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// What the gate asks.
#[derive(Clone, Copy)]
pub struct Scanning<'a> {
    /// Reads scans.
    pub scans: &'a dyn ReadScans,
    /// Begins scans, where that is allowed at all.
    pub starter: Option<&'a dyn StartScans>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Hears how it goes.
    pub reporter: &'a dyn Reporter,
}

impl std::fmt::Debug for Scanning<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanning").finish_non_exhaustive()
    }
}

/// Waits for the findings of all images of a manifest, and judges them.
pub async fn judge(
    plan: &GatePlan,
    manifest: &Manifest,
    scanning: Scanning<'_>,
) -> Result<GateDecision, PipelineError> {
    let began = scanning.clock.now();
    let timeout = SignedDuration::try_from(plan.timeout).unwrap_or(SignedDuration::MAX);
    let wait = Wait {
        plan,
        scanning,
        began,
        deadline: began.saturating_add(timeout).unwrap_or(Timestamp::MAX),
    };
    let scans = wait.for_all(pending(manifest)?).await?;
    let earlier = match &plan.baseline {
        Some(baseline) => Some(earlier_findings(baseline, &plan.policy, scanning).await),
        None => None,
    };
    let today = scanning.clock.now().to_zoned(TimeZone::UTC).date();
    let decision = plan.policy.decide(scans, earlier, today);
    let mut said = warnings(&decision);
    for (input, day) in plan.policy.exploits.stale(today) {
        said.push(format!(
            "the file of `{input}` is of {day}: it lacks what became known since"
        ));
    }
    for message in said {
        let (file, line) = (None, None);
        let warning = Warning { message, file, line };
        scanning.reporter.event(RunEvent::Warning(&warning));
    }
    Ok(decision)
}

/// An image of a manifest, with its platform where it is one of an index.
type ScannedImage = (Digest, Option<Platform>);

/// The images of a manifest, each once; attestations are none.
fn images(manifest: &Manifest) -> Result<Vec<ScannedImage>, RegistryError> {
    let Content::Index(index) = manifest.content()? else {
        return Ok(vec![(manifest.digest(), None)]);
    };
    let mut images: Vec<ScannedImage> = Vec::new();
    for entry in index.manifests {
        let is_unknown = |platform: &Platform| platform.os == "unknown";
        let is_image = !entry.is_about_another() && !entry.platform.as_ref().is_some_and(is_unknown);
        if is_image && images.iter().all(|(digest, _)| *digest != entry.digest) {
            images.push((entry.digest, entry.platform));
        }
    }
    Ok(images)
}

/// The images of a manifest whose scans are waited for.
fn pending(manifest: &Manifest) -> Result<Vec<Pending>, RegistryError> {
    let images = images(manifest)?;
    if images.is_empty() {
        // Nothing to judge is no reason to pass.
        let mut none = Pending::new(manifest.digest(), None);
        none.result = Some(ScanResult::Nothing {
            status: "the index names no image".to_owned(),
        });
        return Ok(vec![none]);
    }
    let images = images.into_iter();
    Ok(images
        .map(|(digest, platform)| Pending::new(digest, platform))
        .collect())
}

/// An image whose scan is waited for.
struct Pending {
    digest: Digest,
    platform: Option<Platform>,
    /// What its scan has come to, at last.
    result: Option<ScanResult>,
    /// What was last heard of it.
    status: Option<String>,
    /// Since when an enhanced scan says that it found nothing, without saying when it ended.
    settling_since: Option<Timestamp>,
    /// Whether a scan has begun because this run asked for it; `None` where it did not ask.
    has_begun: Option<bool>,
}

impl Pending {
    fn new(digest: Digest, platform: Option<Platform>) -> Self {
        Self {
            digest,
            platform,
            result: None,
            status: None,
            settling_since: None,
            has_begun: None,
        }
    }

    /// What was last heard, for people.
    fn heard(&self) -> String {
        self.status
            .clone()
            .unwrap_or_else(|| "no scan has begun".to_owned())
    }
}

struct Wait<'a> {
    plan: &'a GatePlan,
    scanning: Scanning<'a>,
    began: Timestamp,
    deadline: Timestamp,
}

impl Wait<'_> {
    async fn for_all(&self, mut images: Vec<Pending>) -> Result<Vec<ImageScan>, PipelineError> {
        let clock = self.scanning.clock;
        let mut pause = limits::SCAN_FIRST_PAUSE;
        let mut shown = String::new();
        loop {
            for image in images.iter_mut().filter(|image| image.result.is_none()) {
                self.look(image).await?;
            }
            let now = clock.now();
            let pending = images.iter().filter(|image| image.result.is_none());
            let heard: Vec<String> = pending
                .map(|image| format!("{}: {}", image.digest.short(), image.heard()))
                .collect();
            if heard.is_empty() || now >= self.deadline {
                break;
            }
            let heard = heard.join(", ");
            if heard != shown {
                let waited = now.duration_since(self.began).as_secs();
                let note = format!("waiting for findings ({waited} s): {heard}");
                self.scanning.reporter.event(RunEvent::Note(&note));
                shown = heard;
            }
            let left = self.deadline.duration_since(now).unsigned_abs();
            clock.sleep(pause.min(left)).await;
            pause = (pause * 2).min(limits::SCAN_LONGEST_PAUSE);
        }
        let judged = images.into_iter().map(|image| {
            let status = format!("{} after {} s", image.heard(), self.plan.timeout.as_secs());
            ImageScan {
                digest: image.digest,
                platform: image.platform,
                result: image.result.unwrap_or(ScanResult::Nothing { status }),
            }
        });
        Ok(judged.collect())
    }

    /// Asks once for the scan of an image.
    async fn look(&self, image: &mut Pending) -> Result<(), PipelineError> {
        let scan = match self.scanning.scans.scan(&image.digest).await {
            // One that does not answer now may do so until the time is over.
            Err(error @ RegistryError::Unavailable { .. }) => {
                image.status = Some(error.to_string());
                return Ok(());
            }
            scan => scan?,
        };
        let now = self.scanning.clock.now();
        let Some(scan) = scan else {
            image.status = None;
            return self.start_if_due(image, now).await;
        };
        let status = match scan.description.as_str() {
            "" => scan.status.clone(),
            description => format!("{}: {description}", scan.status),
        };
        image.status = Some(status.clone());
        match (scan.progress(now), scan.found) {
            (ScanProgress::Running, found) => {
                if found.is_none() && matches!(scan.status.as_str(), "COMPLETE" | "ACTIVE") {
                    image.status = Some(format!("{status}, and there is no list of findings"));
                }
            }
            (ScanProgress::Settling, Some(found)) => {
                let since = *image.settling_since.get_or_insert(now);
                if now.duration_since(since) >= Scan::SETTLE {
                    image.result = Some(result(found));
                }
            }
            (ScanProgress::Done, Some(found)) => {
                let is_awaited = self.is_too_old(&found, now) && self.start(image).await?;
                if !is_awaited {
                    image.result = Some(result(found));
                }
            }
            (ScanProgress::Ended(ScanEnd::Unscannable), _) => {
                image.result = Some(ScanResult::Unscannable { status });
            }
            (ScanProgress::Ended(ScanEnd::Failed) | ScanProgress::Settling | ScanProgress::Done, _) => {
                image.result = Some(ScanResult::Nothing { status });
            }
        }
        Ok(())
    }

    /// Begins a scan of an image that has none, once the registry has had the time to begin its own.
    async fn start_if_due(&self, image: &mut Pending, now: Timestamp) -> Result<(), PipelineError> {
        let waited = now.duration_since(self.began).unsigned_abs();
        let patience = if self.plan.starts_at_once() {
            Duration::ZERO
        } else {
            limits::SCAN_BEGIN
        };
        if waited >= patience {
            self.start(image).await?;
        }
        Ok(())
    }

    /// Whether a basic scan says too little of today, and a new one may be begun.
    fn is_too_old(&self, found: &FoundByScan, now: Timestamp) -> bool {
        let is_old = |completed: Timestamp| now.duration_since(completed) > FRESH;
        self.plan.may_start() && found.kind == ScanKind::Basic && found.completed_at.is_some_and(is_old)
    }

    /// Asks for a scan, once; gives whether one has begun, whose end is to be waited for.
    async fn start(&self, image: &mut Pending) -> Result<bool, PipelineError> {
        let Some(starter) = self.scanning.starter.filter(|_| self.plan.may_start()) else {
            return Ok(false);
        };
        // One that has begun may not be seen yet.
        if let Some(has_begun) = image.has_begun {
            return Ok(has_begun);
        }
        let has_begun = match starter.start(&image.digest).await? {
            ScanStart::Begun => {
                let note = format!("a basic scan of {} has begun", image.digest.short());
                self.scanning.reporter.event(RunEvent::Note(&note));
                true
            }
            ScanStart::HadOne => false,
            ScanStart::Unscannable(status) => {
                image.result = Some(ScanResult::Unscannable { status });
                false
            }
        };
        image.has_begun = Some(has_begun);
        Ok(has_begun)
    }
}

fn result(found: FoundByScan) -> ScanResult {
    ScanResult::Found {
        kind: found.kind,
        completed_at: found.completed_at,
        findings: found.findings,
    }
}

/// What does not fail the gate and is to be looked at: one sentence for each kind.
fn warnings(decision: &GateDecision) -> Vec<String> {
    let mut warnings = Vec::new();
    let is_stale = |reason: &GateReason| matches!(reason, GateReason::StaleIgnores { .. });
    if !decision.reasons.iter().any(is_stale) && !decision.stale_ignores.is_empty() {
        let stale = decision.stale_ignores.iter();
        let stale: Vec<String> = stale
            .map(|stale| format!("{}: `{}`", stale.staleness.as_str(), stale.ignore))
            .collect();
        warnings.push(format!(
            "entries of `ignore-findings` ignore nothing: {}",
            stale.join("; ")
        ));
    }
    if let Some(Baseline::Missing(missing)) = decision.earlier.as_ref().map(|earlier| &earlier.baseline) {
        warnings.push(format!("every finding counts as new: {missing}"));
    }
    for image in &decision.images {
        let ScanResult::Unscannable { status } = &image.result else {
            continue;
        };
        let is_named = |reason: &GateReason| matches!(reason, GateReason::UnscannableImage { digest, .. } if *digest == image.digest);
        if !decision.reasons.iter().any(is_named) {
            let digest = image.digest.short();
            warnings.push(format!(
                "image {digest} was not scanned, and passes by `unscannable: warn`: {status}"
            ));
        }
    }
    warnings
}
