use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{Conditions, RawConditions};
use super::principals::Principals;

/// One statement of any policy.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    /// Whom it is about; none in a policy of an identity, which is about that.
    pub(super) principals: Option<Principals>,
    actions: OneOrMany<String>,
    /// None in the policy of a resource, which is about that.
    resources: Option<OneOrMany<String>>,
    conditions: Conditions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// What a policy belongs to, which decides what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To a role or a session.
    Identity,
    /// To a role, as what is assumed.
    Trust,
    /// To a repository or a registry.
    Resource,
}

/// Why a policy is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyProblem {
    /// AWS does not take it either.
    #[error("{0}")]
    Invalid(String),
    /// AWS takes it, but the emulator cannot evaluate it.
    #[error("the emulator does not evaluate {0}")]
    NotEvaluated(String),
}

impl PolicyProblem {
    pub(super) fn invalid(problem: &str) -> Self {
        Self::Invalid(problem.to_owned())
    }
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

/// A policy as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    version: Option<String>,
    #[serde(rename = "Id", default)]
    _id: Option<String>,
    statement: OneOrMany<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    #[serde(rename = "Sid", default)]
    _sid: Option<String>,
    effect: Effect,
    #[serde(default)]
    principal: Option<Principals>,
    #[serde(default)]
    not_principal: Option<IgnoredAny>,
    #[serde(default)]
    action: Option<OneOrMany<String>>,
    #[serde(default)]
    not_action: Option<IgnoredAny>,
    #[serde(default)]
    resource: Option<OneOrMany<String>>,
    #[serde(default)]
    not_resource: Option<IgnoredAny>,
    #[serde(default)]
    condition: RawConditions,
}

impl Document {
    /// Checks that everything is there that belongs into a policy of this kind, and nothing else.
    pub(super) fn statements(self, kind: Kind) -> Result<Vec<Statement>, PolicyProblem> {
        let version = self.version.as_deref();
        if version.is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
            return Err(PolicyProblem::invalid("`Version` is not `2012-10-17`"));
        }
        let entries: Vec<Entry> = match self.statement {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        };
        if entries.is_empty() && kind == Kind::Resource {
            return Err(PolicyProblem::invalid("there is no statement"));
        }
        entries.into_iter().map(|entry| entry.read(kind)).collect()
    }
}

impl Entry {
    fn read(self, kind: Kind) -> Result<Statement, PolicyProblem> {
        for (present, name) in [
            (self.not_principal.is_some(), "`NotPrincipal`"),
            (self.not_action.is_some(), "`NotAction`"),
            (self.not_resource.is_some(), "`NotResource`"),
        ] {
            if present {
                return Err(PolicyProblem::NotEvaluated(name.to_owned()));
            }
        }
        let actions = self
            .action
            .ok_or_else(|| PolicyProblem::invalid("a statement has no `Action`"))?;
        match (kind, &self.principal, &self.resource) {
            (Kind::Identity, Some(_), _) => {
                return Err(PolicyProblem::invalid("an identity's policy has no `Principal`"));
            }
            (Kind::Identity, None, None) => {
                return Err(PolicyProblem::invalid("a statement has no `Resource`"));
            }
            (Kind::Trust | Kind::Resource, None, _) => {
                return Err(PolicyProblem::invalid("a statement has no `Principal`"));
            }
            (Kind::Trust, Some(_), Some(_)) => {
                return Err(PolicyProblem::invalid("a trust policy has no `Resource`"));
            }
            _ => {}
        }
        if let Some(resources) = &self.resource {
            without_variables(resources.iter())?;
        }
        if kind == Kind::Resource {
            // Source: ECR user guide, "Private registry permissions": only ECR's own actions.
            if !actions.iter().all(|action| {
                action == "*" || action.starts_with("ecr:") || action.starts_with("ecr-public:")
            }) {
                return Err(PolicyProblem::invalid("an `Action` is not one of ECR's"));
            }
            if let Some(principals) = &self.principal {
                principals.check()?;
            }
        }
        Ok(Statement {
            effect: self.effect,
            principals: self.principal,
            actions,
            resources: self.resource,
            conditions: Conditions::read(self.condition, kind)?,
        })
    }
}

/// Refuses variables such as `${aws:username}`, which would be compared letter by letter.
///
/// Source: IAM user guide, "IAM policy elements: Variables and tags".
pub(super) fn without_variables<'a>(
    texts: impl IntoIterator<Item = &'a String>,
) -> Result<(), PolicyProblem> {
    if texts.into_iter().any(|text| text.contains("${")) {
        return Err(PolicyProblem::NotEvaluated("policy variables".to_owned()));
    }
    Ok(())
}

impl Statement {
    /// Whether the statement is about such a request, whoever makes it.
    pub(super) fn is_about(&self, action: &str, resource: &str, keys: &BTreeMap<String, String>) -> bool {
        let action = action.to_ascii_lowercase();
        let has_resource =
            |resources: &OneOrMany<String>| resources.iter().any(|pattern| matches(pattern, resource));
        self.actions
            .iter()
            .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resources.as_ref().is_none_or(has_resource)
            && self.conditions.hold(keys)
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
