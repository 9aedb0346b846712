//! What would have to change for a registry's settings to be as declared.

mod change;
mod obstacle;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

pub use change::{ChangeKind, RegistryChange, RegistryPut, RegistrySetting, SettingLine};
pub use obstacle::RegistryObstacle;

use super::{
    ActualRegistry, CreationTemplate, DeclaredRegistry, PullThroughRule, RegistryPolicy, ReplicationRule,
    TemplatePrefix, values,
};
use crate::repositories::{Document, PlanAction, policy_lines};
use crate::untrusted::cleaned;

/// What there is to do with a registry's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RegistrySettingsPlan {
    /// What is done.
    pub action: PlanAction,
    /// What differs, in the order in which it is put.
    pub changes: Vec<RegistryChange>,
    /// Why the settings cannot become what is declared.
    pub obstacles: Vec<RegistryObstacle>,
}

impl RegistrySettingsPlan {
    /// Compares what is declared with what is there, of which all that is declared has been read.
    pub fn new(declared: &DeclaredRegistry, actual: &ActualRegistry) -> Self {
        let mut obstacles = Vec::new();
        let mut changes = Vec::new();
        account_settings(declared, actual, &mut changes);
        changes.extend(policy(declared, actual));
        changes.extend(scanning(declared, actual));
        changes.extend(signing(declared, actual));
        templates(declared, actual, &mut changes);
        pull_through(declared, actual, &mut changes, &mut obstacles);
        changes.extend(replication(declared, actual, &mut obstacles));
        exclusions(declared, actual, &mut changes);
        let action = match (changes.is_empty(), obstacles.is_empty()) {
            (_, false) => PlanAction::Refuse,
            (false, true) => PlanAction::Change,
            (true, true) => PlanAction::Keep,
        };
        Self {
            action,
            changes,
            obstacles,
        }
    }

    /// Whether all is as declared.
    pub fn is_fulfilled(&self) -> bool {
        self.action == PlanAction::Keep
    }
}

fn account_settings(declared: &DeclaredRegistry, actual: &ActualRegistry, changes: &mut Vec<RegistryChange>) {
    for (setting, value) in &declared.account_settings {
        let from = actual.account_settings.get(setting);
        if from != Some(value) {
            changes.push(RegistryChange {
                setting: RegistrySetting::AccountSettings,
                name: Some(setting.as_str().to_owned()),
                from: from.into_iter().cloned().collect(),
                to: vec![value.clone()],
                before: from.cloned().map(Value::from),
                put: RegistryPut::AccountSetting(*setting, value.clone()),
            });
        }
    }
}

fn policy(declared: &DeclaredRegistry, actual: &ActualRegistry) -> Option<RegistryChange> {
    let found = actual.policy.as_ref()?;
    let wanted = match &declared.policy {
        Some(Document::Says(policy)) => policy.at(actual.account.as_ref(), &actual.region),
        Some(Document::Absent) => None,
        None if declared.prune => None,
        None => return None,
    };
    let is_met = match (&wanted, found) {
        (None, Document::Absent) => true,
        (Some(wanted), Document::Says(found)) => wanted.says_as(found),
        _ => false,
    };
    let lines = |policy: &RegistryPolicy| policy_lines(policy.document());
    (!is_met).then(|| RegistryChange {
        setting: RegistrySetting::Policy,
        name: None,
        from: found
            .says()
            .map_or_else(Vec::new, |text| match serde_json::from_str(text) {
                Ok(document) => policy_lines(&document),
                Err(_) => vec![cleaned(text)],
            }),
        to: wanted.as_ref().map_or_else(Vec::new, lines),
        before: found
            .says()
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))),
        put: RegistryPut::Policy(wanted),
    })
}

fn scanning(declared: &DeclaredRegistry, actual: &ActualRegistry) -> Option<RegistryChange> {
    let (wanted, found) = (declared.scanning.as_ref()?, actual.scanning.as_ref()?);
    (wanted != found).then(|| RegistryChange {
        setting: RegistrySetting::Scanning,
        name: None,
        from: found.lines(),
        to: wanted.lines(),
        before: Some(values::scanning(found)),
        put: RegistryPut::Scanning(wanted.clone()),
    })
}

fn signing(declared: &DeclaredRegistry, actual: &ActualRegistry) -> Option<RegistryChange> {
    let found = actual.signing.as_ref()?;
    let wanted = declared
        .signing
        .clone()
        .or_else(|| declared.prune.then(Vec::new))?;
    let lines = |rules: &[super::SigningRule]| -> BTreeSet<String> {
        rules.iter().map(super::SigningRule::line).collect()
    };
    let (from, to) = (lines(found), lines(&wanted));
    (from != to).then(|| RegistryChange {
        setting: RegistrySetting::Signing,
        name: None,
        from: from.into_iter().collect(),
        to: to.into_iter().collect(),
        before: values::signing(found),
        put: RegistryPut::Signing(wanted),
    })
}

