//! An image held against that of the branch which it is proposed to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::findings::Finding;
use crate::reference::{Digest, Tag};

/// The most findings of a list that are kept: outputs of a job have a limit.
const MOST_KEPT: usize = 50;

/// The image of the branch that a change is proposed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BaseImage {
    /// The tag that it was found by.
    pub tag: Tag,
    /// Its digest.
    pub digest: Digest,
    /// The commit that it says it is of.
    pub revision: Option<String>,
}

/// What counts of an image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageContent {
    /// Bytes of the config and the layers, compressed, over all platforms; each blob once.
    pub size: u64,
    /// The layers of all platforms, with their compressed bytes.
    pub layers: BTreeMap<Digest, u64>,
    /// What its scans found; `None` where that is not known.
    pub findings: Option<Vec<Finding>>,
}

/// What is different in an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// What it is compared with.
    pub base: BaseImage,
    /// Bytes of the base's image.
    pub size_before: u64,
    /// Bytes of this one.
    pub size_after: u64,
    /// How many layers both have.
    pub layers_kept: usize,
    /// How many layers this one alone has.
    pub layers_added: usize,
    /// Their bytes.
    pub bytes_added: u64,
    /// How many layers the base's image alone has.
    pub layers_removed: usize,
    /// What scans found in one of both; `None` where one was not scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<FindingsChange>,
}

/// What scans found in one of two images.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FindingsChange {
    /// How many are in this image alone.
    pub added_total: usize,
    /// How many are in the base's image alone.
    pub removed_total: usize,
    /// Those that this image alone has, the worst first.
    pub added: Vec<Finding>,
    /// Those that the base's image alone has, the worst first.
    pub removed: Vec<Finding>,
}

impl Comparison {
    /// Holds an image against its base's.
    pub fn new(base: BaseImage, before: &ImageContent, after: &ImageContent) -> Self {
        let is_new = |(digest, _): &(&Digest, &u64)| !before.layers.contains_key(*digest);
        let new: Vec<(&Digest, &u64)> = after.layers.iter().filter(is_new).collect();
        let kept = after.layers.len() - new.len();
        let found = before.findings.as_ref().zip(after.findings.as_ref());
        Self {
            base,
            size_before: before.size,
            size_after: after.size,
            layers_kept: kept,
            layers_added: new.len(),
            bytes_added: new.iter().map(|(_, size)| **size).fold(0, u64::saturating_add),
            layers_removed: before.layers.len() - kept,
            findings: found.map(|(before, after)| FindingsChange::new(before, after)),
        }
    }
}

impl FindingsChange {
    fn new(before: &[Finding], after: &[Finding]) -> Self {
        let mut added = missing(after, before);
        let mut removed = missing(before, after);
        let (added_total, removed_total) = (added.len(), removed.len());
        added.truncate(MOST_KEPT);
        removed.truncate(MOST_KEPT);
        Self {
            added_total,
            removed_total,
            added,
            removed,
        }
    }
}

/// The findings that `other` does not have: one vulnerability in one package, whatever its version.
fn missing(findings: &[Finding], other: &[Finding]) -> Vec<Finding> {
    let key = |finding: &Finding| {
        let Finding {
            vulnerability,
            package,
            ..
        } = finding;
        (vulnerability.clone(), package.name.clone())
    };
    let known: BTreeSet<_> = other.iter().map(key).collect();
    let mut missing: Vec<Finding> = findings
        .iter()
        .filter(|finding| !finding.is_suppressed && !known.contains(&key(finding)))
        .cloned()
        .collect();
    missing.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| key(a).cmp(&key(b))));
    missing.dedup_by_key(|finding| key(finding));
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{Fix, Package, Severity};

    fn finding(vulnerability: &str, package: &str, severity: Severity) -> Finding {
        Finding {
            vulnerability: vulnerability.to_owned(),
            severity,
            package: Package {
                name: package.to_owned(),
                ..Package::default()
            },
            fix: Fix::Unknown,
            is_exploitable: false,
            probability: None,
            score: None,
            description: None,
            uri: None,
            known_since: None,
            is_suppressed: false,
        }
    }

    fn content(size: u64, layers: &[(&str, u64)], findings: Option<Vec<Finding>>) -> ImageContent {
        let layers = layers
            .iter()
            .map(|(name, size)| (Digest::of(name.as_bytes()), *size));
        ImageContent {
            size,
            layers: layers.collect(),
            findings,
        }
    }

    fn base() -> BaseImage {
        BaseImage {
            tag: Tag::parse("main").unwrap(),
            digest: Digest::of(b"base"),
            revision: None,
        }
    }

    #[test]
    fn layers_count_by_their_content_and_new_ones_by_their_bytes() {
        let before = content(30, &[("os", 10), ("old", 20)], None);
        let after = content(45, &[("os", 10), ("new", 30), ("more", 5)], Some(Vec::new()));
        let comparison = Comparison::new(base(), &before, &after);
        let Comparison {
            layers_kept,
            layers_added,
            bytes_added,
            layers_removed,
            ..
        } = comparison;
        assert_eq!(
            (layers_kept, layers_added, bytes_added, layers_removed),
            (1, 2, 35, 1)
        );
        assert_eq!(comparison.findings, None, "the base was not scanned");
    }

    #[test]
    fn a_finding_is_the_same_in_another_version_of_its_package() {
        let known = finding("CVE-1", "zlib", Severity::High);
        let mut updated = known.clone();
        updated.package.version = "1.3".to_owned();
        let (low, worst) = (
            finding("CVE-2", "zlib", Severity::Low),
            finding("CVE-3", "xz", Severity::Critical),
        );
        let mut hidden = finding("CVE-4", "xz", Severity::Critical);
        hidden.is_suppressed = true;
        let gone = finding("CVE-1", "other", Severity::Medium);
        let before = content(0, &[], Some(vec![known, gone.clone()]));
        let after = content(
            0,
            &[],
            Some(vec![updated, low.clone(), worst.clone(), worst.clone(), hidden]),
        );
        let change = Comparison::new(base(), &before, &after).findings.unwrap();
        assert_eq!(change.added, [worst, low]);
        assert_eq!(change.removed, [gone]);
        assert_eq!((change.added_total, change.removed_total), (2, 1));
    }
}
