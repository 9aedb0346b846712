//! Reads the file into a tree of texts with their places: in one pass, within fixed bounds, whatever the file says.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};

use super::ConfigProblem;

/// The most keys; more than there are inputs, so that mistakes can still be named one by one.
pub(crate) const MAX_KEYS: usize = 100;
/// How deep lists and mappings may lie in each other. The scanner's work grows with the square of it.
const MAX_DEPTH: usize = 64;
/// The most aliases.
const MAX_ALIASES: usize = 64;
/// The most bytes of the tree, once every alias is what it stands for; 16 times the largest file.
const MAX_TREE_BYTES: usize = 1024 * 1024;

/// A place in the file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Position {
    /// A problem here. Values are never a part of the message: the file may be another than the user meant.
    pub(crate) fn problem(self, message: impl Into<String>) -> ConfigProblem {
        ConfigProblem {
            line: self.line,
            column: self.column,
            message: message.into(),
            hint: None,
        }
    }
}

impl From<Marker> for Position {
    fn from(mark: Marker) -> Self {
        Self {
            line: mark.line().max(1),
            column: mark.col() + 1,
        }
    }
}

/// One value, and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) value: Value,
}

/// A value: texts exactly as they are written, so that the version `1.10` does not become the number 1.1.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A text; empty for `~`, `null` and nothing.
    Text(String),
    List(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) position: Position,
    pub(crate) text: String,
}

impl Node {
    /// What the value is, in a sentence.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The bytes of the texts in it, and some for each node.
    fn weight(&self) -> usize {
        const NODE: usize = 32;
        NODE + match &self.value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(Self::weight).sum(),
            Value::Mapping(pairs) => pairs
                .iter()
                .map(|(key, value)| NODE + key.text.len() + value.weight())
                .sum(),
        }
    }
}

/// The file's one document; `None` when there is nothing in it.
pub(crate) fn read(text: &str) -> Result<Option<Node>, ConfigProblem> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| not_yaml(&error))?;
        tree.take(event, span.start.into())?;
    }
    Ok(tree.root)
}

fn not_yaml(error: &ScanError) -> ConfigProblem {
    Position::from(*error.marker()).problem("is not YAML")
}

/// A list or mapping that has begun.
struct OpenCollection {
    position: Position,
    anchor: usize,
    value: Value,
    /// The key that waits for its value.
    key: Option<Key>,
}

/// The tree as far as it is read.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    open: Vec<OpenCollection>,
    anchors: BTreeMap<usize, Node>,
    documents: usize,
    aliases: usize,
    weight: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, position: Position) -> Result<(), ConfigProblem> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(position.problem("a second document begins; the file takes one"));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_null = style == ScalarStyle::Plain && matches!(text.as_ref(), "~" | "null");
                let text = if is_null { String::new() } else { text.into_owned() };
                let node = Node {
                    position,
                    value: Value::Text(text),
                };
                self.weigh(&node)?;
                self.complete(node, anchor)?;
            }
            Event::SequenceStart(anchor, _) => self.begin(Value::List(Vec::new()), anchor, position)?,
            Event::MappingStart(anchor, _) => self.begin(Value::Mapping(Vec::new()), anchor, position)?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(OpenCollection {
                    position,
                    anchor,
                    value,
                    ..
                }) = self.open.pop()
                {
                    self.complete(Node { position, value }, anchor)?;
                }
            }
            Event::Alias(anchor) => {
                self.aliases += 1;
                if self.aliases > MAX_ALIASES {
                    return Err(position.problem(format!("there are more than {MAX_ALIASES} aliases")));
                }
                // An alias within what it stands for is not known yet.
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(position.problem("an alias stands for nothing that is complete"));
                };
                self.weigh(&node)?;
                self.complete(Node { position, ..node }, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, anchor: usize, position: Position) -> Result<(), ConfigProblem> {
        if self.open.len() == MAX_DEPTH {
            return Err(position.problem(format!("lies deeper than {MAX_DEPTH} lists and mappings")));
        }
        self.open.push(OpenCollection {
            position,
            anchor,
            value,
            key: None,
        });
        Ok(())
    }

    /// Counts what is kept: every text, and every copy.
    fn weigh(&mut self, node: &Node) -> Result<(), ConfigProblem> {
        self.weight += node.weight();
        if self.weight > MAX_TREE_BYTES {
            return Err(node
                .position
                .problem("the file is too large once its aliases are what they stand for"));
        }
        Ok(())
    }

    /// Puts a value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), ConfigProblem> {
        if anchor > 0 {
            self.weigh(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.value, open.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Mapping(pairs), Some(key)) => {
                if pairs.len() == MAX_KEYS {
                    return Err(key
                        .position
                        .problem(format!("there are more than {MAX_KEYS} keys")));
                }
                pairs.push((key, node));
            }
            (_, _) => match node {
                Node {
                    position,
                    value: Value::Text(text),
                } => open.key = Some(Key { position, text }),
                Node { position, .. } => return Err(position.problem("a key is a text")),
            },
        }
        Ok(())
    }
}
