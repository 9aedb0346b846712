//! The gate, as it is planned.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::baseline::Baseline;
use super::gate::GatePolicy;
use super::setting::{NeverScanned, ScanFrequency, ScanKind, ScanMode, ScanSetting};
use crate::facts::{Fact, Unknown};
use crate::reference::ImageName;

/// The gate that stands before the tags, as it is planned.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GatePlan {
    /// What the run may do for findings.
    pub scan: ScanMode,
    /// How long it waits for them.
    #[serde(rename = "timeout-seconds", serialize_with = "seconds")]
    pub timeout: Duration,
    /// How the repository's images are scanned; absent where the role may not read it.
    pub setting: Option<ScanSetting>,
    /// Why that is unknown.
    #[serde(skip)]
    pub unknown: Option<Unknown>,
    /// What lets an image pass.
    #[serde(flatten)]
    pub policy: GatePolicy,
    /// What findings are compared with, where only new ones count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
}

fn seconds<S: Serializer>(timeout: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(timeout.as_secs())
}

impl GatePlan {
    /// Returns the plan of a gate, with what is known of the repository's setting.
    pub fn new(scan: ScanMode, timeout: Duration, policy: GatePolicy, setting: Fact<ScanSetting>) -> Self {
        let (setting, unknown) = match setting {
            Ok(setting) => (Some(setting), None),
            Err(unknown) => (None, Some(unknown)),
        };
        Self {
            scan,
            timeout,
            setting,
            unknown,
            policy,
            baseline: None,
        }
    }

    /// Returns why the image will never be scanned, where that is known.
    pub fn never_scanned(&self, image: &ImageName) -> Option<NeverScanned> {
        self.setting?.route(self.scan, image).err()
    }

    /// Whether a scan is begun at once, because the registry begins none.
    pub fn starts_at_once(&self) -> bool {
        let is_manual = |setting: ScanSetting| setting.frequency == ScanFrequency::Manual;
        self.may_start() && self.setting.is_some_and(is_manual)
    }

    /// Whether a scan may be begun. Enhanced scans begin by themselves alone.
    pub fn may_start(&self) -> bool {
        let is_enhanced = |setting: ScanSetting| setting.kind == ScanKind::Enhanced;
        self.scan == ScanMode::Start && !self.setting.is_some_and(is_enhanced)
    }
}
