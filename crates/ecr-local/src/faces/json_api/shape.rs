//! The constraints on an operation's input, as AWS's API references state them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use regex::Regex;
use serde_json::Value;

use crate::refusal::Refusal;

/// A member of a structure.
#[derive(Debug)]
pub(crate) struct Member {
    name: &'static str,
    required: bool,
    shape: Shape,
}

/// What a value must be like. Lengths are in characters, and for lists in items.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A string.
    Text {
        min: usize,
        max: usize,
        /// A regular expression for the whole string; empty for any.
        pattern: &'static str,
    },
    /// One of these strings.
    Enum(&'static [&'static str]),
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// True or false.
    Boolean,
    /// Bytes in base64; `max` is of the bytes.
    Blob { max: usize },
    /// Items of one shape.
    List {
        of: &'static Shape,
        min: usize,
        max: usize,
    },
    /// Named members.
    Structure(&'static [Member]),
}

/// A member that must be there.
pub(crate) const fn required(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: true,
        shape,
    }
}

/// A member that may be missing or null.
pub(crate) const fn optional(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: false,
        shape,
    }
}

impl Shape {
    /// Any string.
    pub(crate) const ANY_TEXT: Self = Self::text(0, usize::MAX);

    /// An AWS account's id.
    pub(crate) const REGISTRY_ID: Self = Self::pattern(12, 12, "[0-9]{12}");

    /// A repository's name. Source: ECR API reference, `CreateRepository`, `repositoryName`.
    pub(crate) const REPOSITORY_NAME: Self = Self::pattern(
        2,
        256,
        r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
    );

    /// A string of `min` to `max` characters.
    pub(crate) const fn text(min: usize, max: usize) -> Self {
        Self::pattern(min, max, "")
    }

    /// A string of `min` to `max` characters, all of which match `pattern`.
    pub(crate) const fn pattern(min: usize, max: usize, pattern: &'static str) -> Self {
        Self::Text { min, max, pattern }
    }

    /// A list of `min` to `max` items.
    pub(crate) const fn list(of: &'static Shape, min: usize, max: usize) -> Self {
        Self::List { of, min, max }
    }

    fn check(&self, value: &Value, path: &str) -> Result<(), Refusal> {
        match self {
            Self::Text { min, max, pattern } => {
                let text = value.as_str().ok_or_else(|| wrong_type(path, "a string"))?;
                check_length(text.chars().count(), *min, *max, path)?;
                if !pattern.is_empty() && !compiled(pattern)?.is_match(text) {
                    let constraint = format!("must satisfy regular expression '{pattern}'");
                    return Err(Refusal::parameter(path, constraint));
                }
                Ok(())
            }
            Self::Enum(values) => {
                let text = value.as_str().ok_or_else(|| wrong_type(path, "a string"))?;
                if values.contains(&text) {
                    return Ok(());
                }
                let set = values.join(", ");
                Err(Refusal::parameter(
                    path,
                    format!("Member must satisfy enum value set: [{set}]"),
                ))
            }
            Self::Integer { min, max } => {
                let number = value.as_i64().ok_or_else(|| wrong_type(path, "a whole number"))?;
                if (*min..=*max).contains(&number) {
                    return Ok(());
                }
                Err(Refusal::parameter(
                    path,
                    format!("Member must have value between {min} and {max}"),
                ))
            }
            Self::Boolean if value.is_boolean() => Ok(()),
            Self::Boolean => Err(wrong_type(path, "true or false")),
            Self::Blob { max } => {
                let text = value.as_str().ok_or_else(|| wrong_type(path, "base64"))?;
                // Four characters stand for three bytes; `=` fills the last four up.
                let bytes = text.trim_end_matches('=').len() * 3 / 4;
                check_length(bytes, 0, *max, path)
            }
            Self::List { of, min, max } => {
                let items = value.as_array().ok_or_else(|| wrong_type(path, "a list"))?;
                check_length(items.len(), *min, *max, path)?;
                items
                    .iter()
                    .enumerate()
                    .try_for_each(|(index, item)| of.check(item, &format!("{path}.{}.member", index + 1)))
            }
            Self::Structure(members) => check_members(members, value, path),
        }
    }
}

/// Checks an operation's input.
pub(super) fn check(members: &[Member], document: &Value) -> Result<(), Refusal> {
    check_members(members, document, "")
}

