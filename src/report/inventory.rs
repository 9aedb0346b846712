//! A repository's images as a table.

use indicatif::HumanBytes;
use jiff::{Timestamp, Unit};
use serde::Serialize;

use super::text::table;
use tagship_domain::content::Platform;
use tagship_domain::error::cleaned;
use tagship_domain::facts::ImageFacts;
use tagship_domain::inventory::{ListedImage, ScanSummary};
use tagship_domain::reference::{Digest, ImageName, Tag};

/// How many tags of one image a table has room for.
const SHOWN_TAGS: usize = 4;
/// How many digits of a commit a table has room for.
const SHOWN_REVISION: usize = 12;

/// What `tagship ls` prints with `--json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageListing {
    /// The repository.
    pub image: ImageName,
    /// The images.
    pub images: Vec<ImageRow>,
    /// How many more there are.
    pub more: usize,
}

/// One image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageRow {
    /// Its tags, the greatest version first.
    pub tags: Vec<Tag>,
    /// Its digest.
    pub digest: Digest,
    /// The version that it says it has.
    pub version: Option<String>,
    /// The commit that it says it was built from.
    pub revision: Option<String>,
    /// Its platforms; none of what is no image.
    pub platforms: Vec<Platform>,
    /// What kind of artifact it is; absent for images.
    pub artifact_type: Option<String>,
    /// Bytes, compressed.
    pub size: Option<u64>,
    /// When it was pushed, where the registry knows.
    pub pushed_at: Option<Timestamp>,
    /// What the registry's scan says.
    pub scan: Option<ScanSummary>,
    /// Whether the repository holds a signature of it.
    pub signed: bool,
}

impl ImageRow {
    /// Brings together what the registry lists and what the image says of itself.
    pub fn new(listed: ListedImage, facts: Option<ImageFacts>, signed: bool) -> Self {
        let facts = facts.unwrap_or_default();
        Self {
            size: listed.size.or(Some(facts.size).filter(|size| *size > 0)),
            tags: listed.tags,
            digest: listed.digest,
            version: facts.version.map(|version| version.to_string()),
            revision: facts.revision,
            platforms: facts.platforms.into_iter().map(|one| one.platform).collect(),
            // ECR calls the config's type the artifact's, of images too.
            artifact_type: listed.artifact_type.filter(|kind| !is_image_config(kind)),
            pushed_at: listed.pushed_at,
            scan: listed.scan,
            signed,
        }
    }

    fn cells(&self, now: Timestamp) -> [String; 9] {
        let dash = || "-".to_owned();
        let mut tags: Vec<&str> = self.tags.iter().map(Tag::as_str).take(SHOWN_TAGS).collect();
        let rest = format!("+{}", self.tags.len().saturating_sub(SHOWN_TAGS));
        if self.tags.len() > SHOWN_TAGS {
            tags.push(&rest);
        }
        let platforms: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        let kind = self.artifact_type.as_deref().map(cleaned);
        [
            if tags.is_empty() { dash() } else { tags.join(",") },
            self.digest.short(),
            self.version.as_deref().map_or_else(dash, cleaned),
            self.revision.as_deref().map_or_else(dash, |revision| {
                cleaned(revision).chars().take(SHOWN_REVISION).collect()
            }),
            if platforms.is_empty() {
                kind.unwrap_or_else(dash)
            } else {
                cleaned(&platforms.join(","))
            },
            self.size.map_or_else(dash, |size| HumanBytes(size).to_string()),
            self.pushed_at.map_or_else(dash, |pushed| age(pushed, now)),
            self.scan.as_ref().map_or_else(dash, scan_text),
            if self.signed { "yes" } else { "no" }.to_owned(),
        ]
    }
}

fn is_image_config(kind: &str) -> bool {
    use tagship_domain::content::{DOCKER_CONFIG, OCI_CONFIG};
    matches!(kind, OCI_CONFIG | DOCKER_CONFIG)
}

/// The table. Ends with a line break.
pub fn listing_text(listing: &ImageListing, now: Timestamp) -> String {
    if listing.images.is_empty() {
        return format!("no images in {}\n", listing.image);
    }
    let heading = [
        "TAGS",
        "DIGEST",
        "VERSION",
        "REVISION",
        "PLATFORMS",
        "SIZE",
        "AGE",
        "SCAN",
        "SIGNED",
    ]
    .map(str::to_owned);
    let rows: Vec<[String; 9]> = std::iter::once(heading)
        .chain(listing.images.iter().map(|row| row.cells(now)))
        .collect();
    // A table that stands alone is not indented.
    let text: String = table(&rows)
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
        .collect();
    match listing.more {
        0 => text,
        more => format!("{text}… and {more} more; `--limit 0` shows all\n"),
    }
}

/// What a scan found, the worst first.
pub(super) fn scan_text(scan: &ScanSummary) -> String {
    let findings: Vec<String> = scan
        .worst_first()
        .into_iter()
        .map(|(severity, count)| format!("{count} {}", severity.to_ascii_lowercase()))
        .collect();
    match (scan.status.as_str(), findings.is_empty()) {
        ("COMPLETE" | "ACTIVE", true) => "clean".to_owned(),
        (status, true) => status.to_ascii_lowercase().replace('_', " "),
        (_, false) => findings.join(", "),
    }
}

/// How long ago something was, in the largest unit that fits: `3 d`.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now
        .since((Unit::Second, then))
        .map_or(0, |span| span.get_seconds())
        .max(0);
    let units = [
        (365 * 86_400, "y"),
        (86_400, "d"),
        (3600, "h"),
        (60, "min"),
        (1, "s"),
    ];
    units.iter().find(|(length, _)| seconds >= *length).map_or_else(
        || "0 s".to_owned(),
        |(length, unit)| format!("{} {unit}", seconds / length),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_the_largest_unit_that_fits() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        for (ago, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7199, "1 h"),
            (86_400 * 364, "364 d"),
            (86_400 * 800, "2 y"),
        ] {
            let then = Timestamp::from_second(1_000_000_000 - ago).unwrap();
            assert_eq!(age(then, now), expected);
        }
    }
}
