//! The part of IAM's policy language that the emulator evaluates. What it cannot evaluate it refuses to read.
//!
//! Source: IAM user guide, "IAM JSON policy element reference" and "Policy evaluation logic".

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a policy says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A statement allows it, none denies it.
    Allowed,
    /// A statement denies it, whatever others say.
    Denied,
    /// No statement is about it.
    Silent,
}

/// A permission policy.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Policy {
    #[serde(rename = "Version", default)]
    _version: Option<String>,
    #[serde(rename = "Id", default)]
    _id: Option<String>,
    statement: OneOrMany<Statement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid", default)]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// IAM takes a single value where a list may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::Many(many) => many.iter(),
        }
    }
}

impl Policy {
    /// Reads a policy document in JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What the policy says to `action` on `resource`.
    pub(crate) fn verdict(&self, action: &str, resource: &str) -> Verdict {
        verdict(
            self.statement
                .iter()
                .filter(|statement| {
                    statement
                        .action
                        .iter()
                        .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
                        && statement
                            .resource
                            .iter()
                            .any(|pattern| matches(pattern, resource))
                })
                .map(|statement| statement.effect),
        )
    }
}

/// An explicit deny counts before any allow.
pub(super) fn verdict(effects: impl Iterator<Item = Effect>) -> Verdict {
    effects.fold(Verdict::Silent, |verdict, effect| match (verdict, effect) {
        (Verdict::Denied, _) | (_, Effect::Deny) => Verdict::Denied,
        (_, Effect::Allow) => Verdict::Allowed,
    })
}

/// The condition block of a trust policy: operator → key → values.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Conditions {
    #[serde(default)]
    string_equals: BTreeMap<String, OneOrMany<String>>,
    #[serde(default)]
    string_like: BTreeMap<String, OneOrMany<String>>,
}

impl Conditions {
    /// Whether every condition holds; a key that the request lacks fails.
    pub(super) fn hold(&self, request: &BTreeMap<String, String>) -> bool {
        let holds = |conditions: &BTreeMap<String, OneOrMany<String>>, test: fn(&str, &str) -> bool| {
            conditions.iter().all(|(key, wanted)| {
                request
                    .get(&key.to_ascii_lowercase())
                    .is_some_and(|value| wanted.iter().any(|wanted| test(wanted, value)))
            })
        };
        holds(&self.string_equals, |wanted, value| wanted == value) && holds(&self.string_like, matches)
    }
}

/// Whether the whole of `text` matches `pattern`: `*` stands for any characters, `?` for one.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Where to go on after the last `*`: one more character belongs to it each time.
    let mut retry: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    while let Some(character) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                retry = Some((p, t));
            }
            Some(wanted) if *wanted == '?' || wanted == character => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((after_star, taken + 1));
                (p, t) = (after_star, taken + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}