fn templates(declared: &DeclaredRegistry, actual: &ActualRegistry, changes: &mut Vec<RegistryChange>) {
    let Some(found) = &actual.templates else { return };
    let known = |prefix: &TemplatePrefix| found.iter().find(|one| one.prefix == *prefix);
    for wanted in &declared.templates {
        let actual = known(&wanted.prefix);
        let from = actual.map_or_else(Vec::new, |actual| actual.lines(wanted));
        let to = wanted.lines(wanted);
        if same(&from, &to) {
            continue;
        }
        changes.push(RegistryChange {
            setting: RegistrySetting::CreationTemplates,
            name: Some(wanted.prefix.to_string()),
            from,
            to,
            before: actual.map(values::template),
            put: match actual {
                None => RegistryPut::NewTemplate(Box::new(wanted.clone())),
                Some(_) => RegistryPut::Template(Box::new(wanted.clone())),
            },
        });
    }
    let is_declared =
        |one: &&CreationTemplate| declared.templates.iter().any(|known| known.prefix == one.prefix);
    for left in found.iter().filter(|one| declared.prune && !is_declared(one)) {
        changes.push(RegistryChange {
            setting: RegistrySetting::CreationTemplates,
            name: Some(left.prefix.to_string()),
            from: left.lines(left),
            to: Vec::new(),
            before: Some(values::template(left)),
            put: RegistryPut::NoTemplate(left.prefix.clone()),
        });
    }
}

fn pull_through(
    declared: &DeclaredRegistry,
    actual: &ActualRegistry,
    changes: &mut Vec<RegistryChange>,
    obstacles: &mut Vec<RegistryObstacle>,
) {
    let Some(found) = &actual.pull_through else { return };
    for wanted in &declared.pull_through {
        if wanted.role.is_none()
            && let Some((upstream, own)) = wanted.upstream_account().zip(actual.account.clone())
            && upstream != own
        {
            obstacles.push(RegistryObstacle::UpstreamNeedsRole {
                prefix: wanted.prefix.to_string(),
                from: wanted.source(),
            });
            continue;
        }
        let (credential, role) = (wanted.credential.is_some(), wanted.role.is_some());
        let actual = found.iter().find(|one| one.prefix == wanted.prefix);
        if let Some(actual) = actual
            && actual.source() != wanted.source()
        {
            obstacles.push(RegistryObstacle::UpstreamStays {
                prefix: wanted.prefix.to_string(),
                from: actual.source(),
                to: wanted.source(),
            });
            continue;
        }
        let from = actual.map_or_else(Vec::new, |actual| actual.lines(credential, role));
        let to = wanted.lines(credential, role);
        if from != to {
            changes.push(RegistryChange {
                setting: RegistrySetting::PullThroughCache,
                name: Some(wanted.prefix.to_string()),
                from,
                to,
                before: actual.map(values::cache),
                put: match actual {
                    None => RegistryPut::NewCache(wanted.clone()),
                    Some(_) => RegistryPut::Cache(wanted.clone()),
                },
            });
        }
    }
    let is_declared = |one: &&PullThroughRule| {
        declared
            .pull_through
            .iter()
            .any(|known| known.prefix == one.prefix)
    };
    for left in found.iter().filter(|one| declared.prune && !is_declared(one)) {
        changes.push(RegistryChange {
            setting: RegistrySetting::PullThroughCache,
            name: Some(left.prefix.to_string()),
            from: left.lines(true, true),
            to: Vec::new(),
            before: Some(values::cache(left)),
            put: RegistryPut::NoCache(left.prefix.clone()),
        });
    }
}

fn replication(
    declared: &DeclaredRegistry,
    actual: &ActualRegistry,
    obstacles: &mut Vec<RegistryObstacle>,
) -> Option<RegistryChange> {
    let found = actual.replication.as_ref()?;
    let wanted = declared
        .replication
        .clone()
        .or_else(|| declared.prune.then(Vec::new))?;
    let account = actual.account.as_ref();
    let wanted: Vec<ReplicationRule> = wanted.iter().map(|rule| rule.at(account)).collect();
    let mut destinations = wanted.iter().flat_map(|rule| &rule.destinations);
    if destinations.any(|one| one.account.as_ref() == account && one.region == actual.region) {
        obstacles.push(RegistryObstacle::ReplicatesToItself);
        return None;
    }
    let lines =
        |rules: &[ReplicationRule]| -> BTreeSet<String> { rules.iter().map(ReplicationRule::line).collect() };
    let (from, to) = (lines(found), lines(&wanted));
    (from != to).then(|| RegistryChange {
        setting: RegistrySetting::Replication,
        name: None,
        from: from.into_iter().collect(),
        to: to.into_iter().collect(),
        before: values::replication(found, None),
        put: RegistryPut::Replication(wanted),
    })
}

fn exclusions(declared: &DeclaredRegistry, actual: &ActualRegistry, changes: &mut Vec<RegistryChange>) {
    let Some(found) = &actual.exclusions else { return };
    for new in declared.exclusions.difference(found) {
        changes.push(RegistryChange {
            setting: RegistrySetting::PullTimeExclusions,
            name: None,
            from: Vec::new(),
            to: vec![new.as_str().to_owned()],
            before: None,
            put: RegistryPut::Exclude(new.clone()),
        });
    }
    for left in found.difference(&declared.exclusions).filter(|_| declared.prune) {
        changes.push(RegistryChange {
            setting: RegistrySetting::PullTimeExclusions,
            name: None,
            from: vec![left.as_str().to_owned()],
            to: Vec::new(),
            before: Some(Value::from(left.as_str())),
            put: RegistryPut::Include(left.clone()),
        });
    }
}

/// The order of lines says nothing.
fn same(one: &[String], other: &[String]) -> bool {
    let sorted = |lines: &[String]| -> BTreeSet<String> { lines.iter().cloned().collect() };
    sorted(one) == sorted(other)
}
