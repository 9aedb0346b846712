//! The declaration of a registry's settings that are there.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{ActualRegistry, RegistryPolicy, values};
use crate::repositories::Document;
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
        add("scanning", &values::scanning(scanning));
    }
    if let Some(signing) = registry.signing.as_deref().and_then(values::signing) {
        add("signing", &signing);
    }
    let templates = registry.templates.iter().flatten();
    let templates: Map<String, Value> = templates
        .map(|one| (one.prefix.to_string(), values::template(one)))
        .collect();
    if !templates.is_empty() {
        add("creation-templates", &Value::Object(templates));
    }
    let caches = registry.pull_through.iter().flatten();
    let caches: Map<String, Value> = caches
        .map(|one| (one.prefix.to_string(), values::cache(one)))
        .collect();
    if !caches.is_empty() {
        add("pull-through-cache", &Value::Object(caches));
    }
    let rules = registry.replication.as_deref();
    if let Some(rules) = rules.and_then(|rules| values::replication(rules, registry.account.as_ref())) {
        add("replication", &rules);
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
