//! The images of `tagship.yaml`.

use super::yaml::{Key, Node, Value};
use super::{ConfigImage, ConfigProblem, entries, texts, yaml};
use crate::schema::InputKind;
use tagship_domain::untrusted::cleaned;

/// The key that several images stand under.
pub(super) const KEY: &str = "images";
/// The most characters of a name.
const MAX_NAME: usize = 100;

/// Reads the value of `images`.
pub(super) fn read(key: &Key, value: &Node, problems: &mut Vec<ConfigProblem>) -> Vec<ConfigImage> {
    // Those of a mapping have their names outside, those of a list inside.
    let named: Vec<(Option<&Key>, &Node)> = match &value.value {
        Value::List(items) => items.iter().map(|item| (None, item)).collect(),
        Value::Mapping(pairs) => pairs.iter().map(|(key, value)| (Some(key), value)).collect(),
        Value::Text(text) if text.is_empty() => Vec::new(),
        Value::Text(_) => {
            problems.push(
                value
                    .position
                    .problem("`images` takes a list or a mapping of images"),
            );
            return Vec::new();
        }
    };
    if named.len() > yaml::MAX_KEYS {
        let message = format!("there are more than {} images", yaml::MAX_KEYS);
        problems.push(key.position.problem(message));
        return Vec::new();
    }
    let mut images: Vec<ConfigImage> = Vec::new();
    for (index, (outside, node)) in named.into_iter().enumerate() {
        let mut name = outside.map(|key| key.text.clone());
        let mut position = outside.map_or(node.position, |key| key.position);
        let known = problems.len();
        let entries = entries(node, problems, |key, value, problems| {
            if key.text != "name" || outside.is_some() {
                return false;
            }
            position = key.position;
            match texts(&key.text, value, InputKind::Text) {
                Ok((texts, _)) => name = Some(texts.concat()),
                Err(problem) => problems.push(problem),
            }
            true
        });
        let message = match name {
            None if problems.len() > known => continue,
            None => format!("image {} of `images` has no `name`", index + 1),
            Some(name) if !is_name(&name) => format!("`{}` is not a name for an image", cleaned(&name)),
            Some(name) if images.iter().any(|image| image.name == name) => {
                format!("there are two images `{name}`")
            }
            Some(name) => {
                images.push(ConfigImage { name, entries });
                continue;
            }
        };
        problems.push(position.problem(message));
    }
    images
}

/// Letters, digits, `.`, `_` and `-`: what may also stand in the name of a job or an artifact.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