fn check_members(members: &[Member], value: &Value, path: &str) -> Result<(), Refusal> {
    let fields = value.as_object().ok_or_else(|| wrong_type(path, "a structure"))?;
    for member in members {
        let path = if path.is_empty() {
            member.name.to_owned()
        } else {
            format!("{path}.{}", member.name)
        };
        match fields.get(member.name).filter(|value| !value.is_null()) {
            Some(value) => member.shape.check(value, &path)?,
            None if member.required => return Err(Refusal::parameter(&path, "Member must not be null")),
            None => {}
        }
    }
    Ok(())
}

fn check_length(length: usize, min: usize, max: usize, path: &str) -> Result<(), Refusal> {
    if (min..=max).contains(&length) {
        return Ok(());
    }
    let constraint = match (length < min, min == max) {
        (_, true) => format!("Member must have length {min}"),
        (true, false) => format!("Member must have length greater than or equal to {min}"),
        (false, false) => format!("Member must have length less than or equal to {max}"),
    };
    Err(Refusal::parameter(path, constraint))
}

/// AWS does not say more either.
fn wrong_type(path: &str, wanted: &str) -> Refusal {
    Refusal::Serialization(format!("`{path}` is not {wanted}"))
}

/// Each pattern is compiled once.
fn compiled(pattern: &'static str) -> Result<Arc<Regex>, Refusal> {
    static COMPILED: LazyLock<RwLock<HashMap<&'static str, Arc<Regex>>>> = LazyLock::new(RwLock::default);
    if let Some(known) = COMPILED
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(pattern)
    {
        return Ok(Arc::clone(known));
    }
    let regex = Arc::new(Regex::new(&format!("^(?:{pattern})$")).map_err(Refusal::state)?);
    let mut all = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
    all.insert(pattern, Arc::clone(&regex));
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static INPUT: &[Member] = &[
        optional("registryId", Shape::REGISTRY_ID),
        optional("blob", Shape::Blob { max: 5 }),
        required("repositoryName", Shape::REPOSITORY_NAME),
        optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        optional("names", Shape::list(&Shape::text(1, 3), 1, 2)),
        optional(
            "filter",
            Shape::Structure(&[required("tagStatus", Shape::Enum(&["TAGGED", "UNTAGGED"]))]),
        ),
    ];

    #[test]
    fn what_breaks_a_constraint_is_named_with_its_place() {
        for (document, expected) in [
            (
                json!({"repositoryName": "team/app", "other": 1, "registryId": null}),
                None,
            ),
            (
                json!({}),
                Some("at 'repositoryName' failed to satisfy constraint: 'Member must not be null'"),
            ),
            (
                json!({"repositoryName": "Team"}),
                Some("must satisfy regular expression"),
            ),
            (
                json!({"repositoryName": "team/app\n"}),
                Some("must satisfy regular expression"),
            ),
            (
                json!({"repositoryName": "t"}),
                Some("length greater than or equal to 2"),
            ),
            // RFC 4648, section 10: 5 and 6 bytes.
            (json!({"repositoryName": "app", "blob": "Zm9vYmE="}), None),
            (
                json!({"repositoryName": "app", "blob": "Zm9vYmFy"}),
                Some("at 'blob' failed"),
            ),
            (
                json!({"repositoryName": "app", "maxResults": 1001}),
                Some("value between 1 and 1000"),
            ),
            (
                json!({"repositoryName": "app", "maxResults": "1"}),
                Some("`maxResults` is not a whole number"),
            ),
            (
                json!({"repositoryName": "app", "names": []}),
                Some("at 'names' failed"),
            ),
            (
                json!({"repositoryName": "app", "names": ["a", "long"]}),
                Some("at 'names.2.member' failed"),
            ),
            (
                json!({"repositoryName": "app", "filter": {"tagStatus": "ALL"}}),
                Some("at 'filter.tagStatus' failed"),
            ),
            (
                json!({"repositoryName": "app", "filter": {}}),
                Some("at 'filter.tagStatus' failed"),
            ),
            (json!([]), Some("is not a structure")),
        ] {
            let result = check(INPUT, &document).map_err(|refusal| refusal.to_string());
            match (expected, result) {
                (None, result) => assert_eq!(result, Ok(()), "{document}"),
                (Some(words), Err(message)) => assert!(message.contains(words), "{document}: {message}"),
                (Some(_), Ok(())) => panic!("{document} was taken"),
            }
        }
    }
}
