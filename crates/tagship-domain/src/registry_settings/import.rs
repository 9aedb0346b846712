//! The declaration of a registry's settings that are there.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{ActualRegistry, CreationScenario, CreationTemplate, PullThroughRule, RegistryPolicy};
use crate::immutability::{Mutability, TagFilter};
use crate::repositories::{Document, Encryption, EncryptionType};
use crate::untrusted::{cleaned, with_hidden_escaped};

/// Returns the part of `tagship.yaml` that declares these settings as they are. Ends with a line break.
///
/// Values are JSON, which YAML takes too. What `tagship.yaml` cannot say is a comment.
pub fn settings_declaration_of(registry: &ActualRegistry) -> String {
    let mut text = "registry-settings:\n".to_owned();
    let mut add = |key: &str, value: &Value| {
        let _ = writeln!(text, "  {key}: {value}");
    };
    let account: Map<String, Value> = registry
        .account_settings
        .iter()
        .map(|(setting, value)| (setting.as_str().to_owned(), Value::from(value.as_str())))
        .collect();
    if !account.is_empty() {
        add("account-settings", &Value::Object(account));
    }
    if let Some(scanning) = &registry.scanning {
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
        add("scanning", &value);
    }
    let signing = registry.signing.iter().flatten();
    let signing: Vec<Value> = signing
        .map(|rule| {
            let mut value = json!({"profile": rule.profile()});
            if !rule.repositories().is_empty() {
                value["repositories"] = json!(rule.repositories());
            }
            value
        })
        .collect();
    if !signing.is_empty() {
        add("signing", &Value::from(signing));
    }
    let templates = registry.templates.iter().flatten();
    let templates: Map<String, Value> = templates
        .map(|one| (one.prefix.to_string(), template(one)))
        .collect();
    if !templates.is_empty() {
        add("creation-templates", &Value::Object(templates));
    }
    let caches = registry.pull_through.iter().flatten();
    let caches: Map<String, Value> = caches.map(|one| (one.prefix.to_string(), cache(one))).collect();
    if !caches.is_empty() {
        add("pull-through-cache", &Value::Object(caches));
    }
    let rules = registry.replication.iter().flatten();
    let rules: Vec<Value> = rules
        .map(|rule| {
            let to: Vec<String> = rule
                .destinations
                .iter()
                .map(|one| match &one.account {
                    Some(account) if Some(account) != registry.account.as_ref() => {
                        format!("{account}/{}", one.region)
                    }
                    _ => one.region.to_string(),
                })
                .collect();
            let mut value = json!({"to": to});
            if !rule.prefixes.is_empty() {
                value["prefixes"] = json!(rule.prefixes);
            }
            if rule.deletes {
                value["delete"] = json!(true);
            }
            value
        })
        .collect();
    if !rules.is_empty() {
        add("replication", &Value::from(rules));
    }
    let exclusions = registry.exclusions.iter().flatten();
    let exclusions: Vec<&str> = exclusions.map(super::PullTimeExclusion::as_str).collect();
    if !exclusions.is_empty() {
        add("pull-time-exclusions", &json!(exclusions));
    }
    if let Some(Document::Says(policy)) = &registry.policy {
        match RegistryPolicy::parse(policy) {
            Ok(policy) => add("policy", policy.document()),
            Err(error) => {
                let _ = writeln!(
                    text,
                    "  # its policy is left out: {}",
                    cleaned(&error.to_string())
                );
            }
        }
    }
    with_hidden_escaped(&text)
}

fn cache(rule: &PullThroughRule) -> Value {
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

fn template(one: &CreationTemplate) -> Value {
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
