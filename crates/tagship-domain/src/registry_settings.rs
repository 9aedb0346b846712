//! The settings of a whole registry as code: what is declared, what is there, and what would have to change.
//!
//! A setting that is not declared is left as it is. Each setting is compared by its canonical lines, which people read too.

mod account_setting;
mod creation_template;
mod diff;
mod import;
mod invalid;
mod policy;
mod pull_through;
mod replication;
mod scanning;
mod signing_rule;
mod values;

use std::collections::{BTreeMap, BTreeSet};

pub use account_setting::AccountSetting;
pub use creation_template::{CreationScenario, CreationTemplate, NoTemplate, TemplatePrefix};
pub use diff::{
    ChangeKind, RegistryChange, RegistryObstacle, RegistryPut, RegistrySetting, RegistrySettingsPlan,
    SettingLine,
};
pub use import::settings_declaration_of;
pub use invalid::InvalidRegistrySetting;
pub use policy::{DeclaredRegistryPolicy, RegistryPolicy};
pub use pull_through::{PullThroughRule, Upstream};
pub use replication::{ReplicationDestination, ReplicationRule};
pub use scanning::{RegistryScanning, ScanType, ScanningFilter};
pub use signing_rule::{PullTimeExclusion, SigningRule};

use crate::reference::{AccountId, Region, RepositoryName};
use crate::repositories::Document;

/// What is declared of a registry; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredRegistry {
    /// Settings of the account in the region.
    pub account_settings: BTreeMap<AccountSetting, String>,
    /// Who else may use the registry.
    pub policy: Option<Document<DeclaredRegistryPolicy>>,
    /// Which images are scanned, and when.
    pub scanning: Option<RegistryScanning>,
    /// Which images ECR signs.
    pub signing: Option<Vec<SigningRule>>,
    /// Settings of repositories that are made by themselves.
    pub templates: Vec<CreationTemplate>,
    /// Upstream registries that are cached.
    pub pull_through: Vec<PullThroughRule>,
    /// Where images are copied to.
    pub replication: Option<Vec<ReplicationRule>>,
    /// Who is left out of recorded pull times.
    pub exclusions: BTreeSet<PullTimeExclusion>,
    /// Whether templates, caches, exclusions, policy, signing and replication that are not declared are removed.
    pub prune: bool,
}

impl DeclaredRegistry {
    /// Whether ECR makes the repository by itself: by the prefix of a cache or of a creation template. The template for all repositories
    /// makes none that is declared so.
    pub fn makes(&self, name: &RepositoryName) -> bool {
        let caches = self.pull_through.iter().map(|cache| &cache.prefix);
        let mut prefixes = caches.chain(self.templates.iter().map(|template| &template.prefix));
        prefixes.any(|prefix| {
            let below = name.as_str().strip_prefix(prefix.to_string().as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// What of a registry's settings is read. What is not declared is not asked for, and needs no permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSettings {
    settings: BTreeSet<RegistrySetting>,
    /// Settings of the account.
    pub account_settings: BTreeSet<AccountSetting>,
    /// The account's number, which replication and short forms of the policy need.
    pub account: bool,
}

impl WantedSettings {
    /// Returns all that there is.
    pub fn all() -> Self {
        Self {
            settings: RegistrySetting::ALL.into_iter().collect(),
            account_settings: AccountSetting::ALL.into_iter().collect(),
            account: true,
        }
    }

    /// Returns one setting of the registry alone.
    pub fn only(setting: RegistrySetting) -> Self {
        Self {
            settings: BTreeSet::from([setting]),
            account_settings: BTreeSet::new(),
            account: false,
        }
    }

    /// Returns what has to be read to compare this declaration.
    pub fn of(declared: &DeclaredRegistry) -> Self {
        let is_wanted = |setting: &RegistrySetting| match setting {
            RegistrySetting::AccountSettings => !declared.account_settings.is_empty(),
            RegistrySetting::Policy => declared.prune || declared.policy.is_some(),
            RegistrySetting::Scanning => declared.scanning.is_some(),
            RegistrySetting::Signing => declared.prune || declared.signing.is_some(),
            RegistrySetting::CreationTemplates => declared.prune || !declared.templates.is_empty(),
            RegistrySetting::PullThroughCache => declared.prune || !declared.pull_through.is_empty(),
            RegistrySetting::Replication => declared.prune || declared.replication.is_some(),
            RegistrySetting::PullTimeExclusions => declared.prune || !declared.exclusions.is_empty(),
        };
        Self {
            settings: RegistrySetting::ALL.into_iter().filter(is_wanted).collect(),
            account_settings: declared.account_settings.keys().copied().collect(),
            account: matches!(
                &declared.policy,
                Some(Document::Says(DeclaredRegistryPolicy::ReplicateFrom(_)))
            ) || (declared.pull_through.iter())
                .any(|rule| rule.role.is_none() && rule.upstream_account().is_some()),
        }
    }

    /// Whether a setting is read.
    pub fn has(&self, setting: RegistrySetting) -> bool {
        self.settings.contains(&setting)
    }
}

/// What a registry says of itself; what was not asked for is `None` or absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualRegistry {
    /// The account; `None` where it was not asked for.
    pub account: Option<AccountId>,
    /// The region.
    pub region: Region,
    /// Settings of the account.
    pub account_settings: BTreeMap<AccountSetting, String>,
    /// The policy, in JSON.
    pub policy: Option<Document<String>>,
    /// Which images are scanned.
    pub scanning: Option<RegistryScanning>,
    /// Which images ECR signs.
    pub signing: Option<Vec<SigningRule>>,
    /// The creation templates.
    pub templates: Option<Vec<CreationTemplate>>,
    /// The rules of the pull-through cache.
    pub pull_through: Option<Vec<PullThroughRule>>,
    /// The replication rules.
    pub replication: Option<Vec<ReplicationRule>>,
    /// The pull-time exclusions.
    pub exclusions: Option<BTreeSet<PullTimeExclusion>>,
}

impl ActualRegistry {
    /// Returns a registry of which nothing was asked yet.
    pub fn unread(region: Region) -> Self {
        Self {
            account: None,
            region,
            account_settings: BTreeMap::new(),
            policy: None,
            scanning: None,
            signing: None,
            templates: None,
            pull_through: None,
            replication: None,
            exclusions: None,
        }
    }
}

#[cfg(test)]
mod tests;
