//! Users' regular expressions: JavaScript's syntax, without what needs backtracking.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// The most bytes of a pattern.
const MAX_LENGTH: usize = 1000;
/// The most bytes of a compiled pattern.
const MAX_SIZE: usize = 256 * 1024;
/// How deep groups may nest.
const MAX_DEPTH: u32 = 50;

/// A regular expression that runs in time linear to the text.
#[derive(Clone)]
pub(super) struct Pattern {
    source: String,
    regex: Regex,
    /// Whether `/…/g` asks for all matches, not for the groups of the first.
    is_global: bool,
    /// Whether `/…/y` asks for a match at the start.
    is_sticky: bool,
}

/// Two patterns are equal when their texts are.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.source).finish()
    }
}

impl Pattern {
    /// Reads a pattern without flags.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        Self::with_flags(source, source, "")
    }

    /// Reads `pattern` or `/pattern/flags`.
    pub(super) fn parse_with_flags(source: &str) -> Result<Self, String> {
        let inside = source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
        match inside {
            Some((pattern, flags)) if !pattern.is_empty() => Self::with_flags(source, pattern, flags),
            _ => Self::parse(source),
        }
    }

    fn with_flags(source: &str, pattern: &str, flags: &str) -> Result<Self, String> {
        if pattern.len() > MAX_LENGTH {
            return Err(format!("it is longer than {MAX_LENGTH} bytes"));
        }
        let mut builder = RegexBuilder::new(&translated(pattern)?);
        builder
            .size_limit(MAX_SIZE)
            .dfa_size_limit(MAX_SIZE)
            .nest_limit(MAX_DEPTH);
        let mut read = Self {
            source: source.to_owned(),
            regex: Regex::new("").map_err(|error| explained(&error))?,
            is_global: false,
            is_sticky: false,
        };
        for (index, flag) in flags.char_indices() {
            if flags.get(..index).is_some_and(|before| before.contains(flag)) {
                return Err(format!("the flag `{flag}` stands twice"));
            }
            match flag {
                'i' => drop(builder.case_insensitive(true)),
                'm' => drop(builder.multi_line(true)),
                's' => drop(builder.dot_matches_new_line(true)),
                'g' => read.is_global = true,
                'y' => read.is_sticky = true,
                // Positions, and characters instead of UTF-16 units: nothing that shows here.
                'd' | 'u' => {}
                _ => return Err("the flags are `d`, `g`, `i`, `m`, `s`, `u` and `y`".to_owned()),
            }
        }
        read.regex = builder.build().map_err(|error| explained(&error))?;
        Ok(read)
    }

    /// How many groups there are, the whole match included.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len()
    }

    /// Whether all matches are asked for, so that groups are counted matches.
    pub(super) fn is_global(&self) -> bool {
        self.is_global
    }

    /// What `group` of the first match holds.
    pub(super) fn capture<'t>(&self, text: &'t str, group: usize) -> Capture<'t> {
        let held = |held: Option<regex::Match<'t>>| {
            held.map_or(Capture::NoGroup, |held| Capture::Text(held.as_str()))
        };
        if self.is_global {
            let mut matches = self.regex.find_iter(text).peekable();
            return match matches.peek() {
                None => Capture::NoMatch,
                Some(_) => held(matches.nth(group)),
            };
        }
        match self.regex.captures(text) {
            Some(found) if !self.is_sticky || found.get(0).is_some_and(|whole| whole.start() == 0) => {
                held(found.get(group))
            }
            _ => Capture::NoMatch,
        }
    }
}

/// What a group of a match holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capture<'t> {
    /// The pattern does not match.
    NoMatch,
    /// The pattern matches without this group.
    NoGroup,
    /// This.
    Text(&'t str),
}

fn explained(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it compiles to more than {limit} bytes"),
        regex::Error::Syntax(message) => {
            // The last line of the message says what is wrong, the others draw where.
            let last = message.lines().last().unwrap_or_default();
            let last = last.strip_prefix("error: ").unwrap_or(last);
            format!("{last}; look-around and back-references are not supported")
        }
        _ => "it is not supported".to_owned(),
    }
}

/// A JavaScript pattern in the `regex` crate's syntax.
///
/// `\d`, `\w` and `\b` are of ASCII in JavaScript. In a class, `[`, `&`, `~` and a doubled `-` are plain characters there,
/// and so is a brace that begins no count.
/// A letter behind a backslash without a meaning is that letter. Source: ECMAScript 2025, section 22.2 and Annex B.1.2.
fn translated(pattern: &str) -> Result<String, String> {
    let mut made = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(escaped) = chars.next() else {
                    return Err("it ends with a backslash".to_owned());
                };
                match escaped {
                    'd' if in_class => made.push_str("0-9"),
                    'd' => made.push_str("[0-9]"),
                    'D' => made.push_str("[^0-9]"),
                    'w' if in_class => made.push_str("0-9A-Za-z_"),
                    'w' => made.push_str("[0-9A-Za-z_]"),
                    'W' => made.push_str("[^0-9A-Za-z_]"),
                    'b' if in_class => made.push_str(r"\x08"),
                    'b' => made.push_str(r"(?-u:\b)"),
                    '1'..='9' | 'k' => return Err("back-references are not supported".to_owned()),
                    '0' => made.push_str(r"\x00"),
                    's' | 'S' | 'B' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'u' => made.extend(['\\', escaped]),
                    'c' => return Err(r"`\c` is not supported".to_owned()),
                    letter if letter.is_ascii_alphabetic() || !letter.is_ascii() => made.push(letter),
                    '<' | '>' => made.push(escaped),
                    sign => made.extend(['\\', sign]),
                }
            }
            '[' if in_class => made.push_str(r"\["),
            '[' => {
                in_class = true;
                made.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    if chars.next_if_eq(&']').is_some() {
                        made.truncate(made.len() - 1);
                        made.push_str(r"(?s:.)");
                        in_class = false;
                        continue;
                    }
                    made.push('^');
                } else if chars.peek() == Some(&']') {
                    return Err("an empty class matches nothing".to_owned());
                }
            }
            ']' if in_class => {
                in_class = false;
                made.push(']');
            }
            '&' | '~' if in_class => made.extend(['\\', c]),
            '-' if in_class && chars.peek() == Some(&'-') => made.push_str(r"\-"),
            '(' if !in_class && chars.peek() == Some(&'?') => {
                made.push_str("(?");
                chars.next();
                match chars.peek() {
                    Some(':' | '<') => {}
                    Some('=' | '!') => return Err("look-around is not supported".to_owned()),
                    _ => return Err("a group begins with `(`, `(?:` or `(?<name>`".to_owned()),
                }
                if chars.next_if_eq(&'<').is_some() {
                    if matches!(chars.peek(), Some('=' | '!')) {
                        return Err("look-around is not supported".to_owned());
                    }
                    made.push('<');
                }
            }
            '{' if !in_class && !is_count(&chars) => made.push_str(r"\{"),
            c => made.push(c),
        }
    }
    Ok(made)
}

/// Whether what stands behind a brace is a count such as `2}` or `2,5}`; if not, the brace is a plain character.
fn is_count(rest: &Peekable<Chars<'_>>) -> bool {
    let inside: String = rest.clone().take_while(|c| *c != '}').collect();
    let is_closed = rest.clone().count() > inside.chars().count();
    let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
    is_closed
        && !least.is_empty()
        && [least, most]
            .iter()
            .all(|count| count.bytes().all(|b| b.is_ascii_digit()))
}
