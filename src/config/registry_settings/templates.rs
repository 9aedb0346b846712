//! Templates of repositories that ECR makes by itself, in `tagship.yaml`.

use std::collections::BTreeSet;

use crate::config::repositories::reading::{Reading, suggestion};
use crate::config::repositories::{ConfigSettings, settings};
use crate::config::yaml::{Node, Value};
use tagship_domain::registry_settings::{CreationScenario, CreationTemplate, TemplatePrefix};
use tagship_domain::repositories::DeclaredSettings;
use tagship_domain::untrusted::cleaned;

/// The most characters of a description. Source: ECR API reference, `CreateRepositoryCreationTemplate`, `description`.
const MAX_DESCRIPTION: usize = 256;
/// Settings of repositories that a template does not have.
const FOREIGN: [&str; 4] = ["scan-on-push", "catalog", "protect", "prune"];

/// Reads the templates, a mapping from prefixes.
pub(super) fn read(node: &Node, reading: &mut Reading<'_>) -> Vec<(CreationTemplate, ConfigSettings)> {
    let mut templates: Vec<(CreationTemplate, ConfigSettings)> = Vec::new();
    for (key, value) in reading.pairs(node, "prefixes and their templates") {
        let prefix = match TemplatePrefix::parse(&key.text) {
            Ok(prefix) => prefix,
            Err(error) => {
                reading.problem(key.position, error.to_string());
                continue;
            }
        };
        if templates.iter().any(|(known, _)| known.prefix == prefix) {
            reading.problem(key.position, format!("`{prefix}` is given twice"));
        }
        templates.push(template(prefix, value, reading));
    }
    templates
}

fn template(
    prefix: TemplatePrefix,
    node: &Node,
    reading: &mut Reading<'_>,
) -> (CreationTemplate, ConfigSettings) {
    let mut read = CreationTemplate {
        prefix,
        applied_for: BTreeSet::new(),
        description: None,
        role: None,
        settings: DeclaredSettings::default(),
    };
    let mut has_reasons = false;
    // What is left is what a repository has too.
    let mut left = Vec::new();
    for (key, value) in reading.pairs(node, "what a template says") {
        match key.text.as_str() {
            "applied-for" => {
                has_reasons = true;
                read.applied_for = scenarios(value, reading);
            }
            "description" => {
                read.description = reading.text("description", value).map(str::to_owned);
                let length = read.description.as_ref().map_or(0, |text| text.chars().count());
                if length > MAX_DESCRIPTION {
                    let message = format!("a description has at most {MAX_DESCRIPTION} characters");
                    reading.problem(value.position, message);
                }
            }
            "role" => read.role = reading.text("role", value).map(str::to_owned),
            name if FOREIGN.contains(&name) => {
                reading.problem(key.position, format!("a creation template takes no `{name}`"));
            }
            _ => left.push((key.clone(), value.clone())),
        }
    }
    if !has_reasons && reading.is_new(node.position) {
        let hint = format!(
            "give `applied-for: [{}]`",
            CreationScenario::ALL.map(CreationScenario::as_str).join(", ")
        );
        reading.hinted(
            node.position,
            "a creation template has no `applied-for`",
            Some(hint),
        );
    }
    let rest = Node {
        position: node.position,
        value: Value::Mapping(left),
    };
    (read, settings(&rest, false, reading))
}

fn scenarios(node: &Node, reading: &mut Reading<'_>) -> BTreeSet<CreationScenario> {
    let mut found = BTreeSet::new();
    for (text, position) in reading.texts("applied-for", node) {
        if let Some(scenario) = CreationScenario::parse(text) {
            found.insert(scenario);
        } else {
            let message = format!(
                "`{}` is no reason for which ECR makes repositories",
                cleaned(text)
            );
            let known = CreationScenario::ALL.map(CreationScenario::as_str);
            reading.hinted(position, message, suggestion(text, &known));
        }
    }
    found
}
