//! One statement of a repository policy.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::RegistryKind;
use super::policy_problem::{PolicyKind, PolicyProblem};
use crate::untrusted::{cleaned, is_hidden};

/// The elements whose values are a text or a list of texts, in any order.
const LISTS: [&str; 4] = ["Action", "NotAction", "Resource", "NotResource"];
const PRINCIPALS: [&str; 2] = ["Principal", "NotPrincipal"];

/// Returns everything that is wrong with a statement.
pub(super) fn problems(statement: &Value, kind: PolicyKind) -> Vec<PolicyProblem> {
    let Some(fields) = statement.as_object() else {
        return vec![PolicyProblem::Statement];
    };
    let mut problems = Vec::new();
    let known = ["Sid", "Effect", "Condition"];
    for name in fields.keys().map(String::as_str) {
        if !known.contains(&name) && !LISTS.contains(&name) && !PRINCIPALS.contains(&name) {
            problems.push(PolicyProblem::Unknown(name.to_owned()));
        }
    }
    if !matches!(
        fields.get("Effect").and_then(Value::as_str),
        Some("Allow" | "Deny")
    ) {
        problems.push(PolicyProblem::Effect);
    }
    if fields.get("Sid").is_some_and(|sid| !sid.is_string()) {
        problems.push(PolicyProblem::Sid);
    }
    let count = |names: &[&str]| names.iter().filter(|name| fields.contains_key(**name)).count();
    if count(&PRINCIPALS) != 1 {
        problems.push(PolicyProblem::Principal);
    }
    let is_principal = |name: &&str| fields.get(*name).is_none_or(is_principal);
    if !PRINCIPALS.iter().all(is_principal) {
        problems.push(PolicyProblem::PrincipalForm);
    }
    if count(&["Action", "NotAction"]) != 1 {
        problems.push(PolicyProblem::Action);
    }
    if kind == PolicyKind::Registry && count(&["Resource", "NotResource"]) != 1 {
        problems.push(PolicyProblem::NoResource);
    }
    for name in LISTS {
        let Some(value) = fields.get(name) else { continue };
        match texts(value) {
            _ if name.ends_with("Resource") && kind == PolicyKind::Repository => {
                problems.push(PolicyProblem::Resource(name));
            }
            Some(_) if name.ends_with("Resource") => {}
            None => problems.push(PolicyProblem::Texts(name)),
            Some(actions) => {
                let foreign = actions.into_iter().filter(|action| !is_action(action, kind));
                problems.extend(foreign.map(|action| PolicyProblem::ForeignAction(action.to_owned())));
            }
        }
    }
    if fields
        .get("Condition")
        .is_some_and(|condition| !is_condition(condition))
    {
        problems.push(PolicyProblem::Condition);
    }
    problems
}

/// A repository may be a public one, which has no registry's policy.
fn is_action(action: &str, kind: PolicyKind) -> bool {
    let is_public = kind == PolicyKind::Repository && is_of_service(action, "ecr-public:");
    action == "*" || is_of_service(action, "ecr:") || is_public
}

fn is_of_service(action: &str, service: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.strip_prefix(service).is_some_and(|name| !name.is_empty())
}

/// Whether the actions of a statement are those of registries of this kind.
pub(super) fn is_of(statement: &Value, kind: RegistryKind) -> bool {
    let service = match kind {
        RegistryKind::Private => "ecr:",
        RegistryKind::Public => "ecr-public:",
    };
    let actions = ["Action", "NotAction"].map(|name| statement.get(name).and_then(texts).unwrap_or_default());
    let mut actions = actions.into_iter().flatten();
    actions.all(|action| action == "*" || is_of_service(action, service))
}

/// A text or a list of texts.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(items) if !items.is_empty() => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn is_principal(value: &Value) -> bool {
    let kinds = ["AWS", "Service", "Federated", "CanonicalUser"];
    match value {
        Value::String(text) => text == "*",
        Value::Object(names) => {
            !names.is_empty()
                && names
                    .iter()
                    .all(|(kind, names)| kinds.contains(&kind.as_str()) && texts(names).is_some())
        }
        _ => false,
    }
}

fn is_condition(value: &Value) -> bool {
    let is_single = |value: &Value| matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_));
    let is_value = |value: &Value| match value {
        Value::Array(items) => items.iter().all(is_single),
        value => is_single(value),
    };
    let of_keys = |keys: &Value| keys.as_object().is_some_and(|keys| keys.values().all(is_value));
    value
        .as_object()
        .is_some_and(|operators| operators.values().all(of_keys))
}

