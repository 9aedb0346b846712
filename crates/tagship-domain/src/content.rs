//! Manifests, indexes, descriptors and platforms, as bytes that are never re-encoded.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::reference::Digest;
use crate::untrusted::cleaned;

/// The most bytes a manifest has. Source: OCI distribution spec, "Pushing manifests"; ECR's limit is the same.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image config.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// OCI layer, gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// OCI layer, Zstandard.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// OCI layer, not compressed.
pub const OCI_LAYER_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's image manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's image config.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Every manifest type that Tagship reads. All must be accepted on every read by tag: a registry that
/// holds another type than was accepted may translate it, and then the digest is another one.
/// Source: ECR user guide, "Container image manifest format support".
pub const MANIFEST_TYPES: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];

/// A manifest or index exactly as the registry holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    media_type: String,
    bytes: Bytes,
    digest: Digest,
}

impl Manifest {
    /// Takes the bytes as they are and computes their digest.
    pub fn new(media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        Self {
            media_type: media_type.into(),
            bytes,
            digest,
        }
    }

    /// The media type that it is stored under.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Reads what the manifest refers to.
    pub fn content(&self) -> Result<Content, InvalidManifest> {
        let invalid = |problem: String| InvalidManifest {
            digest: self.digest,
            problem,
        };
        if self.bytes.len() > MAX_MANIFEST_BYTES {
            return Err(invalid("it is larger than 4 MiB".to_owned()));
        }
        match self.media_type.as_str() {
            OCI_INDEX | DOCKER_LIST => serde_json::from_slice(&self.bytes).map(Content::Index),
            OCI_MANIFEST | DOCKER_MANIFEST => serde_json::from_slice(&self.bytes).map(Content::Image),
            other => {
                return Err(invalid(format!(
                    "its media type `{}` is unknown",
                    other.escape_debug()
                )));
            }
        }
        .map_err(|error| invalid(error.to_string()))
    }
}

impl Content {
    /// What it is about, if it is a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }

    /// What kind of artifact it is: its own word, or else its config's type where that is not an image's.
    ///
    /// Source: OCI image spec, "Guidelines for Artifact Usage".
    pub fn artifact_type(&self) -> Option<&str> {
        match self {
            Self::Index(index) => index.artifact_type.as_deref(),
            Self::Image(image) => {
                let of_config = image.config.media_type.as_str();
                let of_config = (!matches!(of_config, OCI_CONFIG | DOCKER_CONFIG)).then_some(of_config);
                image.artifact_type.as_deref().or(of_config)
            }
        }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({} {})", self.media_type, self.digest)
    }
}

/// Why a manifest cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("manifest {digest} cannot be read: {problem}")]
pub struct InvalidManifest {
    digest: Digest,
    problem: String,
}

/// What a manifest refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few are held at a time")]
pub enum Content {
    /// One image.
    Image(ImageManifest),
    /// Several manifests.
    Index(ImageIndex),
}

/// The parts of an image manifest that Tagship reads. Source: OCI image spec, "Image Manifest".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// What kind of artifact it is; absent for most images.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The manifest that it is about, if it is a referrer.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// The image's config.
    pub config: Descriptor,
    /// The layers, base first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    /// Annotations of the manifest.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// The parts of an image index that Tagship reads. Source: OCI image spec, "Image Index".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// What kind of artifact it is; absent for most images.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The manifest that it is about, if it is a referrer.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// The manifests, in the order that the index has them.
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
    /// Annotations of the index.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What points to content. Source: OCI image spec, "Content Descriptors".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's media type.
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
    /// What kind of artifact a manifest is, on referrers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The platform, on the entries of an index.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "platform_object"
    )]
    pub platform: Option<Platform>,
    /// Annotations, on the entries of an index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor without platform and annotations.
    pub fn new(media_type: impl Into<String>, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.into(),
            digest,
            size,
            artifact_type: None,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// Whether this entry of an index is about another entry, and no image: BuildKit's attestation, or an index of layers.
    /// Source: BuildKit, "Image attestation storage".
    pub fn is_about_another(&self) -> bool {
        let kind = self.annotations.get("vnd.docker.reference.type");
        kind.map(String::as_str) == Some("attestation-manifest") || self.is_soci_index()
    }

    /// Whether this entry of an index is SOCI's index of the layers of another entry, whose platform it has.
    /// Source: awslabs/soci-snapshotter, `soci/soci_index.go`, `SociIndexArtifactTypeV2`.
    pub fn is_soci_index(&self) -> bool {
        self.artifact_type.as_deref() == Some("application/vnd.amazon.soci.index.v2+json")
    }
}

/// An operating system and architecture, such as `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct Platform {
    /// The operating system, in Go's words.
    pub os: String,
    /// The architecture, in Go's words.
    pub architecture: String,
    /// The architecture's variant.
    #[serde(default)]
    pub variant: Option<String>,
}

impl Platform {
    /// Whether a machine of this platform runs programs of another by itself.
    pub fn runs(&self, other: &Self) -> bool {
        let is_older = self.architecture == "amd64" && other.architecture == "386";
        self.os == other.os && (self.architecture == other.architecture || is_older)
    }
}

/// As text. In manifests it is an object.
impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A platform as manifests have it. Source: OCI image spec, "Image Index", `platform`.
#[expect(clippy::ref_option, reason = "serde hands over the field")]
fn platform_object<S: Serializer>(platform: &Option<Platform>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(platform) = platform else {
        return serializer.serialize_none();
    };
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("os", &platform.os)?;
    map.serialize_entry("architecture", &platform.architecture)?;
    if let Some(variant) = &platform.variant {
        map.serialize_entry("variant", variant)?;
    }
    map.end()
}

impl Platform {
    /// Whether two platforms are the same when the variants that an architecture is taken for count.
    ///
    /// Source: containerd, `platforms`, `Normalize`.
    pub fn is_same(&self, other: &Self) -> bool {
        let variant = |platform: &Self| {
            let usual = match platform.architecture.as_str() {
                "arm64" => Some("v8"),
                "amd64" => Some("v1"),
                "arm" => Some("v7"),
                _ => None,
            };
            let own = platform.variant.as_deref();
            own.or(usual).map(str::to_owned)
        };
        (&self.os, &self.architecture, variant(self)) == (&other.os, &other.architecture, variant(other))
    }

    /// Returns the platform as builders write it into an index: without a variant that its architecture is taken for, and
    /// 32-bit ARM with one.
    ///
    /// Source: containerd, `platforms`, `Normalize`.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let variant = match (self.architecture.as_str(), self.variant.as_deref()) {
            ("arm64", Some("v8")) | ("amd64", Some("v1")) => None,
            ("arm", None) => Some("v7"),
            (_, variant) => variant,
        };
        Self {
            variant: variant.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Reads `os/architecture` or `os/architecture/variant`.
    pub fn parse(text: &str) -> Result<Self, InvalidPlatform> {
        let legal = |part: &str| {
            !part.is_empty()
                && part.len() <= 32
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            [os, architecture, rest @ ..] if rest.len() <= 1 && parts.iter().all(|part| legal(part)) => {
                Ok(Self {
                    os: (*os).to_owned(),
                    architecture: (*architecture).to_owned(),
                    variant: rest.first().map(|variant| (*variant).to_owned()),
                })
            }
            _ => Err(InvalidPlatform(cleaned(text))),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant
            .iter()
            .try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform `{0}` is not of the form `linux/amd64` or `linux/arm64/v8`")]
pub struct InvalidPlatform(String);
