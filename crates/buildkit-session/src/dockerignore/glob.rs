//! Globs within one name.

use std::str::Chars;

use super::InvalidPattern;

/// Whether a name, without slashes, matches a glob of `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a character.
///
/// Source: Go, `path.Match`.
pub(in super::super) fn glob_matches(glob: &str, name: &str) -> Result<bool, InvalidPattern> {
    let tokens = tokens(glob).ok_or_else(|| InvalidPattern::new(glob))?;
    let name: Vec<char> = name.chars().collect();
    // `reached[i]`: the tokens so far match the first `i` characters.
    let mut reached = vec![false; name.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for token in &tokens {
        let mut next = vec![false; name.len() + 1];
        match token {
            Token::AnyText => {
                let mut open = false;
                for (next, reached) in next.iter_mut().zip(&reached) {
                    open |= *reached;
                    *next = open;
                }
            }
            Token::One(class) => {
                for ((next, reached), c) in next.iter_mut().skip(1).zip(&reached).zip(&name) {
                    *next = *reached && class.contains(*c);
                }
            }
        }
        reached = next;
    }
    Ok(reached.last().copied().unwrap_or_default())
}

/// Whether the glob's syntax is right.
pub(crate) fn is_well_formed(glob: &str) -> bool {
    tokens(glob).is_some()
}

/// Whether a text has wildcards that no `\` takes away.
pub(in super::super) fn has_wildcards(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '*' | '?' | '[' => return true,
            _ => {}
        }
    }
    false
}

enum Token {
    AnyText,
    One(Class),
}

struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Class {
    fn contains(&self, c: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != self.negated
    }
}

fn tokens(glob: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = glob.chars();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::AnyText,
            '?' => Token::One(Class {
                ranges: vec![('/', '/')],
                negated: true,
            }),
            '[' => Token::One(class(&mut chars)?),
            '\\' => {
                let c = chars.next()?;
                Token::One(Class {
                    ranges: vec![(c, c)],
                    negated: false,
                })
            }
            c => Token::One(Class {
                ranges: vec![(c, c)],
                negated: false,
            }),
        });
    }
    Some(tokens)
}

/// What stands between `[` and `]`: at least one character or range.
fn class(chars: &mut Chars<'_>) -> Option<Class> {
    let negated = chars.as_str().starts_with('^');
    if negated {
        chars.next();
    }
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.as_str().starts_with(']') {
            chars.next();
            return Some(Class { ranges, negated });
        }
        let low = class_character(chars)?;
        let mut high = low;
        if chars.as_str().starts_with('-') {
            chars.next();
            high = class_character(chars)?;
        }
        // A class is closed somewhere behind every character of it.
        if chars.as_str().is_empty() {
            return None;
        }
        ranges.push((low, high));
    }
}

fn class_character(chars: &mut Chars<'_>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}
