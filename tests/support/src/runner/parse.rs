//! One line of output → a command, as the runner's `ActionCommand` reads it.

use std::collections::BTreeMap;

/// A command that a line holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its name in lower case: the runner compares names without case.
    pub name: String,
    /// Its properties, unescaped; names in lower case.
    pub properties: BTreeMap<String, String>,
    /// Its data, unescaped.
    pub data: String,
}

type Escapes = &'static [(&'static str, &'static str)];

/// What the data of `::name::data` is unescaped by, in this order.
const DATA: Escapes = &[("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
/// What its properties are unescaped by.
const PROPERTY: Escapes = &[
    ("%0D", "\r"),
    ("%0A", "\n"),
    ("%3A", ":"),
    ("%2C", ","),
    ("%25", "%"),
];
/// What all of `##[name]data` is unescaped by.
const LEGACY: Escapes = &[
    ("%3B", ";"),
    ("%0D", "\r"),
    ("%0A", "\n"),
    ("%5D", "]"),
    ("%25", "%"),
];

/// Reads a line in either form; `known` says which names are commands.
pub fn parse(line: &str, known: impl Fn(&str) -> bool) -> Option<Command> {
    parse_current(line, &known).or_else(|| parse_legacy(line, &known))
}

/// `::name key=value,key=value::data`, after white space.
fn parse_current(line: &str, known: impl Fn(&str) -> bool) -> Option<Command> {
    let (info, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = name_of(info, known)?;
    Some(Command {
        name,
        properties: properties_of(properties.trim(), ',', PROPERTY),
        data: unescape(data, DATA),
    })
}

/// `##[name key=value;key=value]data`, anywhere in the line.
fn parse_legacy(line: &str, known: impl Fn(&str) -> bool) -> Option<Command> {
    let (_, rest) = line.split_once("##[")?;
    let (info, data) = rest.split_once(']')?;
    let (name, properties) = name_of(info, known)?;
    Some(Command {
        name,
        properties: properties_of(properties, ';', LEGACY),
        data: unescape(data, LEGACY),
    })
}

fn name_of(info: &str, known: impl Fn(&str) -> bool) -> Option<(String, &str)> {
    let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
    let name = name.to_lowercase();
    known(&name).then_some((name, properties))
}

fn properties_of(text: &str, separator: char, escapes: Escapes) -> BTreeMap<String, String> {
    text.split(separator)
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key.to_lowercase(), unescape(value, escapes)))
        .collect()
}

fn unescape(text: &str, escapes: Escapes) -> String {
    escapes.iter().fold(text.to_owned(), |text, (escape, meaning)| {
        text.replace(escape, meaning)
    })
}
