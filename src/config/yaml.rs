//! Reads one mapping entry by entry, so that one wrong value does not hide the next.
//!
//! The YAML library tells places only in its errors. So each question is one pass over the (small) text that
//! looks at one entry and skips the others.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::ConfigProblem;

/// The most keys; more than there are inputs, so that mistakes can still be named one by one.
const MAX_KEYS: usize = 100;

/// The keys of the file's one mapping, in its order. An empty file has none.
pub(super) fn keys(text: &str) -> Result<Vec<String>, ConfigProblem> {
    pass(text, Keys)
}

/// The line and column of the key at `index`, from 1.
pub(super) fn position(text: &str, index: usize) -> (usize, usize) {
    match pass(text, KeyAt(index)) {
        Err(problem) => (problem.line, problem.column),
        Ok(()) => (1, 1),
    }
}

/// The texts of the value at `index`, and whether each is one entry of a list.
pub(super) fn value(text: &str, index: usize, is_list: bool) -> Result<(Vec<String>, bool), ConfigProblem> {
    if is_list && let Some(entries) = pass(text, ValueAt { index, seed: Entries })? {
        return Ok((entries, true));
    }
    let whole = pass(
        text,
        ValueAt {
            index,
            seed: Text { is_list },
        },
    )?;
    Ok((vec![whole], false))
}

/// One pass over the text.
fn pass<'de, V: Visitor<'de>>(text: &'de str, visitor: V) -> Result<V::Value, ConfigProblem> {
    serde_yaml::Deserializer::from_str(text)
        .deserialize_map(visitor)
        .map_err(|error| problem(&error))
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
        message: message.chars().filter(|c| !c.is_control()).take(300).collect(),
        hint: None,
    }
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
