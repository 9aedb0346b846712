//! Settings of an account in a region.

use crate::refusal::Refusal;
use crate::state::store::{Owner, Registry};

/// Whether layers may be mounted across the registry's repositories.
pub(crate) fn mounts_blobs(registry: &Registry) -> Result<bool, Refusal> {
    Ok(BLOB_MOUNTING.value(registry)? == ENABLED)
}

/// A setting of an account in a region, the values that it takes, and which of them it has at first.
///
/// Source: ECR API reference, `PutAccountSetting`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AccountSetting {
    pub(crate) name: &'static str,
    pub(crate) values: &'static [&'static str],
    initial: &'static str,
}

/// Whether layers may be mounted across repositories.
static BLOB_MOUNTING: AccountSetting = AccountSetting {
    name: "BLOB_MOUNTING",
    values: &[ENABLED, "DISABLED"],
    initial: "DISABLED",
};

/// The value of a setting that is switched on.
const ENABLED: &str = "ENABLED";

static BASIC_SCAN_TYPE_VERSION: AccountSetting = AccountSetting {
    name: "BASIC_SCAN_TYPE_VERSION",
    values: &["AWS_NATIVE"],
    initial: "AWS_NATIVE",
};

static REGISTRY_POLICY_SCOPE: AccountSetting = AccountSetting {
    name: "REGISTRY_POLICY_SCOPE",
    values: &["V2"],
    initial: "V2",
};

impl AccountSetting {
    /// The setting of this name.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        [&BASIC_SCAN_TYPE_VERSION, &BLOB_MOUNTING, &REGISTRY_POLICY_SCOPE]
            .into_iter()
            .find(|setting| setting.name == name)
    }

    fn document(&self) -> String {
        format!("account-setting/{}", self.name)
    }

    /// Sets the value that a registry has.
    pub(crate) fn set(&self, registry: &Registry, value: String) -> Result<(), Refusal> {
        registry.put_document(Owner::Registry, &self.document(), value)
    }

    /// The value that a registry has.
    pub(crate) fn value(&self, registry: &Registry) -> Result<String, Refusal> {
        let value = registry.document(Owner::Registry, &self.document())?;
        Ok(value.unwrap_or_else(|| self.initial.to_owned()))
    }
}
