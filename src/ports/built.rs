//! What builds, and what it leaves in an engine's store.

use tagship_domain::capability::ImageStore;
use tagship_domain::content::Platform;
use tagship_domain::reference::Digest;

/// An image in the engine's store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuiltImage {
    /// What the engine knows it as, if it has it.
    pub id: Option<Digest>,
    /// Its names.
    pub names: Vec<String>,
}

/// What will build: an engine, or a BuildKit daemon.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EngineSummary {
    /// The engine's version, such as `28.5.2`; that of BuildKit where it is a daemon.
    pub version: String,
    /// How it stores images.
    pub store: ImageStore,
    /// Its own platform, such as `linux/amd64`.
    pub platform: String,
    /// All that build, where they are several; the first of them stands above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub builders: Vec<BuilderSummary>,
}

/// One of several builders.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuilderSummary {
    /// What progress and errors call it.
    pub name: String,
    /// What it builds.
    pub platforms: Vec<Platform>,
    /// The version of the engine, or of BuildKit.
    pub version: String,
    /// How it stores images.
    pub store: ImageStore,
}
