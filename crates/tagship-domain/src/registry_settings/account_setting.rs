//! Settings of an account in a region.

use serde::Serialize;

use super::InvalidRegistrySetting;

/// A setting of an account in a region. Source: ECR API reference, `PutAccountSetting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountSetting {
    /// What basic scanning scans with.
    BasicScanTypeVersion,
    /// Which actions the registry policy may be about.
    RegistryPolicyScope,
    /// Whether layers may be mounted across repositories.
    BlobMounting,
}

impl AccountSetting {
    /// All of them, in the order in which they are put.
    pub const ALL: [Self; 3] = [
        Self::BasicScanTypeVersion,
        Self::RegistryPolicyScope,
        Self::BlobMounting,
    ];

    /// The key of `tagship.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BasicScanTypeVersion => "basic-scan-type-version",
            Self::RegistryPolicyScope => "registry-policy-scope",
            Self::BlobMounting => "blob-mounting",
        }
    }

    /// The API's name.
    pub const fn api_name(self) -> &'static str {
        match self {
            Self::BasicScanTypeVersion => "BASIC_SCAN_TYPE_VERSION",
            Self::RegistryPolicyScope => "REGISTRY_POLICY_SCOPE",
            Self::BlobMounting => "BLOB_MOUNTING",
        }
    }

    /// The values that it takes; those that ECR has given up are left out.
    pub const fn values(self) -> &'static [&'static str] {
        match self {
            Self::BasicScanTypeVersion => &["AWS_NATIVE"],
            Self::RegistryPolicyScope => &["V2"],
            Self::BlobMounting => &["ENABLED", "DISABLED"],
        }
    }

    /// Reads a setting by its key, or by the API's name.
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrySetting> {
        let found = Self::ALL
            .into_iter()
            .find(|one| text == one.as_str() || text == one.api_name());
        found.ok_or_else(|| InvalidRegistrySetting::AccountSetting(text.to_owned()))
    }

    /// Reads a value, in any case.
    pub fn value(self, text: &str) -> Result<String, InvalidRegistrySetting> {
        let value = text.to_ascii_uppercase().replace('-', "_");
        if self.values().contains(&value.as_str()) {
            return Ok(value);
        }
        Err(InvalidRegistrySetting::AccountValue {
            name: self.as_str(),
            takes: self.values(),
            value: text.to_owned(),
        })
    }
}
