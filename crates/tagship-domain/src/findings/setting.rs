//! Whether a repository's images are scanned at all: known before anything is built.
//!
//! Source: ECR user guide, "Scan images for software vulnerabilities".

use std::borrow::Cow;

use serde::Serialize;

use crate::error::{Diagnose, FailureKind};
use crate::reference::ImageName;

/// What scans a registry's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanKind {
    /// ECR itself: packages of the operating system, once.
    Basic,
    /// Amazon Inspector: packages of the operating system and of languages, again and again.
    Enhanced,
}

/// When a repository's images are scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanFrequency {
    /// After each push.
    OnPush,
    /// After each push, and when new vulnerabilities become known.
    Continuous,
    /// When asked for.
    Manual,
}

/// How a repository's images are scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ScanSetting {
    /// What scans them.
    pub kind: ScanKind,
    /// When.
    pub frequency: ScanFrequency,
}

/// What a run may do for findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanMode {
    /// Wait for the scan that the registry makes by itself.
    Wait,
    /// Begin a basic scan where the registry begins none.
    Start,
}

/// Where findings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanRoute {
    /// The registry scans by itself.
    Automatic,
    /// The run begins a basic scan.
    Started,
}

impl ScanMode {
    /// The input's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Start => "start",
        }
    }
}

impl ScanSetting {
    /// Returns where findings come from, or why there will never be any.
    pub fn route(self, mode: ScanMode, image: &ImageName) -> Result<ScanRoute, NeverScanned> {
        match (self.kind, self.frequency, mode) {
            (_, ScanFrequency::OnPush | ScanFrequency::Continuous, _) => Ok(ScanRoute::Automatic),
            (ScanKind::Basic, ScanFrequency::Manual, ScanMode::Start) => Ok(ScanRoute::Started),
            (kind, ScanFrequency::Manual, _) => Err(NeverScanned {
                image: image.clone(),
                kind,
                starter: ScanStarter::Input,
            }),
        }
    }
}

/// The registry's settings say that a repository's images are never scanned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("images in `{}` are never scanned: {}", image.repository, self.why())]
pub struct NeverScanned {
    /// The repository.
    pub image: ImageName,
    /// What would scan them.
    pub kind: ScanKind,
    /// How a scan is begun by who reads this.
    pub starter: ScanStarter,
}

/// How a command lets a basic scan begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanStarter {
    /// By the input `scan`, as `ship` does.
    Input,
    /// By its flag `--start`.
    Flag,
    /// It does not: another command has to.
    OtherCommand,
}

impl ScanStarter {
    const fn advice(self) -> &'static str {
        match self {
            Self::Input => "`scan: start` begins a scan itself",
            Self::Flag => "`--start` begins a scan",
            Self::OtherCommand => "`tagship scan --start` begins a scan",
        }
    }
}

impl NeverScanned {
    fn why(&self) -> &'static str {
        match self.kind {
            ScanKind::Basic => {
                "the registry's basic scanning has no rule for the repository, and it is not set to scan on push"
            }
            ScanKind::Enhanced => "no rule of the registry's enhanced scanning is for the repository",
        }
    }
}

impl Diagnose for NeverScanned {
    fn kind(&self) -> FailureKind {
        FailureKind::ScanGate
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        let options = self.image.registry.aws_options();
        let rule = format!(
            "in ECR's console, under \"Private registry\", \"Scanning\", or with `aws{options} ecr put-registry-scanning-configuration`, which replaces all rules"
        );
        Some(match self.kind {
            ScanKind::Basic => format!(
                "{}; or add a scan-on-push filter for the repository: {rule}",
                self.starter.advice()
            )
            .into(),
            ScanKind::Enhanced => {
                format!("add a filter for the repository: {rule}; enhanced scans begin by such a rule alone")
                    .into()
            }
        })
    }
}
