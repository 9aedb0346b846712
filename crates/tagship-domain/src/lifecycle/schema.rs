//! The properties of one JSON object of a policy.

use serde_json::{Map, Value};

use super::problem::Problem;

/// What is wrong with a property, and where that is.
#[derive(Debug)]
pub(super) struct Placed {
    /// The names of the properties that lead to it; none for the object itself.
    pub(super) path: Vec<&'static str>,
    pub(super) problem: Problem,
}

impl Placed {
    /// Something that is wrong with an object itself.
    pub(super) fn here(problem: Problem) -> Self {
        Self {
            path: Vec::new(),
            problem,
        }
    }
}

/// Reads the properties of one JSON object, and keeps what is wrong with them.
#[derive(Debug)]
pub(super) struct Object<'a> {
    fields: &'a Map<String, Value>,
    pub(super) problems: Vec<Placed>,
}

impl<'a> Object<'a> {
    /// An object with all of `required`, and nothing but these and `optional`.
    pub(super) fn of(
        value: &'a Value,
        required: &[&'static str],
        optional: &[&'static str],
    ) -> Result<Self, Vec<Placed>> {
        let fields = value
            .as_object()
            .ok_or_else(|| vec![Placed::here(wrong_type(value, "object"))])?;
        let mut problems = Vec::new();
        let missing: Vec<&'static str> = required
            .iter()
            .copied()
            .filter(|name| !fields.contains_key(*name))
            .collect();
        if !missing.is_empty() {
            problems.push(Placed::here(Problem::Missing(missing)));
        }
        let known = |name: &str| required.contains(&name) || optional.contains(&name);
        let unknown: Vec<String> = fields.keys().filter(|name| !known(name)).cloned().collect();
        if !unknown.is_empty() {
            problems.push(Placed::here(Problem::Unknown(unknown)));
        }
        Ok(Self { fields, problems })
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    /// Keeps what is wrong with a property.
    pub(super) fn add(&mut self, name: &'static str, problem: Problem) {
        self.problems.push(Placed {
            path: vec![name],
            problem,
        });
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        let value = self.get(name)?;
        let text = value.as_str();
        if text.is_none() {
            self.add(name, wrong_type(value, "string"));
        }
        text
    }

    /// One of a few texts.
    pub(super) fn one_of(
        &mut self,
        name: &'static str,
        allowed: &'static [&'static str],
    ) -> Option<&'static str> {
        let text = self.text(name)?;
        let found = allowed.iter().copied().find(|allowed| *allowed == text);
        if found.is_none() {
            let found = text.to_owned();
            self.add(name, Problem::NotInEnum { found, allowed });
        }
        found
    }

    /// A whole number from 1.
    pub(super) fn number(&mut self, name: &'static str) -> Option<u32> {
        const MAXIMUM: i64 = i32::MAX as i64;
        let value = self.get(name)?;
        let problem = match value.as_i64() {
            Some(found @ 1..=MAXIMUM) => return u32::try_from(found).ok(),
            Some(found @ ..=0) => Problem::TooSmall { minimum: 1, found },
            Some(found) => Problem::TooLarge {
                maximum: MAXIMUM,
                found,
            },
            None => wrong_type(value, "integer"),
        };
        self.add(name, problem);
        None
    }

    /// A list of at least one item.
    pub(super) fn list(&mut self, name: &'static str) -> Option<&'a [Value]> {
        let value = self.get(name)?;
        match value.as_array() {
            Some(items) if items.is_empty() => self.add(name, Problem::EmptyList),
            Some(items) => return Some(items),
            None => self.add(name, wrong_type(value, "array")),
        }
        None
    }

    /// A list of at least one text.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for item in self.list(name)? {
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.add(name, wrong_type(item, "string")),
            }
        }
        Some(texts)
    }
}

fn wrong_type(value: &Value, allowed: &'static str) -> Problem {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Problem::Type { found, allowed }
}
