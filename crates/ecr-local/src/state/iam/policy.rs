//! The part of IAM's policy language that the emulator evaluates. What it cannot evaluate it refuses to read.
//!
//! Source: IAM user guide, "IAM JSON policy element reference" and "Policy evaluation logic".

use std::collections::BTreeMap;

use serde::Deserialize;

use super::caller::Caller;
use super::decision::Request;
use super::grammar::{PolicyDecision, PolicyKind, PolicyProblem, Verdict};
use super::statement::{Document, Effect, Statement};

/// A permission policy of a role or a session.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Document")]
pub(crate) struct Policy(Vec<Statement>);

/// Who may become a role. Source: IAM user guide, "Roles terms and concepts", "Trust policy".
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Document")]
pub(crate) struct TrustPolicy(ResourcePolicy);

/// Who may do what with a resource: the policy of a repository or a registry.
#[derive(Debug, Clone)]
pub(crate) struct ResourcePolicy(Vec<Statement>);

impl TryFrom<Document> for Policy {
    type Error = PolicyProblem;

    fn try_from(document: Document) -> Result<Self, PolicyProblem> {
        document.statements(PolicyKind::Identity).map(Self)
    }
}

impl TryFrom<Document> for TrustPolicy {
    type Error = PolicyProblem;

    fn try_from(document: Document) -> Result<Self, PolicyProblem> {
        Ok(Self(ResourcePolicy(document.statements(PolicyKind::Trust)?)))
    }
}

impl Policy {
    /// Reads a policy document in JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What the policy says to `action` on `resource`; `keys` are the condition keys, in lower case.
    pub(crate) fn verdict(&self, action: &str, resource: &str, keys: &BTreeMap<String, String>) -> Verdict {
        let about = self
            .0
            .iter()
            .filter(|statement| statement.is_about(action, resource, keys));
        about
            .map(|statement| match statement.effect {
                Effect::Allow => Verdict::Allowed,
                Effect::Deny => Verdict::Denied,
            })
            .max()
            .unwrap_or(Verdict::Silent)
    }
}

impl ResourcePolicy {
    /// Reads the policy of a repository or a registry, in JSON.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyProblem> {
        let document: Document =
            serde_json::from_str(text).map_err(|error| PolicyProblem::Invalid(error.to_string()))?;
        document.statements(PolicyKind::Resource).map(Self)
    }

    /// What the policy says to a request of the caller.
    pub(crate) fn decision_for(&self, caller: &Caller, request: &Request<'_>) -> PolicyDecision {
        self.decision(caller, request.action, request.resource, &request.keys(caller))
    }

    /// What the policy says to the caller's `action` on `resource`.
    pub(super) fn decision(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        keys: &BTreeMap<String, String>,
    ) -> PolicyDecision {
        let mut decision = PolicyDecision::Silent;
        for statement in &self.0 {
            let naming = statement
                .principals
                .as_ref()
                .and_then(|principals| principals.principal_match(caller));
            let Some(naming) = naming.filter(|_| statement.is_about(action, resource, keys)) else {
                continue;
            };
            decision = decision.max(match statement.effect {
                Effect::Allow => PolicyDecision::Allowed(naming),
                Effect::Deny => PolicyDecision::Denied,
            });
        }
        decision
    }
}

impl TrustPolicy {
    /// How `caller` is trusted to do `action`, if it is.
    pub(super) fn trusts(
        &self,
        action: &str,
        caller: &Caller,
        keys: &BTreeMap<String, String>,
    ) -> PolicyDecision {
        self.0.decision(caller, action, "", keys)
    }

    /// Whether a token of `provider` is good for `action`.
    pub(super) fn trusts_token(&self, action: &str, provider: &str, keys: &BTreeMap<String, String>) -> bool {
        let about = self.0.0.iter().filter(|statement| {
            let principals = statement.principals.as_ref();
            principals.is_some_and(|principals| principals.has_provider(provider))
                && statement.is_about(action, "", keys)
        });
        let mut effects = about.map(|statement| statement.effect).peekable();
        effects.peek().is_some() && effects.all(|effect| effect == Effect::Allow)
    }
}
