//! What scans come to: tests order it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use tagship_domain::reference::{Digest, RepositoryName};

/// What scans of some images come to.
///
/// An order for a digest counts before one for a repository, and that before one for all images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScanOrder {
    /// Only for this manifest.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// Only for the manifests of this repository.
    #[serde(default)]
    pub repository: Option<RepositoryName>,
    /// How the scan ends.
    #[serde(default)]
    pub outcome: ScanOutcome,
    /// What the answer says of the outcome; AWS's words where nothing is given.
    #[serde(default)]
    pub description: Option<String>,
    /// Seconds until the scan is known of; before that it is not found.
    #[serde(default)]
    pub starts_after_seconds: u32,
    /// Seconds that the scan takes from then on; 3 where nothing is given.
    #[serde(default = "usual_duration")]
    pub takes_seconds: u32,
    /// What a scan that ends well finds, in this order.
    #[serde(default)]
    pub findings: Vec<Finding>,
}

impl Default for ScanOrder {
    /// A scan that finds nothing.
    fn default() -> Self {
        Self {
            digest: None,
            repository: None,
            outcome: ScanOutcome::default(),
            description: None,
            starts_after_seconds: 0,
            takes_seconds: usual_duration(),
            findings: Vec::new(),
        }
    }
}

fn usual_duration() -> u32 {
    3
}

/// How a scan ends. Source: ECR API reference, `ImageScanStatus`, `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanOutcome {
    /// It gives findings: `COMPLETE`, or `ACTIVE` for an enhanced scan.
    #[default]
    Complete,
    /// It says that it ended, and gives no findings yet, as enhanced scanning does at first.
    CompleteWithoutFindings,
    /// It never ends: `IN_PROGRESS`, or `PENDING` for an enhanced scan.
    Never,
    /// `FAILED`.
    Failed,
    /// `UNSUPPORTED_IMAGE`.
    UnsupportedImage,
    /// `FINDINGS_UNAVAILABLE`.
    FindingsUnavailable,
    /// `LIMIT_EXCEEDED`.
    LimitExceeded,
    /// `IMAGE_SIZE_EXCEEDED`.
    ImageSizeExceeded,
}

/// One vulnerability in one package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The vulnerability, such as `CVE-2024-3094`.
    pub name: String,
    /// In AWS's capitals; Inspector knows `UNTRIAGED` besides.
    pub severity: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The version that mends it.
    #[serde(default)]
    pub fixed_in: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// Where more is written about it.
    #[serde(default)]
    pub uri: Option<String>,
    /// The CVSS 3 base score.
    #[serde(default)]
    pub score: Option<f64>,
    /// The CVSS 3 vector.
    #[serde(default)]
    pub vector: Option<String>,
    /// Whether the version mends only some of the packages that the vulnerability is in.
    #[serde(default)]
    pub partly_fixed: bool,
    /// When the vulnerability was made known, in seconds since 1970.
    #[serde(default)]
    pub vendor_created_at: Option<f64>,
    /// Whether an exploit is known.
    #[serde(default)]
    pub exploitable: bool,
    /// More attributes of a basic finding.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// All orders.
#[derive(Debug, Default)]
pub(crate) struct ScanOrders(Mutex<Vec<ScanOrder>>);

impl ScanOrders {
    /// Adds an order, in place of an earlier one for the same images.
    pub(crate) fn put(&self, order: ScanOrder) {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.retain(|other| (&other.digest, &other.repository) != (&order.digest, &order.repository));
        orders.push(order);
    }

    /// Takes back all orders.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All orders.
    pub(crate) fn list(&self) -> Vec<ScanOrder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The order for an image; a scan that finds nothing where there is none.
    pub(crate) fn find(&self, repository: &RepositoryName, digest: &Digest) -> ScanOrder {
        let orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders
            .iter()
            .filter(|order| order.digest.is_none_or(|wanted| wanted == *digest))
            .filter(|order| {
                order
                    .repository
                    .as_ref()
                    .is_none_or(|wanted| wanted == repository)
            })
            .max_by_key(|order| (order.digest.is_some(), order.repository.is_some()))
            .cloned()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_that_is_most_about_an_image_counts() {
        let (app, other) = (
            RepositoryName::parse("team/app").unwrap(),
            RepositoryName::parse("team/other").unwrap(),
        );
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let orders = ScanOrders::default();
        let order = |digest: Option<&Digest>, repository: Option<&RepositoryName>, takes_seconds| ScanOrder {
            digest: digest.copied(),
            repository: repository.cloned(),
            takes_seconds,
            ..ScanOrder::default()
        };
        orders.put(order(Some(&one), None, 4));
        orders.put(order(Some(&one), None, 1));
        orders.put(order(None, Some(&app), 2));
        orders.put(order(None, None, 3));
        assert_eq!(orders.list().len(), 3);
        for (repository, digest, takes) in [
            (&app, &one, 1),
            (&app, &two, 2),
            (&other, &one, 1),
            (&other, &two, 3),
        ] {
            assert_eq!(
                orders.find(repository, digest).takes_seconds,
                takes,
                "{repository} {digest}"
            );
        }
        orders.clear();
        assert_eq!(orders.find(&app, &one), ScanOrder::default());
    }
}
