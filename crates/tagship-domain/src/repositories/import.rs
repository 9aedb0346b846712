//! The declaration of repositories that are there.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    ActualRepository, Document, EncryptionType, LifecycleDocument, RegistryKind, RepositoryPolicy,
    ResourceTags,
};
use crate::immutability::{Mutability, TagFilter};
use crate::untrusted::{cleaned, with_hidden_escaped};

/// The most keys that a mapping of `tagship.yaml` has; more repositories are a list.
const MOST_KEYS: usize = 100;

/// Returns the part of `tagship.yaml` that declares these repositories as they are. Ends with a line break.
///
/// What `tagship.yaml` cannot say is a comment.
pub fn declaration_of(repositories: &[ActualRepository], kind: RegistryKind) -> String {
    let mut text = "repositories:".to_owned();
    if repositories.is_empty() {
        text.push_str(" []");
    }
    text.push('\n');
    for one in repositories {
        let _ = if repositories.len() > MOST_KEYS {
            writeln!(text, "  - name: {}", one.name)
        } else {
            writeln!(text, "  {}:", one.name)
        };
        let begin = text.len();
        if kind == RegistryKind::Private {
            add_own_settings(&mut text, one);
        }
        add_documents(&mut text, one);
        // A repository that has nothing is declared too.
        if text.len() == begin && repositories.len() <= MOST_KEYS {
            text.truncate(begin - 1);
            text.push_str(" {}\n");
        }
    }
    with_hidden_escaped(&text)
}

fn add_own_settings(text: &mut String, one: &ActualRepository) {
    let (word, filters) = match &one.mutability {
        Mutability::Mutable => ("mutable", &[][..]),
        Mutability::Immutable => ("immutable", &[][..]),
        Mutability::ImmutableWithExclusion(filters) => ("immutable", filters.as_slice()),
        Mutability::MutableWithExclusion(filters) => ("mutable", filters.as_slice()),
    };
    let _ = writeln!(text, "    mutability: {word}");
    if !filters.is_empty() {
        let filters: Vec<String> = filters.iter().map(TagFilter::as_str).map(quoted).collect();
        let _ = writeln!(text, "    exclusion-filters: [{}]", filters.join(", "));
    }
    match (&one.encryption.kind, &one.encryption.key) {
        (EncryptionType::Aes256, _) => {}
        (kind, None) => {
            let _ = writeln!(text, "    encryption: {}", kind.as_str());
        }
        (kind, Some(key)) => {
            let kind = kind.as_str();
            let _ = writeln!(text, "    encryption: {{type: {kind}, key: {}}}", quoted(key));
        }
    }
    let _ = writeln!(text, "    scan-on-push: {}", one.scan_on_push);
}

fn add_documents(text: &mut String, one: &ActualRepository) {
    if let Some(Document::Says(catalog)) = &one.catalog {
        let catalog = serde_json::to_value(catalog).unwrap_or_default();
        add_document(text, "catalog", &catalog);
    }
    let tags = one.tags.iter().flat_map(ResourceTags::pairs);
    let tags: Vec<_> = tags.filter(|(key, _)| !key.starts_with("aws:")).collect();
    if !tags.is_empty() {
        text.push_str("    tags:\n");
    }
    for (key, value) in tags {
        let _ = writeln!(text, "      {}: {}", quoted(key), quoted(value));
    }
    if let Some(Document::Says(policy)) = &one.policy {
        match RepositoryPolicy::parse(policy) {
            Ok(policy) => add_document(text, "policy", policy.document()),
            Err(error) => add_comment(text, "policy", &error.to_string()),
        }
    }
    if let Some(Document::Says(policy)) = &one.lifecycle {
        match LifecycleDocument::parse(policy) {
            Ok(policy) => add_document(text, "lifecycle", policy.document()),
            Err(error) => add_comment(text, "lifecycle", &error.to_string()),
        }
    }
}

/// JSON is YAML, as long as it stands deeper than its key.
fn add_document(text: &mut String, key: &str, document: &Value) {
    let json = serde_json::to_string_pretty(document).unwrap_or_default();
    let json = json.replace('\n', "\n      ");
    let _ = writeln!(text, "    {key}:\n      {json}");
}

fn add_comment(text: &mut String, key: &str, problem: &str) {
    let _ = writeln!(text, "    # its {key} is left out: {}", cleaned(problem));
}

/// A text in double quotes, as JSON and YAML have it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
