//! Documents about a released image that the registry holds: bills of materials, provenance, signatures.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::content::{Descriptor, ImageManifest};
use crate::facts::PlatformManifest;
use crate::reference::Digest;
use crate::untrusted;

/// The most documents that a release carries.
pub const MAX_DOCUMENTS: usize = 100;

/// The most bytes of a document that a release carries: a bill of materials of a large image has a few MiB.
pub const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The most bytes of all documents of a release together: they are held in memory until the git tag is put.
pub const MAX_DOCUMENTS_BYTES: u64 = 256 * 1024 * 1024;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentKind {
    /// A bill of materials in SPDX.
    Spdx,
    /// A bill of materials in `CycloneDX`.
    CycloneDx,
    /// How the image was built, as an in-toto statement.
    Provenance,
    /// A signature of cosign, in Sigstore's bundle.
    Sigstore,
    /// A signed statement about the image, in Sigstore's bundle.
    Attestation,
    /// A signature of the Notary Project, as JWS.
    NotaryJws,
    /// The same, as COSE.
    NotaryCose,
}

impl DocumentKind {
    /// The kind of an in-toto statement; `None` for one that no release carries.
    ///
    /// Source: SLSA specification, "Provenance"; in-toto attestation framework, predicates "SPDX" and "`CycloneDX`".
    fn of_predicate(predicate: &str) -> Option<Self> {
        let kinds = [
            ("https://spdx.dev/Document", Self::Spdx),
            ("https://cyclonedx.org/bom", Self::CycloneDx),
            ("https://slsa.dev/provenance/", Self::Provenance),
        ];
        let mut kinds = kinds.into_iter();
        kinds.find_map(|(begin, kind)| predicate.starts_with(begin).then_some(kind))
    }

    /// The kind of a manifest that refers to the image.
    ///
    /// Source: Sigstore, "OCI storage of bundles"; Notary Project specification, "Signature storage".
    fn of_referrer(artifact_type: Option<&str>, manifest: &ImageManifest) -> Option<Self> {
        let artifact_type = artifact_type?;
        if artifact_type.starts_with("application/vnd.dev.sigstore.bundle.") {
            let predicate = manifest.annotations.get("dev.sigstore.bundle.predicateType");
            let is_signature =
                predicate.is_none_or(|one| one.starts_with("https://sigstore.dev/cosign/sign/"));
            return Some(if is_signature {
                Self::Sigstore
            } else {
                Self::Attestation
            });
        }
        if artifact_type != "application/vnd.cncf.notary.signature" {
            return None;
        }
        match manifest.layers.first()?.media_type.as_str() {
            "application/jose+json" => Some(Self::NotaryJws),
            "application/cose" => Some(Self::NotaryCose),
            _ => None,
        }
    }

    /// Whether it says what the image is made of.
    pub const fn is_bill_of_materials(self) -> bool {
        matches!(self, Self::Spdx | Self::CycloneDx)
    }

    /// What a file's name begins with, and what it ends with.
    const fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Spdx => ("sbom", "spdx.json"),
            Self::CycloneDx => ("sbom", "cdx.json"),
            Self::Provenance => ("provenance", "json"),
            Self::Sigstore => ("signature", "sigstore.json"),
            Self::Attestation => ("attestation", "sigstore.json"),
            Self::NotaryJws => ("signature", "jws"),
            Self::NotaryCose => ("signature", "cose"),
        }
    }

    /// The media type of the file.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Spdx => "application/spdx+json",
            Self::CycloneDx => "application/vnd.cyclonedx+json",
            Self::Provenance => "application/vnd.in-toto+json",
            Self::Sigstore | Self::Attestation => "application/vnd.dev.sigstore.bundle.v0.3+json",
            Self::NotaryJws => "application/jose+json",
            Self::NotaryCose => "application/cose",
        }
    }

    /// The file's content, made from the blob in the registry: of a bill of materials the document that the statement is
    /// about, because that is what programs read; of all else the blob itself.
    ///
    /// # Errors
    ///
    /// What is wrong, where the blob is no in-toto statement.
    pub fn content(self, blob: Vec<u8>) -> Result<Vec<u8>, String> {
        #[derive(Deserialize)]
        struct Statement {
            predicate: Value,
        }
        if !self.is_bill_of_materials() {
            return Ok(blob);
        }
        let statement: Statement = serde_json::from_slice(&blob).map_err(|error| error.to_string())?;
        if !statement.predicate.is_object() {
            return Err("its predicate is no object".to_owned());
        }
        Ok((untrusted::json(&statement.predicate) + "\n").into_bytes())
    }
}

/// A document about an image, and where its content is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// The image's platform, where it is about one of several.
    platform: Option<String>,
    /// The blob.
    pub blob: Descriptor,
}

impl Document {
    /// The statements in an attestation's layers about one of the images.
    ///
    /// Source: BuildKit, "Image attestation storage".
    pub fn attached(
        about: Digest,
        manifest: &ImageManifest,
        platforms: &[PlatformManifest],
    ) -> impl Iterator<Item = Self> {
        let platform = platforms.iter().find(|one| one.digest == about);
        let platform = platform.map(|one| in_file_name(&one.platform.to_string()));
        manifest.layers.iter().filter_map(move |layer| {
            let predicate = layer.annotations.get("in-toto.io/predicate-type")?;
            Some(Self {
                kind: DocumentKind::of_predicate(predicate)?,
                platform: platform.clone(),
                blob: layer.clone(),
            })
        })
    }

    /// The signature in a manifest that refers to the image, if it is one.
    pub fn referring(artifact_type: Option<&str>, manifest: &ImageManifest) -> Option<Self> {
        Some(Self {
            kind: DocumentKind::of_referrer(artifact_type, manifest)?,
            platform: None,
            blob: manifest.layers.first()?.clone(),
        })
    }

