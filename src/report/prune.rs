//! Which images go, and what became of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use super::RepositoryFailure;
use super::text::table;
use tagship_domain::error::cleaned;
use tagship_domain::prune::{PrunePlan, RemovedImage};
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName};

/// How many images of a repository a text shows.
const SHOWN: usize = 50;

/// What `tagship prune --json` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PruneReport {
    /// The registry.
    pub registry: RegistryHost,
    /// Whether images were deleted, and not only shown.
    pub applied: bool,
    /// The repositories, in the order in which they were named.
    pub repositories: Vec<PrunedRepository>,
}

/// What goes of one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PrunedRepository {
    /// The repository.
    pub repository: RepositoryName,
    /// What goes, and what stays.
    #[serde(flatten)]
    pub plan: PrunePlan,
    /// How many bytes the images have that go; what they share with others stays.
    pub bytes: u64,
    /// Those that are gone.
    pub deleted: Vec<Digest>,
    /// Those that were to go and did not, with the reason.
    pub left: BTreeMap<Digest, String>,
    /// What broke it off.
    pub error: Option<RepositoryFailure>,
}

impl PruneReport {
    /// Returns how many images were to go and are there.
    pub fn count_left(&self) -> usize {
        let left = |one: &PrunedRepository| one.plan.removed.len().saturating_sub(one.deleted.len());
        if self.applied {
            self.repositories.iter().map(left).sum()
        } else {
            0
        }
    }

    /// Returns the report as a person reads it. Ends with a line break.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for one in &self.repositories {
            let (total, going, size) = (one.plan.total, one.plan.removed.len(), HumanBytes(one.bytes));
            let name = &one.repository;
            let _ = if self.applied {
                writeln!(text, "{name}: deleted {} of {total} images", one.deleted.len())
            } else {
                writeln!(text, "{name}: {going} of {total} images would go, {size}")
            };
            let rows: Vec<[String; 4]> = one
                .plan
                .removed
                .iter()
                .take(SHOWN)
                .map(|image| one.cells(image))
                .collect();
            text += &table(&rows);
            if going > SHOWN {
                let _ = writeln!(text, "  … and {} more; `--json` lists all", going - SHOWN);
            }
            let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
            for kept in &one.plan.kept {
                *reasons.entry(kept.reason.to_string()).or_default() += 1;
            }
            for (reason, count) in reasons {
                let _ = writeln!(text, "  {count} stay: {reason}");
            }
            if let Some(error) = &one.error {
                let _ = writeln!(text, "  ! {}", error.message);
            }
        }
        if !self.applied && self.repositories.iter().any(|one| !one.plan.removed.is_empty()) {
            text += "nothing was deleted; `--apply` deletes them\n";
        }
        text
    }
}

impl PrunedRepository {
    fn cells(&self, image: &RemovedImage) -> [String; 4] {
        let tags = image.tags.join(",");
        let left = self.left.get(&image.digest);
        [
            image.digest.short(),
            if tags.is_empty() {
                "-".to_owned()
            } else {
                cleaned(&tags)
            },
            cleaned(&image.reason.to_string()),
            left.map_or_else(String::new, |left| format!("left: {left}")),
        ]
    }
}
