//! Statements of policies.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::condition::{Conditions, RawConditions};
use super::grammar::{OneOrMany, PolicyKind, PolicyProblem, matches, without_variables};
use super::principals::Principals;

/// One statement of any policy.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) effect: Effect,
    /// The principals that it is about; none in a policy of an identity, which is about that.
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

/// A policy as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    version: Option<String>,
    #[serde(rename = "Id", default)]
    _id: Option<String>,
    statement: OneOrMany<RawStatement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawStatement {
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
    pub(super) fn statements(self, kind: PolicyKind) -> Result<Vec<Statement>, PolicyProblem> {
        let version = self.version.as_deref();
        if version.is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
            return Err(PolicyProblem::invalid("`Version` is not `2012-10-17`"));
        }
        let entries: Vec<RawStatement> = match self.statement {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        };
        if entries.is_empty() && kind == PolicyKind::Resource {
            return Err(PolicyProblem::invalid("there is no statement"));
        }
        entries.into_iter().map(|entry| entry.read(kind)).collect()
    }
}

impl RawStatement {
    fn read(self, kind: PolicyKind) -> Result<Statement, PolicyProblem> {
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
            (PolicyKind::Identity, Some(_), _) => {
                return Err(PolicyProblem::invalid("an identity's policy has no `Principal`"));
            }
            (PolicyKind::Identity, None, None) => {
                return Err(PolicyProblem::invalid("a statement has no `Resource`"));
            }
            (PolicyKind::Trust | PolicyKind::Resource, None, _) => {
                return Err(PolicyProblem::invalid("a statement has no `Principal`"));
            }
            (PolicyKind::Trust, Some(_), Some(_)) => {
                return Err(PolicyProblem::invalid("a trust policy has no `Resource`"));
            }
            _ => {}
        }
        if let Some(resources) = &self.resource {
            without_variables(resources.iter())?;
        }
        if kind == PolicyKind::Resource {
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
