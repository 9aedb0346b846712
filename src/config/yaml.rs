//! Reads one mapping entry by entry, so that one wrong value does not hide the next.
//!
//! The YAML library tells places only in its errors. So each question is one pass over the (small) text that
//! looks at one entry and skips the others.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ConfigProblem;
use tagship_domain::untrusted::cleaned;

/// The most keys; more than there are inputs, so that mistakes can still be named one by one.
pub(super) const MAX_KEYS: usize = 100;

/// A mapping in the file: the entries to go into, one after the other, from the file's own mapping.
pub(super) type At<'a> = &'a [usize];

/// The keys of a mapping, in its order. An empty file has none.
pub(super) fn keys(text: &str, at: At<'_>) -> Result<Vec<String>, ConfigProblem> {
    pass(text, at, Keys)
}

/// The line and column of the key at `index`, from 1.
pub(super) fn position(text: &str, at: At<'_>, index: usize) -> (usize, usize) {
    match pass(text, at, KeyAt(index)) {
        Err(problem) => (problem.line, problem.column),
        Ok(()) => (1, 1),
    }
}

/// The texts of the value at `index`, and whether each is one entry of a list.
pub(super) fn value(
    text: &str,
    at: At<'_>,
    index: usize,
    is_list: bool,
) -> Result<(Vec<String>, bool), ConfigProblem> {
    if is_list && let Some(entries) = pass(text, at, ValueAt { index, seed: Entries })? {
        return Ok((entries, true));
    }
    let whole = pass(
        text,
        at,
        ValueAt {
            index,
            seed: Text { is_list },
        },
    )?;
    Ok((vec![whole], false))
}

/// The number of items when the value at `index` is a list; `None` when it is a mapping.
pub(super) fn length(text: &str, at: At<'_>, index: usize) -> Result<Option<usize>, ConfigProblem> {
    pass(text, at, ValueAt { index, seed: Length })
}

/// One pass over the text.
fn pass<'de, V: Visitor<'de>>(text: &'de str, at: At<'_>, visitor: V) -> Result<V::Value, ConfigProblem> {
    let file = serde_yaml::Deserializer::from_str(text);
    Inside { at, visitor }
        .deserialize(file)
        .map_err(|error| problem(&error))
}

/// Goes into a mapping, and leaves it to the visitor.
struct Inside<'a, V> {
    at: At<'a>,
    visitor: V,
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Inside<'_, V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        if self.at.is_empty() {
            value.deserialize_map(self.visitor)
        } else {
            value.deserialize_any(self)
        }
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Inside<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a mapping of images")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (index, at) = self.at.split_first().unwrap_or((&0, &[]));
        skip(&mut map, *index)?;
        map.next_key::<IgnoredAny>()?;
        let value = map.next_value_seed(Inside {
            at,
            visitor: self.visitor,
        })?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (index, at) = self.at.split_first().unwrap_or((&0, &[]));
        for _ in 0..*index {
            items.next_element::<IgnoredAny>()?;
        }
        let inside = Inside {
            at,
            visitor: self.visitor,
        };
        let value = items.next_element_seed(inside)?;
        while items.next_element::<IgnoredAny>()?.is_some() {}
        value.ok_or_else(|| A::Error::custom("the list is shorter than it was"))
    }
}

fn problem(error: &serde_yaml::Error) -> ConfigProblem {
    let (line, column) = error
        .location()
        .map_or((1, 1), |location| (location.line(), location.column()));
    let text = error.to_string();
    // The place stands before the message already.
    let message = text.split(" at line ").next().unwrap_or(&text);
    ConfigProblem {
        line,
        column,
        message: cleaned(&without_value(message)),
        hint: None,
    }
}

/// The message with the kind of what was found, and without its value: the file may not be what its name says.
///
/// Source: serde, `de::Unexpected`: `string "…"`, ``integer `7` ``.
fn without_value(message: &str) -> String {
    let found = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|what| message.find(what).map(|at| at + what.len()));
    let parts = found.and_then(|found| {
        let (before, found) = message.split_at(found);
        let (found, expected) = found.rsplit_once(", expected ")?;
        let kind = found.split(['"', '`']).next().unwrap_or_default();
        Some(format!("{before}{}, expected {expected}", kind.trim_end()))
    });
    parts.unwrap_or_else(|| message.to_owned())
}

const EXPECTED: &str = "a mapping of inputs, such as `repository: team/app`";

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry::<String, _>()? {
            if keys.len() == MAX_KEYS {
                return Err(A::Error::custom("there are more than 100 keys"));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

/// Skips the entries before `index`.
fn skip<'de, A: MapAccess<'de>>(map: &mut A, index: usize) -> Result<(), A::Error> {
    for _ in 0..index {
        map.next_entry::<IgnoredAny, IgnoredAny>()?;
    }
    Ok(())
}

/// Fails at the key, because only failures have a place.
struct KeyAt(usize);

impl<'de> Visitor<'de> for KeyAt {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        struct Here;
        impl<'de> DeserializeSeed<'de> for Here {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<(), D::Error> {
                key.deserialize_str(self)
            }
        }
        impl Visitor<'_> for Here {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
                Err(E::custom("here"))
            }
        }
        skip(&mut map, self.0)?;
        map.next_key_seed(Here).map(|_| ())
    }
}

/// Reads the value at `index` and skips everything else.
struct ValueAt<S> {
    index: usize,
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for ValueAt<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        skip(&mut map, self.index)?;
        map.next_key::<IgnoredAny>()?;
        let value = map.next_value_seed(self.seed)?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(value)
    }
}

/// One text, exactly as it is written.
struct Text {
    is_list: bool,
}

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<String, D::Error> {
        value.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_list {
            "a text or a list of texts"
        } else {
            "one text"
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        // `key: ~` is as good as no key.
        Ok(if matches!(text, "~" | "null") {
            String::new()
        } else {
            text.to_owned()
        })
    }
}

/// A list of texts, or a mapping as lines of `key=value`; `None` for a value that is neither.
struct Entries;

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Option<Vec<String>>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Option<Vec<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(item) = items.next_element::<String>()? {
            entries.push(item);
        }
        Ok(Some(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            entries.push(format!("{key}={value}"));
        }
        Ok(Some(entries))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// How long a list is.
struct Length;

impl<'de> DeserializeSeed<'de> for Length {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Length {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a mapping of images")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut length = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(Some(length))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
