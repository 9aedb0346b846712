//! A file that becomes an artifact: a packaged Helm chart, or WebAssembly.

use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use oci_registry::{OciLayout, WriteRepository as _};
use semver::Version;
use serde::Serialize;
use tempfile::TempDir;

use super::error::PushError;
use crate::regular_file;
use crate::run::RunError;
use tagship_domain::artifact::{Artifact, CHART_CONTENT, CHART_PROVENANCE, Chart, WASM, wasm};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::reference::{Digest, Reference, Tag};
use tagship_domain::version::release_tag;

/// The most bytes of a file; it is held in memory.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// The most bytes of a chart when it is unpacked. Source: Helm, `pkg/chart/loader`, `MaxDecompressedChartSize`.
pub(super) const MAX_CHART: u64 = 100 * 1024 * 1024;
/// The most bytes of `Chart.yaml`, and of a provenance.
const MAX_SMALL: u64 = 1024 * 1024;
/// The first bytes of gzip. Source: RFC 1952, "Member header and trailer".
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The kind of what is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ContentKind {
    EngineImage,
    Archive,
    Layout,
    HelmChart,
    Wasm,
}

impl fmt::Display for ContentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EngineImage => "image of the engine",
            Self::Archive => "saved image",
            Self::Layout => "image layout",
            Self::HelmChart => "Helm chart",
            Self::Wasm => "WebAssembly",
        })
    }
}

/// A file as an artifact, in a layout that is there for this push alone.
pub(super) struct ArtifactFile {
    pub(super) kind: ContentKind,
    /// The version, if the file says it.
    pub(super) version: Option<Version>,
    /// The tag that belongs to it.
    pub(super) tag: Option<Tag>,
    /// The name of a chart.
    pub(super) chart: Option<String>,
    pub(super) layout: OciLayout,
    pub(super) root: Manifest,
    pub(super) folder: TempDir,
}

/// What a file is.
struct Described {
    kind: ContentKind,
    version: Option<Version>,
    chart: Option<String>,
    artifact: Artifact,
    /// The layers, with their media types.
    layers: Vec<(&'static str, Bytes)>,
}

/// Reads a file; `name` is what the user calls it.
pub(super) async fn open(path: &Path, name: &str) -> Result<ArtifactFile, RunError> {
    let (path, name) = (path.to_owned(), name.to_owned());
    let described = tokio::task::spawn_blocking(move || describe(&path, &name)).await;
    let Described {
        kind,
        version,
        chart,
        artifact,
        layers,
    } = described.map_err(|error| RunError::Broken(error.to_string()))??;
    let folder = tempfile::tempdir().map_err(|error| RunError::Broken(error.to_string()))?;
    let layout = OciLayout::open_or_create(&folder.path().join("artifact"))?;
    let mut descriptors = Vec::new();
    for (media_type, content) in layers {
        let size = content.len() as u64;
        let digest = layout.put_blob(content).await?;
        descriptors.push(Descriptor::new(media_type, digest, size));
    }
    layout.put_blob(artifact.config.clone().into()).await?;
    let root = artifact.manifest(&descriptors);
    let digest: Digest = root.digest();
    layout.put_manifest(&Reference::Digest(digest), &root).await?;
    Ok(ArtifactFile {
        kind,
        tag: version.as_ref().and_then(|version| release_tag(version).ok()),
        version,
        chart,
        layout,
        root,
        folder,
    })
}

fn describe(path: &Path, name: &str) -> Result<Described, PushError> {
    let unreadable = |error: io::Error| PushError::Unreadable {
        name: name.to_owned(),
        problem: error.to_string(),
    };
    let content = read(path, MAX_FILE).map_err(unreadable)?;
    if content.starts_with(GZIP) {
        let invalid = |problem| PushError::Chart {
            name: name.to_owned(),
            problem,
        };
        let Some(text) = chart_file(&content).map_err(unreadable)? else {
            return Err(PushError::Unknown(name.to_owned()));
        };
        let chart = Chart::parse(&text).map_err(invalid)?;
        let mut layers = vec![(CHART_CONTENT, content)];
        // Source: Helm documentation, "Helm Provenance and Integrity": beside the chart, under this name.
        let provenance = PathBuf::from(format!("{}.prov", path.display()));
        match read(&provenance, MAX_SMALL) {
            Ok(provenance) => layers.push((CHART_PROVENANCE, provenance)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(error)),
        }
        return Ok(Described {
            kind: ContentKind::HelmChart,
            version: Some(chart.version),
            chart: Some(chart.name),
            artifact: chart.artifact,
            layers,
        });
    }
    if !content.starts_with(b"\0asm") {
        return Err(PushError::Unknown(name.to_owned()));
    }
    let artifact = wasm(&content).map_err(|problem| PushError::Wasm {
        name: name.to_owned(),
        problem,
    })?;
    Ok(Described {
        kind: ContentKind::Wasm,
        version: None,
        chart: None,
        artifact,
        layers: vec![(WASM, content)],
    })
}

fn read(path: &Path, limit: u64) -> io::Result<Bytes> {
    let mut content = Vec::new();
    regular_file::open(path)?
        .take(limit + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        let message = format!("it is larger than {} MiB", limit / 1024 / 1024);
        return Err(io::Error::other(message));
    }
    Ok(content.into())
}

/// The `Chart.yaml` of a packaged chart: in the one folder that is named after it. `None` where there is none.
fn chart_file(packed: &[u8]) -> io::Result<Option<String>> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(packed).take(MAX_CHART));
    for entry in archive.entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let is_wanted = path.file_name().is_some_and(|name| name == "Chart.yaml")
            && path.components().count() == 2
            && entry.header().entry_type().is_file();
        if is_wanted {
            let mut text = String::new();
            entry.take(MAX_SMALL).read_to_string(&mut text)?;
            return Ok(Some(text));
        }
    }
    Ok(None)
}
