//! Attestations that an image has, held against those that it was to have.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Attestation;
use crate::error::{Diagnose, FailureKind};
use crate::reference::Digest;

/// A statement that an index holds about one of its images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedStatement {
    /// The image.
    pub image: Digest,
    /// What kind of statement it is, in in-toto's words.
    pub predicate: String,
}

/// An attestation that was asked for and is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image {image} has no attestation of the kind that `{}` asks for", kind.as_str())]
pub struct MissingAttestation {
    /// What was asked for.
    pub kind: Attestation,
    /// The image that lacks it.
    pub image: Digest,
}

impl Diagnose for MissingAttestation {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = format!(
            "the builder took the wish and did not fulfil it: build with another one, or leave `{}` out",
            self.kind.as_str()
        );
        Some(hint.into())
    }
}

impl Attestation {
    /// Whether a statement is of this kind.
    ///
    /// Source: SLSA specification, "Provenance", predicate types; in-toto attestation framework, predicates "SPDX" and
    /// "`CycloneDX`".
    fn is_predicate(self, predicate: &str) -> bool {
        let begins: &[&str] = match self {
            Self::Provenance => &["https://slsa.dev/provenance/"],
            Self::Sbom => &["https://spdx.dev/Document", "https://cyclonedx.org/bom"],
        };
        begins.iter().any(|begin| predicate.starts_with(begin))
    }
}

/// The first attestation that one of the images lacks. Provenance that stands in the inline cache alone is attached to none.
pub fn missing_attestation(
    wanted: &BTreeMap<Attestation, String>,
    images: &[Digest],
    attached: &[AttachedStatement],
) -> Option<MissingAttestation> {
    let is_attached = |attributes: &str| !attributes.split(',').any(|one| one == "inline-only=true");
    let wanted = wanted.iter().filter(|(_, attributes)| is_attached(attributes));
    wanted.map(|(kind, _)| *kind).find_map(|kind| {
        let lacks = |image: &Digest| {
            !attached
                .iter()
                .any(|one| one.image == *image && kind.is_predicate(&one.predicate))
        };
        let image = *images.iter().find(|image| lacks(image))?;
        Some(MissingAttestation { kind, image })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(image: Digest, predicate: &str) -> AttachedStatement {
        let predicate = predicate.to_owned();
        AttachedStatement { image, predicate }
    }

    #[test]
    fn every_image_has_every_attestation_that_is_asked_for() {
        let (amd64, arm64) = (Digest::of(b"amd64"), Digest::of(b"arm64"));
        let images = [amd64, arm64];
        let wanted = BTreeMap::from([
            (Attestation::Provenance, "mode=min".to_owned()),
            (Attestation::Sbom, String::new()),
        ]);
        let mut found = vec![
            attached(amd64, "https://slsa.dev/provenance/v0.2"),
            attached(arm64, "https://slsa.dev/provenance/v1"),
            attached(amd64, "https://spdx.dev/Document"),
        ];
        let missing = missing_attestation(&wanted, &images, &found).unwrap();
        assert_eq!((missing.kind, missing.image), (Attestation::Sbom, arm64));
        found.push(attached(arm64, "https://spdx.dev/Document/v2.3"));
        assert_eq!(missing_attestation(&wanted, &images, &found), None);
        let inline = BTreeMap::from([(Attestation::Provenance, "mode=min,inline-only=true".to_owned())]);
        assert_eq!(missing_attestation(&inline, &images, &[]), None);
    }
}
