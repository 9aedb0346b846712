//! What the gallery of ECR Public shows of a declared repository.

use std::collections::BTreeSet;

use super::reading::{Reading, suggestion};
use super::{CatalogPart, ConfigSettings, FileReference};
use crate::config::yaml::{Node, Value};
use tagship_domain::repositories::{CatalogData, InvalidCatalogData};
use tagship_domain::untrusted::cleaned;

/// The keys of `catalog`.
const KEYS: [&str; 6] = [
    "description",
    "about",
    "usage",
    "architectures",
    "operating-systems",
    "logo",
];

/// Reads the value of `catalog`; the parts that stand in files are read later.
pub(super) fn read(node: &Node, read: &mut ConfigSettings, reading: &mut Reading<'_>) {
    let mut catalog = CatalogData::default();
    for (key, value) in reading.pairs(node, "what the gallery shows") {
        match key.text.as_str() {
            "description" => catalog.description = text("description", value, reading),
            "about" => catalog.about = text_or_file(CatalogPart::About, value, read, reading),
            "usage" => catalog.usage = text_or_file(CatalogPart::Usage, value, read, reading),
            "architectures" => {
                let badge = CatalogData::architecture;
                catalog.architectures = Some(badges("architectures", value, badge, reading));
            }
            "operating-systems" => {
                let badge = CatalogData::operating_system;
                catalog.operating_systems = Some(badges("operating-systems", value, badge, reading));
            }
            "logo" => {
                if let Some(path) = file("logo", value, reading) {
                    read.catalog_files.push((CatalogPart::Logo, path));
                }
            }
            other => {
                let message = format!("unknown key `{}` of `catalog`", cleaned(other));
                reading.hinted(key.position, message, suggestion(other, &KEYS));
            }
        }
    }
    read.declared.catalog = Some(catalog);
}

fn text(key: &'static str, node: &Node, reading: &mut Reading<'_>) -> Option<String> {
    let text = reading.text(key, node)?;
    if let Err(error) = CatalogData::check(key, text) {
        reading.problem(node.position, error.to_string());
    }
    Some(text.to_owned())
}

/// A text, or `file` with the path of one.
fn text_or_file(
    part: CatalogPart,
    node: &Node,
    read: &mut ConfigSettings,
    reading: &mut Reading<'_>,
) -> Option<String> {
    if let Value::Mapping(_) = &node.value {
        let path = file(part.as_str(), node, reading)?;
        read.catalog_files.push((part, path));
        return None;
    }
    text(part.as_str(), node, reading)
}

/// A path, or `file` with it.
fn file(of: &str, node: &Node, reading: &mut Reading<'_>) -> Option<FileReference> {
    let mut found = None;
    if let Value::Mapping(_) = &node.value {
        for (key, value) in reading.pairs(node, "`file`") {
            if key.text == "file" {
                found = reading.text("file", value).map(|path| (path, value.position));
            } else {
                let message = format!("unknown key `{}` of `{of}`", cleaned(&key.text));
                reading.hinted(key.position, message, suggestion(&key.text, &["file"]));
            }
        }
    } else {
        found = reading.text(of, node).map(|path| (path, node.position));
    }
    found.map(|(path, position)| FileReference {
        path: path.to_owned(),
        line: position.line,
        column: position.column,
    })
}

fn badges(
    key: &str,
    node: &Node,
    badge: impl Fn(&str) -> Result<String, InvalidCatalogData>,
    reading: &mut Reading<'_>,
) -> BTreeSet<String> {
    let mut badges = BTreeSet::new();
    for (text, position) in reading.texts(key, node) {
        match badge(text) {
            Ok(badge) => {
                badges.insert(badge);
            }
            Err(error) => reading.problem(position, error.to_string()),
        }
    }
    badges
}
