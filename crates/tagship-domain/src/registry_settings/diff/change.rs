//! One setting of a registry that differs, in words and as it is put.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::registry_settings::{
    AccountSetting, CreationTemplate, PullThroughRule, PullTimeExclusion, RegistryPolicy, RegistryScanning,
    ReplicationRule, SigningRule, TemplatePrefix, values,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryChange {
    /// The setting.
    pub setting: RegistrySetting,
    /// Which one of several: a prefix, or the name of an account setting.
    pub name: Option<String>,
    /// What it says until now, for people; nothing where it is missing.
    pub from: Vec<String>,
    /// What it says from then on, for people; nothing where it is to go.
    pub to: Vec<String>,
    /// What it is until now, in the words of `tagship.yaml`; `None` where it is missing.
    pub before: Option<Value>,
    /// What is put.
    pub put: RegistryPut,
}

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It comes.
    Add,
    /// It becomes another.
    Change,
    /// It goes.
    Remove,
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

impl RegistryPut {
    /// Returns what the setting is from then on, in the words of `tagship.yaml`; `None` where it goes.
    pub fn value(&self) -> Option<Value> {
        match self {
            Self::AccountSetting(_, value) => Some(Value::from(value.as_str())),
            Self::Policy(policy) => policy.as_ref().map(|policy| policy.document().clone()),
            Self::Scanning(scanning) => Some(values::scanning(scanning)),
            Self::Signing(rules) => values::signing(rules),
            Self::NewTemplate(template) | Self::Template(template) => Some(values::template(template)),
            Self::NewCache(rule) | Self::Cache(rule) => Some(values::cache(rule)),
            Self::Replication(rules) => values::replication(rules, None),
            Self::Exclude(principal) => Some(Value::from(principal.as_str())),
            Self::NoTemplate(_) | Self::NoCache(_) | Self::Include(_) => None,
        }
    }
}

/// With `from` and `to` as data.
impl Serialize for RegistryChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("setting", &self.setting)?;
        if let Some(name) = &self.name {
            map.serialize_entry("name", name)?;
        }
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("from", &self.before)?;
        map.serialize_entry("to", &self.put.value())?;
        map.end()
    }
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
    /// Returns what becomes of the setting.
    pub fn kind(&self) -> ChangeKind {
        match (&self.before, self.put.value()) {
            (None, _) => ChangeKind::Add,
            (Some(_), Some(_)) => ChangeKind::Change,
            (Some(_), None) => ChangeKind::Remove,
        }
    }

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