/// Returns what two statements that say the same have in common: the sorted values of each element, accounts by their number.
pub(super) fn comparable(statement: &Value) -> Value {
    let Some(fields) = statement.as_object() else {
        return statement.clone();
    };
    let of_principals = |value: &Value| match value {
        Value::Object(kinds) => Value::Object(
            kinds
                .iter()
                .map(|(kind, names)| (kind.clone(), sorted(names, principal)))
                .collect(),
        ),
        // Source: IAM user guide, "AWS JSON policy elements: Principal": both are everyone.
        value if value == "*" => serde_json::json!({"AWS": ["*"]}),
        value => value.clone(),
    };
    let of_condition = |value: &Value| nested(value, 2);
    let pairs = fields.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Principal" | "NotPrincipal" => of_principals(value),
            "Condition" => of_condition(value),
            name if LISTS.contains(&name) => sorted(value, str::to_owned),
            _ => value.clone(),
        };
        (name.clone(), value)
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn nested(value: &Value, depth: u8) -> Value {
    match value {
        Value::Object(fields) if depth > 0 => {
            let pairs = fields.iter();
            Value::Object(
                pairs
                    .map(|(name, value)| (name.clone(), nested(value, depth - 1)))
                    .collect(),
            )
        }
        value => sorted(value, str::to_owned),
    }
}

/// A list of texts in order, each once.
fn sorted(value: &Value, word: impl Fn(&str) -> String) -> Value {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        value => std::slice::from_ref(value),
    };
    let mut texts: Vec<String> = items
        .iter()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), &word))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    Value::from(texts)
}

/// An account is named by its number or by its root. Source: IAM user guide, "AWS account principals".
fn principal(text: &str) -> String {
    let account = text
        .strip_suffix(":root")
        .and_then(|arn| arn.rsplit_once(":iam::"))
        .map(|(_, account)| account);
    account.unwrap_or(text).to_owned()
}

/// Returns a statement as one line for people: `allow 111122223333: ecr:BatchGetImage, …`.
pub(super) fn line(statement: &Value) -> String {
    let statement = comparable(statement);
    let effect = statement["Effect"].as_str().unwrap_or("?").to_ascii_lowercase();
    let mut who = Vec::new();
    for (name, not) in [("Principal", ""), ("NotPrincipal", "all but ")] {
        for names in statement[name].as_object().into_iter().flat_map(Map::values) {
            who.push(format!("{not}{}", listed(names)));
        }
    }
    let mut text = format!("{effect} {}: ", who.join(", "));
    for (name, not) in [("Action", ""), ("NotAction", "all but ")] {
        if let Some(actions) = statement.get(name) {
            text.push_str(not);
            text.push_str(&listed(actions));
        }
    }
    for (name, not) in [("Resource", ""), ("NotResource", "all but ")] {
        if let Some(resources) = statement.get(name) {
            text.push_str(&format!(" on {not}{}", listed(resources)));
        }
    }
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            text.push_str(&format!(" if {key} {operator} {}", listed(values)));
        }
    }
    cleaned(&text)
}

fn listed(values: &Value) -> String {
    let texts = values.as_array().into_iter().flatten();
    let shown = texts.filter_map(Value::as_str).map(exact);
    shown.collect::<Vec<_>>().join(", ")
}

/// A value so that two that differ look different: in quotes where blanks or hidden characters would not be seen.
fn exact(text: &str) -> Cow<'_, str> {
    if !text.is_empty() && cleaned(text) == text && !text.contains([' ', ',', '"']) {
        return text.into();
    }
    let escaped: String = text
        .chars()
        .flat_map(|character| -> Box<dyn Iterator<Item = char>> {
            if is_hidden(character) {
                Box::new(character.escape_unicode())
            } else {
                Box::new(character.escape_debug())
            }
        })
        .collect();
    format!("\"{}\"", escaped.replace("  ", " \\u{20}")).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_that_differ_look_different() {
        let shown = |value: &str| {
            line(&json!({
                "Effect": "Allow",
                "Principal": "*",
                "Action": "ecr:BatchGetImage",
                "Condition": {"StringEquals": {"aws:PrincipalOrgID": value}},
            }))
        };
        let plain = "allow *: ecr:BatchGetImage if aws:PrincipalOrgID StringEquals";
        for (value, expected) in [
            ("o-a1b2c3d4e5", "o-a1b2c3d4e5"),
            ("o-a1b2c3d4e5 ", r#""o-a1b2c3d4e5 ""#),
            (" o-a1b2c3d4e5", r#"" o-a1b2c3d4e5""#),
            ("a  b", r#""a \u{20}b""#),
            ("x\u{202e}y", r#""x\u{202e}y""#),
            ("x\u{200b}y", r#""x\u{200b}y""#),
            ("a,b", r#""a,b""#),
            ("", r#""""#),
        ] {
            assert_eq!(shown(value), format!("{plain} {expected}"));
        }
    }
}
