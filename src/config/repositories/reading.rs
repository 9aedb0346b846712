//! Reads nodes, and keeps what is wrong with them.

use std::collections::BTreeSet;

use crate::config::ConfigProblem;
use crate::config::yaml::{Key, Node, Position, Value};
use tagship_domain::untrusted::cleaned;

/// Reads nodes, and keeps what is wrong with them.
pub(in crate::config) struct Reading<'a> {
    problems: &'a mut Vec<ConfigProblem>,
}

impl<'a> Reading<'a> {
    pub(in crate::config) fn new(problems: &'a mut Vec<ConfigProblem>) -> Self {
        Self { problems }
    }

    pub(in crate::config) fn problem(&mut self, position: Position, message: impl Into<String>) {
        self.hinted(position, message, None);
    }

    pub(in crate::config) fn hinted(
        &mut self,
        position: Position,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.problems.push(ConfigProblem {
            hint,
            ..position.problem(message)
        });
    }

    /// Whether nothing was said of this place yet.
    pub(in crate::config) fn is_new(&self, position: Position) -> bool {
        let at = (position.line, position.column);
        self.problems.iter().all(|known| (known.line, known.column) != at)
    }

    /// The pairs of a mapping, each key once; none of what is no mapping.
    pub(in crate::config) fn pairs<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n Key, &'n Node)> {
        let pairs = match &node.value {
            Value::Mapping(pairs) => pairs,
            Value::Text(text) if text.is_empty() => return Vec::new(),
            Value::Text(_) | Value::List(_) => {
                let message = format!("{} stands where a mapping of {what} belongs", node.kind());
                self.problem(node.position, message);
                return Vec::new();
            }
        };
        let mut seen = BTreeSet::new();
        let mut kept = Vec::new();
        for (key, value) in pairs {
            if seen.insert(key.text.as_str()) {
                kept.push((key, value));
            } else {
                self.problem(key.position, format!("`{}` is given twice", cleaned(&key.text)));
            }
        }
        kept
    }

    /// A text that is not empty.
    pub(in crate::config) fn text<'n>(&mut self, of: &str, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if text.is_empty() => self.problem(node.position, format!("`{of}` is empty")),
            Value::Text(text) => return Some(text),
            Value::List(_) | Value::Mapping(_) => {
                let message = format!("`{of}` takes a text, and this is {}", node.kind());
                self.problem(node.position, message);
            }
        }
        None
    }

    /// The texts of a list, or one text.
    pub(in crate::config) fn texts<'n>(&mut self, of: &str, node: &'n Node) -> Vec<(&'n str, Position)> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Text(_) | Value::Mapping(_) => std::slice::from_ref(node),
        };
        if items.is_empty() {
            self.problem(node.position, format!("`{of}` is empty"));
        }
        let texts = items
            .iter()
            .filter_map(|item| Some((self.text(of, item)?, item.position)));
        texts.collect()
    }

    /// `true` or `false`.
    pub(in crate::config) fn flag(&mut self, of: &str, node: &Node) -> Option<bool> {
        match self.text(of, node)? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            other => {
                let message = format!("`{of}` takes `true` or `false`, and not `{}`", cleaned(other));
                self.problem(node.position, message);
                None
            }
        }
    }

    /// A whole number from 1.
    pub(in crate::config) fn number(&mut self, of: &str, node: &Node) -> Option<u32> {
        let text = self.text(of, node)?;
        match text.parse::<u32>() {
            Ok(number) if (1..=i32::MAX.unsigned_abs()).contains(&number) => Some(number),
            _ => {
                let message = format!("`{of}` takes a whole number from 1, and not `{}`", cleaned(text));
                self.problem(node.position, message);
                None
            }
        }
    }
}

/// What the user probably meant.
pub(in crate::config) fn suggestion(key: &str, known: &[&str]) -> Option<String> {
    let kebab = key.replace(['_', ' '], "-").to_ascii_lowercase();
    let likeness = |name: &&&str| (strsim::jaro_winkler(&kebab, name) * 1000.0).round();
    let meant = known.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    Some(if likeness(&meant) > 800.0 {
        format!("did you mean `{meant}`?")
    } else {
        format!("there are `{}`", known.join("`, `"))
    })
}

/// Returns where an item of a list stands that is the value of a key; without the item, where the whole stands.
pub(in crate::config) fn place_of(node: &Node, list: &str, item: Option<usize>) -> Position {
    place_within(node, list, item, &[])
}

/// The same of what keys lead to from there, as far as they do.
pub(in crate::config) fn place_within(
    node: &Node,
    list: &str,
    item: Option<usize>,
    path: &[&'static str],
) -> Position {
    let mut at = item
        .and_then(|item| {
            let items = value_of(node, list)?;
            match &items.value {
                Value::List(items) => items.get(item.checked_sub(1)?),
                // A single one may stand without its list.
                Value::Mapping(_) | Value::Text(_) => Some(items),
            }
        })
        .unwrap_or(node);
    for key in path {
        match value_of(at, key) {
            Some(value) => at = value,
            None => break,
        }
    }
    at.position
}

fn value_of<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Mapping(pairs) = &node.value else {
        return None;
    };
    let (_, value) = pairs.iter().find(|(known, _)| known.text == key)?;
    Some(value)
}

/// The tree as JSON. Texts stay texts, but for whole numbers under `numbers`.
pub(in crate::config) fn json(node: &Node, numbers: &[&str]) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::List(items) => Json::Array(items.iter().map(|item| json(item, numbers)).collect()),
        Value::Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| {
                let number = match &value.value {
                    Value::Text(text) if numbers.contains(&key.text.as_str()) => text.parse::<i64>().ok(),
                    _ => None,
                };
                let value = number.map_or_else(|| json(value, numbers), Json::from);
                (key.text.clone(), value)
            });
            Json::Object(pairs.collect())
        }
    }
}
