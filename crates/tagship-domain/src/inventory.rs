//! What a repository holds, as its registry lists it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;

use crate::reference::{Digest, Tag};
use crate::version::from_git_tag;

/// What kinds of artifacts are signatures.
///
/// Source: Notary Project, "Signature Specification"; cosign, `SIGNATURE_SPEC.md`; Sigstore, "Bundle Format".
const SIGNATURES: [&str; 4] = [
    "application/vnd.cncf.notary.signature",
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    "application/vnd.dev.cosign.simplesigning.v1+json",
    "application/vnd.dev.sigstore.bundle.",
];

/// One image as the registry lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedImage {
    /// Its digest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Bytes, compressed. Of an index: none where the registry does not count its images.
    pub size: Option<u64>,
    /// When it was pushed.
    pub pushed_at: Option<Timestamp>,
    /// What kind of artifact it is, as the registry knows it.
    pub artifact_type: Option<String>,
    /// The image that it is about, if it is a signature or the like.
    pub subject: Option<Digest>,
    /// What the registry's scan says.
    pub scan: Option<ScanSummary>,
}

/// What the registry's scan of an image says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScanSummary {
    /// The status, such as `COMPLETE`, in the registry's word.
    pub status: String,
    /// How many findings there are of each severity, such as `CRITICAL`.
    pub findings: BTreeMap<String, u32>,
}

/// Severities, the worst first. Source: ECR API reference, `ImageScanFindingsSummary`, `findingSeverityCounts`.
const SEVERITIES: [&str; 6] = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"];

impl ScanSummary {
    /// Returns the findings by severity, the worst first; severities that are not known come last.
    pub fn worst_first(&self) -> Vec<(&str, u32)> {
        let mut counted: Vec<(&str, u32)> = self
            .findings
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(severity, count)| (severity.as_str(), *count))
            .collect();
        let rank = |severity: &str| SEVERITIES.iter().position(|known| *known == severity);
        counted.sort_by_key(|(severity, _)| rank(severity).unwrap_or(SEVERITIES.len()));
        counted
    }
}

/// The images of a repository in the order in which a person looks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The images: the greatest version first, then those without one, the youngest first.
    pub images: Vec<ListedImage>,
    signed: BTreeSet<Digest>,
}

impl Inventory {
    /// Orders what the registry lists.
    ///
    /// Without `all`, only images with tags of their own are kept: children of an index have none, and signatures
    /// have tags that are made of a digest.
    pub fn new(listed: Vec<ListedImage>, all: bool) -> Self {
        let signed = signed(&listed);
        let mut images: Vec<ListedImage> = listed
            .into_iter()
            .filter(|image| all || is_shown(image))
            .collect();
        for image in &mut images {
            image
                .tags
                .sort_by_cached_key(|tag| (Reverse(version(tag)), tag.clone()));
        }
        images.sort_by_cached_key(|image| {
            let version = image.version();
            (
                Reverse(version),
                Reverse(image.pushed_at),
                image.tags.first().cloned(),
            )
        });
        Self { images, signed }
    }

    /// Whether the repository holds a signature of the image.
    pub fn is_signed(&self, digest: &Digest) -> bool {
        self.signed.contains(digest)
    }
}

impl ListedImage {
    /// Returns the greatest version that its tags name.
    pub fn version(&self) -> Option<Version> {
        self.tags.iter().filter_map(version).max()
    }
}

/// Whether a kind of artifact is a signature.
pub fn is_signature(artifact_type: &str) -> bool {
    SIGNATURES.iter().any(|known| artifact_type.starts_with(known))
}

/// The version that a tag names.
fn version(tag: &Tag) -> Option<Version> {
    from_git_tag(&tag.as_str().replacen('_', "+", 1))
}

fn is_shown(image: &ListedImage) -> bool {
    image.subject.is_none() && image.tags.iter().any(|tag| attached_to(tag.as_str()).is_none())
}

