//! One setting of a registry that differs, in words and as it is put.

use serde::Serialize;

use crate::registry_settings::{
    AccountSetting, CreationTemplate, PullThroughRule, PullTimeExclusion, RegistryPolicy, RegistryScanning,
    ReplicationRule, SigningRule, TemplatePrefix,
};
use crate::untrusted::cleaned;

/// A setting of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegistrySetting {
    /// Settings of the account in the region.
    AccountSettings,
    /// Who else may use the registry.
    Policy,
    /// Which images are scanned.
    Scanning,
    /// Which images ECR signs.
    Signing,
    /// Settings of repositories that are made by themselves.
    CreationTemplates,
    /// Upstream registries that are cached.
    PullThroughCache,
    /// Where images are copied to.
    Replication,
    /// Who is left out of recorded pull times.
    PullTimeExclusions,
}

impl RegistrySetting {
    /// All of them, in the order in which they are put.
    pub const ALL: [Self; 8] = [
        Self::AccountSettings,
        Self::Policy,
        Self::Scanning,
        Self::Signing,
        Self::CreationTemplates,
        Self::PullThroughCache,
        Self::Replication,
        Self::PullTimeExclusions,
    ];

    /// The key of `tagship.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountSettings => "account-settings",
            Self::Policy => "policy",
            Self::Scanning => "scanning",
            Self::Signing => "signing",
            Self::CreationTemplates => "creation-templates",
            Self::PullThroughCache => "pull-through-cache",
            Self::Replication => "replication",
            Self::PullTimeExclusions => "pull-time-exclusions",
        }
    }
}

/// One setting of a registry that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RegistryChange {
    /// The setting.
    pub setting: RegistrySetting,
    /// Which one of several: a prefix, or the name of an account setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it says until now; nothing where it is missing.
    pub from: Vec<String>,
    /// What it says from then on; nothing where it is to go.
    pub to: Vec<String>,
    /// What is put.
    #[serde(skip)]
    pub put: RegistryPut,
}

/// What is put to change one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryPut {
    /// A setting of the account gets this value.
    AccountSetting(AccountSetting, String),
    /// The policy becomes this, or goes.
    Policy(Option<RegistryPolicy>),
    /// Scanning becomes this.
    Scanning(RegistryScanning),
    /// The rules of signing become these.
    Signing(Vec<SigningRule>),
    /// A template is made.
    NewTemplate(Box<CreationTemplate>),
    /// A template gets what is declared of it.
    Template(Box<CreationTemplate>),
    /// A template goes.
    NoTemplate(TemplatePrefix),
    /// A rule of the cache is made.
    NewCache(PullThroughRule),
    /// A rule of the cache gets another login or role.
    Cache(PullThroughRule),
    /// A rule of the cache goes.
    NoCache(TemplatePrefix),
    /// The rules of replication become these; the account is named in each.
    Replication(Vec<ReplicationRule>),
    /// A principal's pulls do not count from then on.
    Exclude(PullTimeExclusion),
    /// A principal's pulls count from then on.
    Include(PullTimeExclusion),
}

/// One line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingLine {
    /// Whether this comes (`+`), goes (`-`) or becomes something else (`~`).
    pub sign: char,
    /// The setting, by its key.
    pub setting: &'static str,
    /// What comes, goes or changes; cleaned.
    pub text: String,
}

impl RegistryChange {
    /// Returns the difference as a person reads it: what goes, and then what comes.
    pub fn lines(&self) -> Vec<SettingLine> {
        let line = |sign: char, text: &str| SettingLine {
            sign,
            setting: self.setting.as_str(),
            text: match &self.name {
                Some(name) => cleaned(&format!("{name}: {text}")),
                None => cleaned(text),
            },
        };
        if let ([from], [to]) = (self.from.as_slice(), self.to.as_slice()) {
            return vec![line('~', &format!("{from} → {to}"))];
        }
        let goes = self.from.iter().filter(|text| !self.to.contains(text));
        let comes = self.to.iter().filter(|text| !self.from.contains(text));
        let goes = goes.map(|text| line('-', text));
        let mut lines: Vec<SettingLine> = goes.chain(comes.map(|text| line('+', text))).collect();
        if lines.is_empty() {
            lines.push(line('~', "the document differs in what these lines do not show"));
        }
        lines
    }
}
