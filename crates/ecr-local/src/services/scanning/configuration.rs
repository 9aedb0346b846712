//! Which images a registry scans, and how often.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::scan::Scan;
use crate::refusal::Refusal;
use crate::state::iam::wildcard;
use crate::state::store::{ImageDetail, Repository};

/// How long enhanced scanning watches an image after its push or its last pull.
/// Source: Inspector user guide, "Configuring the Amazon ECR re-scan duration".
const WATCHED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Source: ECR API reference, `PutRegistryScanningConfiguration`, `scanType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ScanType {
    #[default]
    Basic,
    Enhanced,
}

/// Source: ECR API reference, `RegistryScanningRule`, `scanFrequency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Frequency {
    ScanOnPush,
    ContinuousScan,
    Manual,
}

/// What a registry scans.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistryScanning {
    #[serde(default)]
    pub(crate) scan_type: ScanType,
    #[serde(default)]
    pub(crate) rules: Vec<ScanningRule>,
    /// Since when it is so.
    #[serde(default)]
    pub(crate) since: Timestamp,
}

/// Which repositories are scanned at one frequency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanningRule {
    scan_frequency: Frequency,
    repository_filters: Vec<ScanningFilter>,
}

/// A pattern for the names of repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanningFilter {
    filter: String,
    filter_type: String,
}

impl ScanningFilter {
    /// A filter with `*` is for the whole name, one without for any part of it.
    /// Source: ECR user guide, "Filters to choose which repositories are scanned".
    fn matches(&self, repository: &str) -> bool {
        if self.filter.contains('*') {
            wildcard(&self.filter, repository)
        } else {
            repository.contains(&self.filter)
        }
    }
}

impl RegistryScanning {
    /// Checks what the shapes of the input leave open.
    ///
    /// Source: ECR API reference, `RegistryScanningRule`, and the service quotas: one rule for each frequency.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let invalid = |reason: String| Err(Refusal::modelled("ValidationException", reason));
        let allowed: &[Frequency] = match self.scan_type {
            ScanType::Basic => &[Frequency::ScanOnPush, Frequency::Manual],
            ScanType::Enhanced => &[Frequency::ContinuousScan, Frequency::ScanOnPush],
        };
        for (index, rule) in self.rules.iter().enumerate() {
            let frequency = rule.scan_frequency;
            if !allowed.contains(&frequency) {
                return invalid(format!(
                    "The scan frequency {} is not supported with the scan type {}",
                    json!(frequency),
                    json!(self.scan_type)
                ));
            }
            let earlier = self.rules.iter().take(index);
            if earlier.into_iter().any(|other| other.scan_frequency == frequency) {
                return invalid(format!(
                    "There is more than one rule for the scan frequency {}",
                    json!(frequency)
                ));
            }
        }
        Ok(())
    }

    /// How often a repository's images are scanned, and the filters that say so.
    ///
    /// The repository's own setting counts where no rule of basic scanning is for it; continuous scanning wins
    /// over scanning on push.
    pub(crate) fn frequency(&self, repository: &Repository) -> (Frequency, Vec<&ScanningFilter>) {
        let frequencies: &[Frequency] = match self.scan_type {
            ScanType::Basic => &[Frequency::ScanOnPush],
            ScanType::Enhanced => &[Frequency::ContinuousScan, Frequency::ScanOnPush],
        };
        for frequency in frequencies {
            let applied: Vec<&ScanningFilter> = self
                .rules
                .iter()
                .filter(|rule| rule.scan_frequency == *frequency)
                .flat_map(|rule| &rule.repository_filters)
                .filter(|filter| filter.matches(repository.name.as_str()))
                .collect();
            if !applied.is_empty() {
                return (*frequency, applied);
            }
        }
        let own = self.scan_type == ScanType::Basic && repository.scan_on_push;
        let frequency = if own {
            Frequency::ScanOnPush
        } else {
            Frequency::Manual
        };
        (frequency, Vec::new())
    }

    /// The enhanced scan of an image, if there is one.
    ///
    /// An image that was there before is scanned too, unless it was pushed too long before.
    /// Source: Inspector user guide, "Scanning Amazon ECR container images".
    pub(super) fn enhanced_scan(&self, repository: &Repository, image: &ImageDetail) -> Option<Scan> {
        let (frequency, _) = self.frequency(repository);
        let restored_or_pushed = image.restored_or_pushed_at();
        let missed = self.since.duration_since(restored_or_pushed) > WATCHED;
        if frequency == Frequency::Manual || missed {
            return None;
        }
        let last_seen = image
            .pulled_at
            .map_or(restored_or_pushed, |pulled| pulled.max(restored_or_pushed));
        let expires = (frequency == Frequency::ContinuousScan)
            .then(|| last_seen.saturating_add(WATCHED).unwrap_or(Timestamp::MAX));
        Some(Scan::Enhanced {
            started_at: restored_or_pushed.max(self.since),
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(filter: &str) -> ScanningFilter {
        ScanningFilter {
            filter: filter.to_owned(),
            filter_type: "WILDCARD".to_owned(),
        }
    }

    // The rules of the ECR user guide, "Filters to choose which repositories are scanned".
    #[test]
    fn filters_without_a_wildcard_are_for_any_part_of_a_name() {
        let repositories = [
            "prod",
            "repo-prod",
            "repo-prod-repo",
            "repo-prod-repo-v1",
            "prod-test",
        ];
        for (pattern, matching) in [
            ("prod", &repositories[..]),
            ("*prod", &["prod", "repo-prod"]),
            ("prod*", &["prod", "prod-test"]),
            (
                "repo-*prod*",
                &["repo-prod", "repo-prod-repo", "repo-prod-repo-v1"],
            ),
            ("*", &repositories[..]),
            ("dev", &[]),
        ] {
            let found: Vec<&str> = repositories
                .into_iter()
                .filter(|repository| filter(pattern).matches(repository))
                .collect();
            assert_eq!(found, matching, "{pattern}");
        }
    }

    #[test]
    fn each_type_has_its_frequencies_and_one_rule_for_each() {
        use Frequency::{ContinuousScan, Manual, ScanOnPush};
        let refused = |scan_type, frequencies: &[Frequency]| {
            let rules = frequencies
                .iter()
                .map(|frequency| ScanningRule {
                    scan_frequency: *frequency,
                    repository_filters: vec![filter("*")],
                })
                .collect();
            let setting = RegistryScanning {
                scan_type,
                rules,
                ..RegistryScanning::default()
            };
            setting.check().is_err()
        };
        assert!(!refused(ScanType::Basic, &[ScanOnPush, Manual]));
        assert!(refused(ScanType::Basic, &[ContinuousScan]));
        assert!(refused(ScanType::Basic, &[ScanOnPush, ScanOnPush]));
        assert!(!refused(ScanType::Enhanced, &[ScanOnPush, ContinuousScan]));
        assert!(refused(ScanType::Enhanced, &[Manual]));
    }
}
