//! The `images` of a `kustomization.yaml`.
//!
//! Source: kubectl reference, "Kustomization", `images`: `name`, `newName`, `newTag`, `digest`; a digest counts before a tag.

use super::yaml::{Edit, YamlProblem, form, replacement, scalar};
use crate::reference::Digest;
use crate::yaml::{Node, Value, read};

/// Returns the text in which `images` gives the image `name` this repository and digest, and no tag.
pub(super) fn set_image(
    text: &str,
    name: &str,
    repository: &str,
    digest: &Digest,
) -> Result<String, YamlProblem> {
    let tree = read(text)?;
    let wanted = [("newName", repository.to_owned()), ("digest", digest.to_string())];
    let changed = match tree.pair("images") {
        None => at_the_end(text, &tree, name, &wanted)?,
        Some((_, images)) => match entry(images, name)? {
            Some(found) => in_entry(text, found, &wanted)?,
            None => as_first(text, images, name, &wanted)?,
        },
    };
    confirmed(&tree, changed, name, &wanted)
}

/// The entry of an image.
fn entry<'a>(images: &'a Node, name: &str) -> Result<Option<&'a Node>, YamlProblem> {
    match &images.value {
        Value::List {
            items,
            is_flow: false,
        } => Ok(items
            .iter()
            .find(|item| item.get("name").and_then(Node::text) == Some(name))),
        Value::List { .. } => Err(form("images", "a list in brackets")),
        _ => Err(form("images", "no list")),
    }
}

/// A new list behind everything.
fn at_the_end(text: &str, tree: &Node, name: &str, wanted: &[(&str, String)]) -> Result<String, YamlProblem> {
    if !matches!(tree.value, Value::Mapping { is_flow: false, .. }) {
        return Err(form("images", "no key of a mapping in lines"));
    }
    let break_before = if text.ends_with('\n') { "" } else { "\n" };
    Ok(format!(
        "{text}{break_before}images:\n{}",
        new_entry("", name, wanted)
    ))
}

/// A new entry before the first one.
fn as_first(text: &str, images: &Node, name: &str, wanted: &[(&str, String)]) -> Result<String, YamlProblem> {
    let first = match &images.value {
        Value::List { items, .. } => items.first(),
        _ => None,
    };
    let first = first.ok_or_else(|| form("images", "an empty list"))?.place.start;
    let line = line_start(text, first);
    let (indent, rest) = text[line..first].split_once('-').unwrap_or_default();
    if !(indent.trim().is_empty() && rest.trim().is_empty()) {
        return Err(form("images", "a list in the key's line"));
    }
    Ok(format!(
        "{}{}{}",
        &text[..line],
        new_entry(indent, name, wanted),
        &text[line..]
    ))
}

fn new_entry(indent: &str, name: &str, wanted: &[(&str, String)]) -> String {
    let mut lines = format!("{indent}- name: {}\n", scalar(name));
    for (key, value) in wanted {
        lines += &format!("{indent}  {key}: {}\n", scalar(value));
    }
    lines
}

/// The values of an entry, one after the other: each change moves what stands behind it.
fn in_entry(text: &str, entry: &Node, wanted: &[(&str, String)]) -> Result<String, YamlProblem> {
    if !matches!(entry.value, Value::Mapping { is_flow: false, .. }) {
        return Err(form("images", "an entry in braces"));
    }
    let name = entry
        .pair("name")
        .ok_or_else(|| form("images", "an entry without a name"))?;
    let mut edits = Vec::new();
    for (key, value) in wanted {
        if let Some((key, node)) = entry.pair(key) {
            edits.push(replacement(text, key, node, value, "images")?);
            continue;
        }
        let indent = " ".repeat(name.0.place.start - line_start(text, name.0.place.start));
        let end = line_end(text, name.1.place.end);
        edits.push(Edit {
            place: end..end,
            text: format!("\n{indent}{key}: {}", scalar(value)),
        });
    }
    if let Some((key, node)) = entry.pair("newTag") {
        let start = line_start(text, key.place.start);
        if !text[start..key.place.start].trim().is_empty() {
            return Err(form("images", "an entry that begins with `newTag`"));
        }
        let end = line_end(text, node.place.end.max(key.place.end)) + 1;
        edits.push(Edit {
            place: start..end.min(text.len()),
            text: String::new(),
        });
    }
    edits.sort_by_key(|edit| edit.place.start);
    let mut changed = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for edit in edits {
        changed += &text[at..edit.place.start];
        changed += &edit.text;
        at = edit.place.end;
    }
    changed += &text[at..];
    Ok(changed)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line| line + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |more| at + more)
}

/// The changed text, if it says what it is to say and nothing else is another.
fn confirmed(
    before: &Node,
    changed: String,
    name: &str,
    wanted: &[(&str, String)],
) -> Result<String, YamlProblem> {
    let after = read(&changed)?;
    let says = |entry: &Node| {
        let is_put = |(key, value): &(&str, String)| entry.get(key).and_then(Node::text) == Some(value);
        wanted.iter().all(is_put) && entry.get("newTag").is_none()
    };
    let images = after
        .get("images")
        .map(|images| entry(images, name))
        .transpose()?;
    let is_put = images.flatten().is_some_and(says);
    if is_put && others(before, name).says_as(&others(&after, name)) {
        Ok(changed)
    } else {
        Err(form("images", "a list"))
    }
}

/// What stays: all but the values that an image is given.
fn others(tree: &Node, name: &str) -> Node {
    let mut tree = tree.clone();
    let Value::Mapping { pairs, .. } = &mut tree.value else {
        return tree;
    };
    for (_, images) in pairs.iter_mut().filter(|(key, _)| key.text == "images") {
        let Value::List { items, .. } = &mut images.value else {
            continue;
        };
        for item in items.iter_mut() {
            if item.get("name").and_then(Node::text) != Some(name) {
                continue;
            }
            if let Value::Mapping { pairs, .. } = &mut item.value {
                pairs.retain(|(key, _)| {
                    !matches!(key.text.as_str(), "name" | "newName" | "newTag" | "digest")
                });
            }
        }
        // A new entry holds nothing else.
        items.retain(|item| !matches!(&item.value, Value::Mapping { pairs, .. } if pairs.is_empty()));
    }
    pairs.retain(|(key, images)| {
        key.text != "images" || !matches!(&images.value, Value::List { items, .. } if items.is_empty())
    });
    tree
}
