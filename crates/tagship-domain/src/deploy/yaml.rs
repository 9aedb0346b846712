//! Changes of one value in a YAML text, in which all else stays as it was written, comments too.
//!
//! 1. Read the text into a tree whose nodes know where they stand.
//! 2. Put the new text in the place of the old one.
//! 3. Read again, and compare: but for the value the tree is the same, or the change is refused.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use crate::untrusted::cleaned;
use crate::yaml::{Key, Node, Value, YamlError, read};

/// Why a text cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlProblem {
    /// It is no tree.
    #[error(transparent)]
    Unreadable(#[from] YamlError),
    /// A key is not there.
    #[error("has no `{0}`")]
    NoKey(String),
    /// What is there cannot be changed without changing how the file is written.
    #[error("has `{place}` as {what}, which cannot be changed and leave the rest of the file as it is")]
    Form {
        /// The place.
        place: String,
        /// What it is.
        what: &'static str,
    },
}

/// Returns the text with another value at a path of keys.
pub(super) fn set(text: &str, path: &[String], value: &str) -> Result<String, YamlProblem> {
    let tree = read(text)?;
    let shown = cleaned(&path.join("."));
    let mut node = &tree;
    let mut key = None;
    for part in path {
        if matches!(node.value, Value::Alias(_)) {
            return Err(form(&shown, "an alias"));
        }
        let (found, value) = node.pair(part).ok_or_else(|| YamlProblem::NoKey(shown.clone()))?;
        (node, key) = (value, Some(found));
    }
    let key = key.ok_or_else(|| YamlProblem::NoKey(shown.clone()))?;
    let changed = replacement(text, key, node, value, &shown)?.in_text(text);
    let after = read(&changed)?;
    let mut place = Some(&after);
    for part in path {
        place = place.and_then(|node| node.get(part));
    }
    let is_put = place.and_then(Node::text) == Some(value);
    if is_put && without(&tree, path).says_as(&without(&after, path)) {
        Ok(changed)
    } else {
        Err(form(&shown, "a value"))
    }
}

/// A new text, and what of the old one it takes the place of.
#[derive(Debug, Clone)]
pub(super) struct Edit {
    pub(super) place: Range<usize>,
    pub(super) text: String,
}

impl Edit {
    fn in_text(&self, text: &str) -> String {
        let Range { start, end } = self.place;
        format!("{}{}{}", &text[..start], self.text, &text[end..])
    }
}

/// Another value in a scalar's place, quoted as the old one was.
pub(super) fn replacement(
    text: &str,
    key: &Key,
    node: &Node,
    value: &str,
    shown: &str,
) -> Result<Edit, YamlProblem> {
    let Value::Scalar { style, is_named, .. } = &node.value else {
        return Err(form(shown, kind(node)));
    };
    if *is_named {
        return Err(form(shown, "a value with an anchor"));
    }
    let quoted = match style {
        ScalarStyle::SingleQuoted => format!("'{value}'"),
        ScalarStyle::DoubleQuoted => format!("\"{value}\""),
        ScalarStyle::Plain => scalar(value),
        _ => return Err(form(shown, "a block of lines")),
    };
    if !node.place.is_empty() {
        let place = node.place.clone();
        return Ok(Edit { place, text: quoted });
    }
    // Nothing stands there: the value comes behind the colon.
    let behind = &text[key.place.end..];
    let colon = behind
        .find(':')
        .filter(|colon| behind[..*colon].trim().is_empty());
    let at = key.place.end + colon.ok_or_else(|| form(shown, "a value"))? + 1;
    let text = format!(" {quoted}");
    Ok(Edit { place: at..at, text })
}

/// A text as a scalar that no reader takes for a number or a word such as `true`.
///
/// Names and digests of images have a `/`, or `sha256:`; a tag may be `1.10` or `null`.
pub(super) fn scalar(value: &str) -> String {
    if value.contains('/') || value.starts_with("sha256:") {
        value.to_owned()
    } else {
        format!("\"{value}\"")
    }
}

/// The tree with nothing at a path of keys.
pub(super) fn without(tree: &Node, path: &[String]) -> Node {
    let mut tree = tree.clone();
    let mut node = Some(&mut tree);
    for part in path {
        node = node.and_then(|node| match &mut node.value {
            Value::Mapping { pairs, .. } => {
                let found = pairs.iter_mut().find(|(key, _)| key.text == *part);
                found.map(|(_, value)| value)
            }
            _ => None,
        });
    }
    if let Some(node) = node {
        node.value = Value::Alias(0);
    }
    tree
}

pub(super) fn form(place: &str, what: &'static str) -> YamlProblem {
    YamlProblem::Form {
        place: place.to_owned(),
        what,
    }
}

const fn kind(node: &Node) -> &'static str {
    match node.value {
        Value::Scalar { .. } => "a value",
        Value::List { .. } => "a list",
        Value::Mapping { .. } => "a mapping",
        Value::Alias(_) => "an alias",
    }
}
