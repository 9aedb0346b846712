//! Scans of one repository: reading them, and beginning them.

use async_trait::async_trait;
use oci_registry::RegistryError;

use super::ForgeError;
use tagship_domain::facts::CommitId;
use tagship_domain::findings::{Scan, ScanSetting};
use tagship_domain::reference::Digest;

/// Reads what a registry's scans of one repository's images have come to.
#[async_trait]
pub trait ReadScans: Send + Sync {
    /// Returns how the repository's images are scanned. `RegistryError::NotPermitted` where the role may not read it.
    async fn setting(&self) -> Result<ScanSetting, RegistryError>;

    /// Finds out whether the role may read what scans found, as far as that is known without an image.
    /// `RegistryError::NotPermitted` where it may not.
    async fn check(&self) -> Result<(), RegistryError>;

    /// The same for beginning a scan. None begins.
    async fn check_start(&self) -> Result<(), RegistryError>;

    /// Returns what the last scan of an image has come to, with the findings of all pages; `None` where none has begun.
    ///
    /// An index is no image: registries scan what it names.
    async fn scan(&self, image: &Digest) -> Result<Option<Scan>, RegistryError>;
}

/// Begins scans.
#[async_trait]
pub trait StartScans: ReadScans {
    /// Begins a basic scan of an image.
    async fn start(&self, image: &Digest) -> Result<ScanStart, RegistryError>;
}

/// Shows findings where the code is reviewed.
#[async_trait]
pub trait ShowFindings: Send + Sync {
    /// Sends findings of a commit at a git reference, in SARIF 2.1.0.
    async fn show_findings(&self, commit: &CommitId, git_ref: &str, sarif: &str) -> Result<(), ForgeError>;
}

/// What became of the wish for a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanStart {
    /// It has begun.
    Begun,
    /// The image had one within a day, whose findings count.
    HadOne,
    /// The scanner does not read such an image; in the registry's words, cleaned.
    Unscannable(String),
}
