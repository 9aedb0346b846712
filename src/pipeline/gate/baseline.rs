//! The release before an image, and what its scan found: where only new findings count.

use super::{Scanning, images};
use crate::ports::{ReadRepository, RegistryError};
use tagship_domain::content::Manifest;
use tagship_domain::error::cleaned;
use tagship_domain::findings::{
    Baseline, EarlierFindings, GatePolicy, NoBaseline, ReleaseSearch, ReleasedBefore, ScanProgress,
};
use tagship_domain::reference::{Digest, Tag};

/// Finds the release before an image, which is `own` where it is there already. What cannot be read is no obstacle: then every
/// finding counts.
pub async fn find_baseline(
    registry: &dyn ReadRepository,
    search: ReleaseSearch<'_>,
    own: Option<Digest>,
) -> Baseline {
    let unread = |error: RegistryError| {
        let message = cleaned(&error.to_string());
        Baseline::Missing(NoBaseline::Unread { message })
    };
    released_before(registry, search, own)
        .await
        .map_or_else(unread, |released| {
            released.map_or(Baseline::Missing(NoBaseline::NoRelease), Baseline::Released)
        })
}

async fn released_before(
    registry: &dyn ReadRepository,
    search: ReleaseSearch<'_>,
    own: Option<Digest>,
) -> Result<Option<ReleasedBefore>, RegistryError> {
    let tags = search.tags(&registry.list_tags().await?);
    let mut found = registry.resolve(&tags).await?;
    let mut found = tags.into_iter().filter_map(|tag| {
        let manifest = found.remove(&tag)?;
        (own != Some(manifest.digest())).then_some((tag, manifest))
    });
    found.next().map(released).transpose()
}

fn released((tag, manifest): (Tag, Manifest)) -> Result<ReleasedBefore, RegistryError> {
    let of_release = images(&manifest)?;
    Ok(ReleasedBefore {
        tag,
        digest: manifest.digest(),
        images: of_release.into_iter().map(|(digest, _)| digest).collect(),
    })
}

/// Reads what the scans of the release before found, as they are now: none is begun or waited for. An image of it without
/// findings has none that are known.
pub(super) async fn earlier_findings(
    baseline: &Baseline,
    policy: &GatePolicy,
    scanning: Scanning<'_>,
) -> EarlierFindings {
    let Baseline::Released(released) = baseline else {
        return EarlierFindings::new(baseline.clone(), Vec::new());
    };
    let mut findings = Vec::new();
    let mut is_scanned = false;
    let mut status = "it was not scanned".to_owned();
    for image in &released.images {
        match scanning.scans.scan(image).await {
            Ok(Some(scan)) => {
                let progress = scan.progress(scanning.clock.now());
                let has_ended = matches!(progress, ScanProgress::Done | ScanProgress::Settling);
                match scan.found.filter(|_| has_ended) {
                    Some(found) => {
                        let found = found.findings.into_iter();
                        findings.extend(found.map(|finding| policy.informed(finding)));
                        is_scanned = true;
                    }
                    None => status = scan.status,
                }
            }
            Ok(None) => {}
            Err(error) => status = cleaned(&error.to_string()),
        }
    }
    if is_scanned {
        return EarlierFindings::new(baseline.clone(), findings);
    }
    let tag = released.tag.clone();
    let missing = Baseline::Missing(NoBaseline::NotScanned { tag, status });
    EarlierFindings::new(missing, Vec::new())
}
