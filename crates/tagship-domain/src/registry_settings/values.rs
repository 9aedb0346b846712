//! Settings of a registry as data, in the words of `tagship.yaml`.

use serde_json::{Value, json};

use super::{
    CreationScenario, CreationTemplate, PullThroughRule, RegistryScanning, ReplicationRule, SigningRule,
};
use crate::immutability::{Mutability, TagFilter};
use crate::reference::AccountId;
use crate::repositories::{Document, Encryption, EncryptionType};

/// Which images are scanned.
pub(super) fn scanning(scanning: &RegistryScanning) -> Value {
    let mut value = json!({"type": scanning.scan_type.as_str().to_ascii_lowercase()});
    for (key, set) in [
        ("on-push", &scanning.on_push),
        ("continuous", &scanning.continuous),
        ("manual", &scanning.manual),
    ] {
        if !set.is_empty() {
            value[key] = json!(set);
        }
    }
    value
}

/// Which images ECR signs; `None` where there are no rules.
pub(super) fn signing(rules: &[SigningRule]) -> Option<Value> {
    let rule = |rule: &SigningRule| {
        let mut value = json!({"profile": rule.profile()});
        if !rule.repositories().is_empty() {
            value["repositories"] = json!(rule.repositories());
        }
        value
    };
    (!rules.is_empty()).then(|| rules.iter().map(rule).collect())
}

/// Where images are copied to, with the `own` account left out; `None` where there are no rules.
pub(super) fn replication(rules: &[ReplicationRule], own: Option<&AccountId>) -> Option<Value> {
    let rule = |rule: &ReplicationRule| {
        let to = rule.destinations.iter().map(|one| match &one.account {
            Some(account) if Some(account) != own => format!("{account}/{}", one.region),
            _ => one.region.to_string(),
        });
        let mut value = json!({"to": to.collect::<Vec<String>>()});
        if !rule.prefixes.is_empty() {
            value["prefixes"] = json!(rule.prefixes);
        }
        if rule.deletes {
            value["delete"] = json!(true);
        }
        value
    };
    (!rules.is_empty()).then(|| rules.iter().map(rule).collect())
}

/// A rule of the pull-through cache.
pub(super) fn cache(rule: &PullThroughRule) -> Value {
    let mut value = json!({"upstream": rule.host});
    let prefix = rule.upstream_prefix.as_ref().filter(|prefix| *prefix != "ROOT");
    for (key, text) in [
        ("credential", &rule.credential),
        ("role", &rule.role),
        ("upstream-prefix", &prefix.cloned()),
    ] {
        if let Some(text) = text {
            value[key] = json!(text);
        }
    }
    value
}

/// A creation template.
pub(super) fn template(one: &CreationTemplate) -> Value {
    let reasons: Vec<&str> = one
        .applied_for
        .iter()
        .copied()
        .map(CreationScenario::as_str)
        .collect();
    let mut value = json!({"applied-for": reasons});
    if let Some(text) = &one.description {
        value["description"] = json!(text);
    }
    if let Some(role) = &one.role {
        value["role"] = json!(role);
    }
    let settings = &one.settings;
    if let Some(mutability) = &settings.mutability {
        let (word, filters) = match mutability {
            Mutability::Mutable => ("mutable", &[][..]),
            Mutability::Immutable => ("immutable", &[][..]),
            Mutability::ImmutableWithExclusion(filters) => ("immutable", filters.as_slice()),
            Mutability::MutableWithExclusion(filters) => ("mutable", filters.as_slice()),
        };
        value["mutability"] = json!(word);
        if !filters.is_empty() {
            let filters: Vec<&str> = filters.iter().map(TagFilter::as_str).collect();
            value["exclusion-filters"] = json!(filters);
        }
    }
    match &settings.encryption {
        None
        | Some(Encryption {
            kind: EncryptionType::Aes256,
            ..
        }) => {}
        Some(Encryption { kind, key: None }) => value["encryption"] = json!(kind.as_str()),
        Some(Encryption { kind, key: Some(key) }) => {
            value["encryption"] = json!({"type": kind.as_str(), "key": key});
        }
    }
    if !settings.tags.is_empty() {
        value["tags"] = json!(settings.tags.pairs());
    }
    if let Some(Document::Says(policy)) = &settings.policy {
        value["policy"] = policy.document().clone();
    }
    if let Some(Document::Says(policy)) = &settings.lifecycle {
        value["lifecycle"] = policy.document().clone();
    }
    value
}