/// The image that a tag of the form `sha256-<digits>` or `sha256-<digits>.sig` is about.
///
/// Source: OCI distribution spec, "Referrers Tag Schema"; cosign, `SIGNATURE_SPEC.md`, "Storage".
pub(crate) fn attached_to(tag: &str) -> Option<(Digest, &str)> {
    let rest = tag.strip_prefix("sha256-")?;
    let (digits, suffix) = rest.split_at_checked(64)?;
    let digest = Digest::parse(&format!("sha256:{digits}")).ok()?;
    matches!(suffix, "" | ".sig" | ".att" | ".sbom").then_some((digest, suffix))
}

fn signed(listed: &[ListedImage]) -> BTreeSet<Digest> {
    let by_subject = listed
        .iter()
        .filter(|image| image.artifact_type.as_deref().is_some_and(is_signature))
        .filter_map(|image| image.subject);
    let by_tag = listed
        .iter()
        .flat_map(|image| &image.tags)
        .filter_map(|tag| attached_to(tag.as_str()).filter(|(_, suffix)| *suffix == ".sig"))
        .map(|(digest, _)| digest);
    by_subject.chain(by_tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(number: u8, tags: &[&str]) -> ListedImage {
        ListedImage {
            digest: Digest::of(&[number]),
            tags: tags.iter().map(|tag| Tag::parse(tag).unwrap()).collect(),
            size: None,
            pushed_at: Some(Timestamp::from_second(i64::from(number)).unwrap()),
            artifact_type: None,
            subject: None,
            scan: None,
        }
    }

    fn shown(inventory: &Inventory) -> Vec<String> {
        let tags = |image: &ListedImage| image.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ");
        inventory.images.iter().map(tags).collect()
    }

    #[test]
    fn the_greatest_version_comes_first_and_the_youngest_of_the_rest() {
        let listed = vec![
            image(1, &["1.9.0"]),
            image(2, &["sha-0", "1.10.0", "latest"]),
            image(3, &["1.10.0-rc.1"]),
            image(4, &["main"]),
            image(5, &["pr-7"]),
            image(6, &[]),
        ];
        assert_eq!(
            shown(&Inventory::new(listed.clone(), false)),
            ["1.10.0 latest sha-0", "1.10.0-rc.1", "1.9.0", "pr-7", "main"]
        );
        assert_eq!(Inventory::new(listed, true).images.len(), 6);
    }

    #[test]
    fn signatures_are_told_by_their_subject_or_by_their_tag_and_are_no_images() {
        let (by_subject, by_tag, unsigned) =
            (image(1, &["1.0.0"]), image(2, &["2.0.0"]), image(3, &["3.0.0"]));
        let notary = ListedImage {
            artifact_type: Some("application/vnd.cncf.notary.signature".to_owned()),
            subject: Some(by_subject.digest),
            ..image(4, &[])
        };
        let cosign = image(5, &[&format!("sha256-{}.sig", by_tag.digest.hex())]);
        let bill = ListedImage {
            artifact_type: Some("application/spdx+json".to_owned()),
            subject: Some(unsigned.digest),
            ..image(6, &["bill"])
        };
        let digests = [by_subject.digest, by_tag.digest, unsigned.digest];
        let listed = vec![by_subject, by_tag, unsigned, notary, cosign, bill];
        let inventory = Inventory::new(listed, false);
        assert_eq!(
            digests.map(|digest| inventory.is_signed(&digest)),
            [true, true, false]
        );
        assert_eq!(shown(&inventory), ["3.0.0", "2.0.0", "1.0.0"]);
    }

    #[test]
    fn findings_are_told_by_their_weight() {
        let findings = [("LOW", 3), ("CRITICAL", 1), ("NEW", 2), ("HIGH", 0)];
        let scan = ScanSummary {
            status: "COMPLETE".to_owned(),
            findings: findings.map(|(name, count)| (name.to_owned(), count)).into(),
        };
        assert_eq!(scan.worst_first(), [("CRITICAL", 1), ("LOW", 3), ("NEW", 2)]);
    }
}
