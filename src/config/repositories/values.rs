//! The values of a declared repository's settings.

use super::reading::{Reading, suggestion};
use super::{ConfigSettings, FileReference};
use crate::config::yaml::{Node, Position, Value};
use tagship_domain::immutability::{Mutability, TagFilter};
use tagship_domain::repositories::{DeclaredSettings, Encryption, EncryptionType};
use tagship_domain::untrusted::cleaned;

/// Tags, digests and files that name images.
pub(in crate::config) fn protect(node: &Node, read: &mut ConfigSettings, reading: &mut Reading<'_>) {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Text(_) | Value::Mapping(_) => std::slice::from_ref(node),
    };
    for item in items {
        if let Value::Text(_) = &item.value {
            let text = reading.text("protect", item);
            if let Some(Err(error)) = text.map(|text| read.declared.protection.add(text)) {
                reading.problem(item.position, error.to_string());
            }
            continue;
        }
        for (key, value) in reading.pairs(item, "`file`") {
            match key.text.as_str() {
                "file" => read
                    .protect_files
                    .extend(reading.text("file", value).map(|path| FileReference {
                        path: path.to_owned(),
                        line: value.position.line,
                        column: value.position.column,
                    })),
                other => {
                    let message = format!("unknown key `{}` of `protect`", cleaned(other));
                    reading.hinted(key.position, message, suggestion(other, &["file"]));
                }
            }
        }
    }
}

pub(in crate::config) fn filters(node: &Node, reading: &mut Reading<'_>) -> Vec<TagFilter> {
    let texts = reading.texts("exclusion-filters", node);
    if texts.len() > TagFilter::MAX_IN_REPOSITORY {
        let most = TagFilter::MAX_IN_REPOSITORY;
        let message = format!(
            "a repository has at most {most} exclusion filters, and here are {}",
            texts.len()
        );
        reading.problem(node.position, message);
    }
    let filters = texts.into_iter().filter_map(|(text, position)| {
        let filter = TagFilter::parse(text);
        if let Err(error) = &filter {
            reading.problem(position, format!("`{}`: {error}", cleaned(text)));
        }
        filter.ok()
    });
    filters.collect()
}

pub(in crate::config) fn mutability(
    given: Option<(&str, Position)>,
    filters: Option<(Vec<TagFilter>, Position)>,
    reading: &mut Reading<'_>,
) -> Option<Mutability> {
    let Some((text, position)) = given else {
        if let Some((_, position)) = filters {
            let hint = "give `mutability: immutable` too".to_owned();
            reading.hinted(
                position,
                "`exclusion-filters` needs `mutability` beside it",
                Some(hint),
            );
        }
        return None;
    };
    let excluded = filters
        .map(|(filters, _)| filters)
        .filter(|filters| !filters.is_empty());
    match (text.to_ascii_lowercase().replace('_', "-").as_str(), excluded) {
        ("mutable", None) => Some(Mutability::Mutable),
        ("immutable", None) => Some(Mutability::Immutable),
        ("mutable" | "mutable-with-exclusion", Some(filters)) => {
            Some(Mutability::MutableWithExclusion(filters))
        }
        ("immutable" | "immutable-with-exclusion", Some(filters)) => {
            Some(Mutability::ImmutableWithExclusion(filters))
        }
        ("mutable-with-exclusion" | "immutable-with-exclusion", None) => {
            let hint = "list the tags in `exclusion-filters`, such as `[latest]`".to_owned();
            reading.hinted(position, "names exclusions, and there are none", Some(hint));
            None
        }
        _ => {
            let message = format!("`{}` is neither `mutable` nor `immutable`", cleaned(text));
            reading.problem(position, message);
            None
        }
    }
}

pub(in crate::config) fn encryption(node: &Node, reading: &mut Reading<'_>) -> Option<Encryption> {
    let (mut kind, mut key) = (None, None);
    match &node.value {
        Value::Text(text) => kind = Some((text.as_str(), node.position)),
        Value::List(_) | Value::Mapping(_) => {
            for (name, value) in reading.pairs(node, "`type` and `key`") {
                match name.text.as_str() {
                    "type" => kind = reading.text("type", value).map(|text| (text, value.position)),
                    "key" => key = reading.text("key", value).map(|text| (text, value.position)),
                    other => {
                        let message = format!("unknown key `{}` of `encryption`", cleaned(other));
                        reading.hinted(name.position, message, suggestion(other, &["type", "key"]));
                    }
                }
            }
        }
    }
    let Some((text, position)) = kind else {
        if reading.is_new(node.position) {
            reading.problem(node.position, "`encryption` has no `type`");
        }
        return None;
    };
    let kind = match EncryptionType::parse(text) {
        Ok(kind) => kind,
        Err(error) => {
            reading.problem(position, error.to_string());
            return None;
        }
    };
    let place = key.map_or(position, |(_, position)| position);
    match Encryption::new(kind, key.map(|(text, _)| text.to_owned())) {
        Ok(encryption) => Some(encryption),
        Err(error) => {
            reading.problem(place, error.to_string());
            None
        }
    }
}

pub(in crate::config) fn tags(node: &Node, declared: &mut DeclaredSettings, reading: &mut Reading<'_>) {
    for (key, value) in reading.pairs(node, "tags and their values") {
        if let Some(text) = reading.text("a tag", value)
            && let Err(error) = declared.tags.add(&key.text, text)
        {
            reading.problem(key.position, error.to_string());
        }
    }
}
