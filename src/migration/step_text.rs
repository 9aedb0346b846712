//! The step of Tagship as YAML.

use std::fmt::Write as _;

use super::job::Step;
use super::replacement::Replacement;
use crate::config::yaml::Value;

impl Replacement {
    /// Returns the text of the step, and what its inputs refer to.
    pub(super) fn text(&self, build: &Step, id: &str) -> String {
        let indent = " ".repeat(build.indent);
        let mut text = String::new();
        let name = build.text("name").map(|name| ("name", name));
        let head = name
            .into_iter()
            .chain([("id", id), ("uses", "tagship/tagship@v1")])
            .chain(
                ["if", "continue-on-error", "timeout-minutes"]
                    .into_iter()
                    .filter_map(|key| Some((key, build.text(key)?))),
            );
        for (number, (key, value)) in head.enumerate() {
            let dash = if number == 0 { "- " } else { "  " };
            write!(text, "{indent}{dash}{}", pair(build.indent + 2, key, value)).ok();
        }
        let mut variables = self.variables.clone();
        if let Some((_, node)) = build.keys.iter().find(|(key, _)| key.text == "env")
            && let Value::Mapping(pairs) = &node.value
        {
            variables.extend(pairs.iter().filter_map(|(key, node)| match &node.value {
                Value::Text(text) => Some((key.text.clone(), text.clone())),
                _ => None,
            }));
        }
        for (key, pairs) in [("env", &variables), ("with", &self.inputs)] {
            if !pairs.is_empty() {
                writeln!(text, "{indent}  {key}:").ok();
            }
            for (name, value) in pairs {
                write!(text, "{indent}    {}", pair(build.indent + 4, name, value)).ok();
            }
        }
        text
    }
}

/// One pair of a mapping in YAML; a text of several lines as a block.
fn pair(indent: usize, key: &str, value: &str) -> String {
    let value = value.trim_end();
    if value.contains('\n') {
        let inner = " ".repeat(indent + 2);
        let lines: String = value
            .lines()
            .map(|line| {
                if line.trim().is_empty() {
                    "\n".to_owned()
                } else {
                    format!("{inner}{line}\n")
                }
            })
            .collect();
        return format!("{key}: |\n{lines}");
    }
    let is_plain = !value.is_empty()
        && !value.starts_with(|c: char| " !&*-?|>@`\"'%#,[]{}:=~".contains(c))
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.ends_with(':')
        && !value.chars().any(char::is_control)
        || value.starts_with("${{") && !value.contains(": ") && !value.contains(" #");
    let is_text = is_plain && !(value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()));
    if is_text {
        format!("{key}: {value}\n")
    } else {
        // A text is always JSON, and JSON's texts are YAML's.
        format!("{key}: {}\n", serde_json::to_string(value).unwrap_or_default())
    }
}
