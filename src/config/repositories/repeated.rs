//! Keys that stand twice in JSON: IAM refuses such a policy, and who reads it would take the last one without a word.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::config::ConfigProblem;
use crate::config::yaml::Position;
use tagship_domain::untrusted::cleaned;

/// Finds what is wrong with a text as JSON: that it is none, or a key that stands twice.
pub(in crate::config) fn json_problem(text: &str) -> Option<ConfigProblem> {
    let error = serde_json::from_str::<WithoutRepeated>(text).err()?;
    let mut problem = not_json(&error);
    // The only error of this reader's own.
    if error.is_data() {
        let message = error.to_string();
        let end = message.rfind(" at line ").unwrap_or(message.len());
        message[..end].clone_into(&mut problem.message);
    }
    Some(problem)
}

/// Says where a text stops being JSON.
pub(in crate::config) fn not_json(error: &serde_json::Error) -> ConfigProblem {
    let position = Position {
        line: error.line().max(1),
        column: error.column().max(1),
    };
    position.problem("is not JSON")
}

/// Any JSON whose objects have each key once.
struct WithoutRepeated;

impl<'de> Deserialize<'de> for WithoutRepeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = WithoutRepeated;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WithoutRepeated, A::Error> {
        let mut known = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if known.contains(&key) {
                return Err(A::Error::custom(format!("key `{}` stands twice", cleaned(&key))));
            }
            known.insert(key);
            map.next_value::<WithoutRepeated>()?;
        }
        Ok(WithoutRepeated)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<WithoutRepeated, A::Error> {
        while items.next_element::<WithoutRepeated>()?.is_some() {}
        Ok(WithoutRepeated)
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<WithoutRepeated, E> {
        Ok(WithoutRepeated)
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<WithoutRepeated, E> {
        Ok(WithoutRepeated)
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<WithoutRepeated, E> {
        Ok(WithoutRepeated)
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<WithoutRepeated, E> {
        Ok(WithoutRepeated)
    }

    fn visit_str<E: Error>(self, _value: &str) -> Result<WithoutRepeated, E> {
        Ok(WithoutRepeated)
    }

    fn visit_unit<E: Error>(self) -> Result<WithoutRepeated, E> {
        Ok(WithoutRepeated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<(usize, String)> {
        json_problem(text).map(|problem| (problem.line, problem.message))
    }

    #[test]
    fn a_key_that_stands_twice_is_named_with_its_line() {
        let found = |text| problem(text).unwrap();
        assert_eq!(
            found("{\"Statement\": [{\n\"Effect\": \"Allow\",\n\"Effect\": \"Deny\"}]}"),
            (3, "key `Effect` stands twice".to_owned())
        );
        assert_eq!(found("{\"a\": 1,"), (1, "is not JSON".to_owned()));
        assert_eq!(
            problem("{\"a\": [{\"a\": null}, {\"a\": 1.5, \"b\": [true, -1, \"\"]}]}"),
            None
        );
        assert_eq!(problem("3"), None);
    }
}