    /// Names the files of documents. The same documents have the same names, in whichever order they come; one that has its
    /// name with others has the beginning of its digest besides.
    pub fn named(documents: Vec<Self>) -> BTreeMap<String, Self> {
        let mut by_name: BTreeMap<String, BTreeMap<Digest, Self>> = BTreeMap::new();
        for document in documents {
            let alike = by_name.entry(document.file_name(None)).or_default();
            alike.insert(document.blob.digest, document);
        }
        let mut named = BTreeMap::new();
        for (name, alike) in by_name {
            let is_alone = alike.len() == 1;
            named.extend(alike.into_iter().map(|(digest, document)| {
                let name = if is_alone {
                    name.clone()
                } else {
                    document.file_name(Some(&digest))
                };
                (name, document)
            }));
        }
        named
    }

    fn file_name(&self, digest: Option<&Digest>) -> String {
        let (begin, end) = self.kind.name();
        let digest = digest.map(|digest| digest.hex()[..12].to_owned());
        let parts = [Some(begin.to_owned()), self.platform.clone(), digest];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}.{end}", parts.join("-"))
    }
}

/// A platform as a part of a file's name: whoever wrote the index chose it.
fn in_file_name(platform: &str) -> String {
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    platform.chars().map(legal).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Platform;
    use serde_json::json;

    fn layer(content: &str, predicate: &str) -> Value {
        json!({
            "mediaType": "application/vnd.in-toto+json",
            "digest": Digest::of(content.as_bytes()),
            "size": content.len(),
            "annotations": {"in-toto.io/predicate-type": predicate},
        })
    }

    fn manifest(layers: &Value, annotations: &Value) -> ImageManifest {
        let config = Descriptor::new("application/vnd.oci.empty.v1+json", Digest::of(b"{}"), 2);
        let manifest = json!({"config": config, "layers": layers, "annotations": annotations});
        serde_json::from_value(manifest).unwrap()
    }

    #[test]
    fn statements_are_files_by_kind_and_platform() {
        let about = Digest::of(b"image");
        let platforms = [PlatformManifest {
            platform: Platform {
                os: "linux".to_owned(),
                architecture: "arm".to_owned(),
                variant: Some("v7/../<x>".to_owned()),
            },
            digest: about,
        }];
        let layers = json!([
            layer("spdx", "https://spdx.dev/Document"),
            layer("stage", "https://spdx.dev/Document/v2.3"),
            layer("cdx", "https://cyclonedx.org/bom/v1.6"),
            layer("slsa", "https://slsa.dev/provenance/v1"),
            layer("other", "https://example.com/other"),
        ]);
        let manifest = manifest(&layers, &json!({}));
        let mut documents: Vec<Document> = Document::attached(about, &manifest, &platforms).collect();
        let names = Document::named(documents.clone());
        let short = |content: &str| Digest::of(content.as_bytes()).hex()[..12].to_owned();
        let mut expected = vec![
            "provenance-linux-arm-v7-----x-.json".to_owned(),
            "sbom-linux-arm-v7-----x-.cdx.json".to_owned(),
            format!("sbom-linux-arm-v7-----x--{}.spdx.json", short("spdx")),
            format!("sbom-linux-arm-v7-----x--{}.spdx.json", short("stage")),
        ];
        expected.sort();
        assert_eq!(names.keys().cloned().collect::<Vec<_>>(), expected);
        documents.reverse();
        assert_eq!(Document::named(documents), names);
    }

    #[test]
    fn signatures_are_told_from_signed_statements() {
        let layers =
            |media_type: &str| json!([{"mediaType": media_type, "digest": Digest::of(b"s"), "size": 1}]);
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let kind = |artifact_type: &str, media_type: &str, annotations: &Value| {
            let manifest = manifest(&layers(media_type), annotations);
            Document::referring(Some(artifact_type), &manifest).map(|document| document.kind)
        };
        let predicate = |predicate: &str| json!({"dev.sigstore.bundle.predicateType": predicate});
        let signed = predicate("https://sigstore.dev/cosign/sign/v1");
        assert_eq!(kind(bundle, bundle, &signed), Some(DocumentKind::Sigstore));
        let attested = predicate("https://slsa.dev/provenance/v1");
        assert_eq!(kind(bundle, bundle, &attested), Some(DocumentKind::Attestation));
        let notary = "application/vnd.cncf.notary.signature";
        let none = json!({});
        assert_eq!(
            kind(notary, "application/jose+json", &none),
            Some(DocumentKind::NotaryJws)
        );
        assert_eq!(
            kind(notary, "application/cose", &none),
            Some(DocumentKind::NotaryCose)
        );
        assert_eq!(kind(notary, "text/html", &none), None);
        assert_eq!(kind("application/spam", bundle, &none), None);
        assert_eq!(Document::referring(None, &manifest(&layers(bundle), &none)), None);
    }

    #[test]
    fn a_bill_of_materials_is_the_document_and_not_the_statement() {
        let statement =
            json!({"_type": "https://in-toto.io/Statement/v0.1", "predicate": {"spdxVersion": "SPDX-2.3"}});
        let blob = || statement.to_string().into_bytes();
        let content = DocumentKind::Spdx.content(blob()).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&content).unwrap(),
            json!({"spdxVersion": "SPDX-2.3"})
        );
        assert_eq!(DocumentKind::Provenance.content(blob()), Ok(blob()));
        for broken in [&b"{}"[..], b"not JSON", br#"{"predicate": 7}"#] {
            assert!(DocumentKind::Spdx.content(broken.to_vec()).is_err());
        }
    }
}
