//! One image's whole tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;

use super::inventory::{age, scan_text};
use tagship_domain::content::{Descriptor, Platform};
use tagship_domain::error::cleaned;
use tagship_domain::inventory::ScanSummary;
use tagship_domain::reference::{Digest, ImageName, Tag};

/// What `tagship inspect` prints with `--json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// The repository.
    pub image: ImageName,
    /// The image's digest.
    pub digest: Digest,
    /// The tags that point to it; only the one that was asked for where the registry does not list them.
    pub tags: Vec<Tag>,
    /// When it was pushed, where the registry knows.
    pub pushed_at: Option<Timestamp>,
    /// What the registry's scan says.
    pub scan: Option<ScanSummary>,
    /// Whether the repository holds a signature of it.
    pub signed: bool,
    /// The manifest or index.
    pub manifest: ManifestReport,
    /// What refers to it: signatures, attestations, bills of materials.
    pub referrers: Vec<Descriptor>,
}

/// One manifest with what it names.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestReport {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its own bytes.
    pub size: u64,
    /// The platform, as the index says, or else the config.
    pub platform: Option<Platform>,
    /// What kind of artifact it is; absent for images.
    pub artifact_type: Option<String>,
    /// The manifest that an attestation of BuildKit is about.
    pub attests: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The config of an image.
    pub config: Option<ConfigReport>,
    /// The layers, base first.
    pub layers: Vec<Descriptor>,
    /// The entries of an index.
    pub manifests: Vec<ManifestReport>,
}

/// An image's config.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConfigReport {
    /// Where it is.
    pub descriptor: Descriptor,
    /// When the image says it was made.
    pub created: Option<String>,
    /// The user that containers run as.
    pub user: Option<String>,
    /// The entry point.
    pub entrypoint: Vec<String>,
    /// The command.
    pub command: Vec<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// The tree for a terminal. Ends with a line break.
pub fn inspection_text(inspection: &Inspection, now: Timestamp) -> String {
    let mut text = format!("{}\n", inspection.image.at(inspection.digest));
    let tags: Vec<&str> = inspection.tags.iter().map(Tag::as_str).collect();
    let pushed = inspection
        .pushed_at
        .map(|pushed| format!("{pushed} ({} ago)", age(pushed, now)));
    let facts = [
        ("tags", Some(tags.join(", ")).filter(|tags| !tags.is_empty())),
        ("pushed", pushed),
        ("scan", inspection.scan.as_ref().map(scan_text)),
        (
            "signed",
            Some(if inspection.signed { "yes" } else { "no" }.to_owned()),
        ),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            let _ = writeln!(text, "  {name:<8}{value}");
        }
    }
    write_manifest(&mut text, &inspection.manifest, 0);
    for referrer in &inspection.referrers {
        let kind = referrer.artifact_type.as_deref().unwrap_or(&referrer.media_type);
        let _ = writeln!(
            text,
            "referrer {} {} {}",
            cleaned(kind),
            referrer.digest,
            HumanBytes(referrer.size)
        );
    }
    text
}

fn write_manifest(text: &mut String, manifest: &ManifestReport, depth: usize) {
    let indent = "  ".repeat(depth);
    let name = match (&manifest.attests, &manifest.platform) {
        (Some(subject), _) => format!("attestation of {}", cleaned(subject)),
        (None, Some(platform)) => cleaned(&platform.to_string()),
        (None, None) => cleaned(manifest.artifact_type.as_deref().unwrap_or(&manifest.media_type)),
    };
    let _ = writeln!(
        text,
        "{indent}{name} {} {}",
        manifest.digest,
        HumanBytes(manifest.size)
    );
    if let Some(config) = &manifest.config {
        write_config(text, config, &indent);
    }
    for layer in &manifest.layers {
        let _ = writeln!(
            text,
            "{indent}  layer {} {} {}",
            layer.digest,
            HumanBytes(layer.size),
            cleaned(&layer.media_type)
        );
    }
    for (name, value) in &manifest.annotations {
        let _ = writeln!(text, "{indent}  annotation {}={}", cleaned(name), cleaned(value));
    }
    for child in &manifest.manifests {
        write_manifest(text, child, depth + 1);
    }
}

fn write_config(text: &mut String, config: &ConfigReport, indent: &str) {
    let created = config
        .created
        .as_deref()
        .map(|created| format!(", created {}", cleaned(created)))
        .unwrap_or_default();
    let _ = writeln!(
        text,
        "{indent}  config {} {}{created}",
        config.descriptor.digest,
        HumanBytes(config.descriptor.size)
    );
    let words = |words: &[String]| cleaned(&words.join(" "));
    let facts = [
        ("user", config.user.as_deref().map(cleaned).unwrap_or_default()),
        ("entrypoint", words(&config.entrypoint)),
        ("command", words(&config.command)),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "{indent}    {name} {value}");
    }
    for (name, value) in &config.labels {
        let _ = writeln!(text, "{indent}    label {}={}", cleaned(name), cleaned(value));
    }
}
