//! A YAML text as a tree whose nodes know where they stand.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// The most bytes of a text; no manifest comes near.
const MAX_BYTES: usize = 1024 * 1024;
/// How deep lists and mappings may lie in each other. The scanner's work grows with the square of it.
const MAX_DEPTH: usize = 64;

/// Why a text is no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It is not YAML.
    #[error("is not YAML: line {line}, column {column}")]
    NotYaml {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It is too large, too deep, or no one document.
    #[error("{0}")]
    Unfit(&'static str),
}

/// A node, and where it stands in the text, in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Range<usize>,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// A text, as it is written, and whether an anchor names it.
    Scalar {
        text: String,
        style: ScalarStyle,
        is_named: bool,
    },
    /// A list, and whether it stands in brackets.
    List { items: Vec<Node>, is_flow: bool },
    /// A mapping, and whether it stands in braces.
    Mapping { pairs: Vec<(Key, Node)>, is_flow: bool },
    /// What stands elsewhere.
    Alias(usize),
}

/// A key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) place: Range<usize>,
    pub(crate) text: String,
}

impl Node {
    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.pair(key).map(|(_, value)| value)
    }

    /// A key, and its value.
    pub(crate) fn pair(&self, key: &str) -> Option<&(Key, Self)> {
        match &self.value {
            Value::Mapping { pairs, .. } => pairs.iter().find(|(known, _)| known.text == key),
            _ => None,
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The pairs of a mapping, by the texts of their keys.
    pub(crate) fn pairs(&self) -> Option<impl Iterator<Item = (&str, &Self)>> {
        match &self.value {
            Value::Mapping { pairs, .. } => Some(pairs.iter().map(|(key, value)| (key.text.as_str(), value))),
            _ => None,
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether two trees say the same, wherever they stand.
    pub(crate) fn says_as(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (
                Value::Scalar { text, style, .. },
                Value::Scalar {
                    text: other,
                    style: other_style,
                    ..
                },
            ) => {
                // `"1"` is a text, and `1` is a number.
                let is_plain = |style: &ScalarStyle| matches!(style, ScalarStyle::Plain);
                text == other && is_plain(style) == is_plain(other_style)
            }
            (Value::List { items, .. }, Value::List { items: others, .. }) => {
                items.len() == others.len()
                    && items.iter().zip(others).all(|(item, other)| item.says_as(other))
            }
            (Value::Mapping { pairs, .. }, Value::Mapping { pairs: others, .. }) => {
                let is_same = |((key, value), (other_key, other)): (&(Key, Self), &(Key, Self))| {
                    key.text == other_key.text && value.says_as(other)
                };
                pairs.len() == others.len() && pairs.iter().zip(others).all(is_same)
            }
            (Value::Alias(to), Value::Alias(other)) => to == other,
            _ => false,
        }
    }
}

/// Reads a text that is one document.
pub(crate) fn read(text: &str) -> Result<Node, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::Unfit("is larger than 1 MiB"));
    }
    let mut reader = Reader {
        text,
        at: (0, 0),
        open: Vec::new(),
        root: None,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| YamlError::NotYaml {
            line: error.marker().line().max(1),
            column: error.marker().col() + 1,
        })?;
        reader.take(event, span)?;
    }
    reader.root.ok_or(YamlError::Unfit("is empty"))
}

/// How many bytes a quoted text has, with its quotes. Source: YAML 1.2.2, sections 7.3.1 and 7.3.2.
fn quoted_length(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    let Some((_, quote)) = characters.next() else {
        return 0;
    };
    while let Some((at, character)) = characters.next() {
        let is_escape = match (quote, character) {
            ('"', '\\') => true,
            ('\'', '\'') => characters.peek().is_some_and(|(_, next)| *next == '\''),
            _ => false,
        };
        if is_escape {
            characters.next();
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

struct Reader<'a> {
    text: &'a str,
    /// How many characters are how many bytes.
    at: (usize, usize),
    open: Vec<(Node, Option<Key>)>,
    root: Option<Node>,
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let mut place = self.bytes(span);
                // A span may reach over what stands behind the quotes.
                if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
                    place.end = place.start + quoted_length(&self.text[place.clone()]);
                }
                let value = Value::Scalar {
                    text: text.into_owned(),
                    style,
                    is_named: anchor > 0,
                };
                self.complete(Node { place, value })
            }
            Event::Alias(anchor) => {
                let place = self.bytes(span);
                let value = Value::Alias(anchor);
                self.complete(Node { place, value })
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if self.open.len() == MAX_DEPTH {
                    return Err(YamlError::Unfit("lies too deep in itself"));
                }
                let place = self.bytes(span);
                let begins_with = |bracket| self.text[place.start..].starts_with(bracket);
                let value = if matches!(event, Event::SequenceStart(..)) {
                    let (items, is_flow) = (Vec::new(), begins_with('['));
                    Value::List { items, is_flow }
                } else {
                    let (pairs, is_flow) = (Vec::new(), begins_with('{'));
                    Value::Mapping { pairs, is_flow }
                };
                self.open.push((Node { place, value }, None));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let end = self.bytes(span).end;
                match self.open.pop() {
                    Some((mut node, _)) => {
                        node.place.end = end.max(node.place.start);
                        self.complete(node)
                    }
                    None => Ok(()),
                }
            }
            Event::DocumentStart(..) if self.root.is_some() => Err(YamlError::Unfit("has several documents")),
            _ => Ok(()),
        }
    }

    fn complete(&mut self, node: Node) -> Result<(), YamlError> {
        let Some((open, key)) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.value, key.take()) {
            (Value::List { items, .. }, _) => items.push(node),
            (Value::Mapping { pairs, .. }, Some(key)) => {
                if pairs.iter().any(|(known, _)| known.text == key.text) && key.text != "<<" {
                    return Err(YamlError::Unfit("has a key twice"));
                }
                pairs.push((key, node));
            }
            _ => {
                let text = node.text().ok_or(YamlError::Unfit("has a key that is no text"))?;
                let text = text.to_owned();
                *key = Some(Key {
                    place: node.place,
                    text,
                });
            }
        }
        Ok(())
    }

    /// Where a span of characters stands in bytes. The parser goes forward but for the ends of what was empty.
    fn bytes(&mut self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        let end = self.byte(span.end.index());
        start..end.max(start)
    }

    fn byte(&mut self, index: usize) -> usize {
        if index < self.at.0 {
            self.at = (0, 0);
        }
        let (characters, bytes) = self.at;
        let steps = index - characters;
        let rest = &self.text[bytes..];
        let more = rest
            .char_indices()
            .nth(steps)
            .map_or(rest.len(), |(more, _)| more);
        self.at = (index, bytes + more);
        bytes + more
    }
}
