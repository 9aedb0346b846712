//! What tests may switch: how ECR behaves where it has been seen to behave in several ways.

use serde::{Deserialize, Serialize};

use crate::refusal::ImmutableWording;
use tagship_domain::reference::{Digest, DigestAlgorithm, InvalidName};

/// What ECR does in one way or another, or what only AWS knows; the default is the stricter answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Quirks {
    /// The words for a tag that must not move.
    pub immutable_wording: ImmutableWording,
    /// Whether the data plane takes a manifest that an immutable tag points to already (201), and does not
    /// refuse it as it refuses any other (400).
    pub accept_same_digest: bool,
    /// Whether blobs are read by a redirect (307) to a second port, which refuses registry logins as S3 does.
    pub redirect_blobs: bool,
    /// Whether an image that is pulled by tag comes in the other of the two image formats, under another digest, to
    /// a client that takes that alone; otherwise it is not found.
    pub translate_manifests: bool,
    /// Whether the third and every later `PATCH` of an upload is answered with the `Range` of the second, as ECR has
    /// been seen to do.
    pub stall_ranges: bool,
    /// Whether the data plane does what the OCI distribution specification says where ECR does something else.
    pub strict_oci: bool,
    /// For how many seconds of the clock replication is reported to be under way.
    pub replication_seconds: u32,
}

impl Quirks {
    /// The digests that the data plane takes.
    pub(crate) fn digests(&self) -> DigestRule {
        if self.strict_oci {
            DigestRule::Any
        } else {
            DigestRule::AsEcr
        }
    }
}

/// The digests that content is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigestRule {
    /// SHA-256 alone.
    AsEcr,
    /// Every algorithm. Source: OCI image spec, "Registered algorithms".
    Any,
}

impl DigestRule {
    /// Reads a digest that is taken.
    pub(crate) fn parse(self, text: &str) -> Result<Digest, InvalidName> {
        match self {
            Self::AsEcr => Digest::parse(text),
            Self::Any => Digest::parse_any(text),
        }
    }

    /// What content may be named by, so that it is hashed while it comes.
    pub(crate) fn algorithms(self) -> &'static [DigestAlgorithm] {
        match self {
            Self::AsEcr => &[DigestAlgorithm::Sha256],
            Self::Any => &DigestAlgorithm::ALL,
        }
    }
}
