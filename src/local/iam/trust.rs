use std::collections::BTreeMap;

use serde::Deserialize;

use super::policy::{Conditions, Effect, OneOrMany, Verdict, matches, verdict};
use super::{Caller, Naming};

/// Who may become a role.
///
/// Source: IAM user guide, "Roles terms and concepts", "Trust policy".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TrustPolicy {
    #[serde(rename = "Version", default)]
    _version: Option<String>,
    #[serde(rename = "Id", default)]
    _id: Option<String>,
    statement: OneOrMany<TrustStatement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TrustStatement {
    #[serde(rename = "Sid", default)]
    _sid: Option<String>,
    effect: Effect,
    principal: Trusted,
    action: OneOrMany<String>,
    #[serde(default)]
    condition: Conditions,
}

/// Whom a statement is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Trusted {
    Everyone(Everyone),
    Named(Named),
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Everyone {
    #[serde(rename = "*")]
    Star,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    /// Identity providers, by resource name.
    #[serde(rename = "Federated", default)]
    federated: OneOrMany<String>,
    /// Accounts, users, roles and sessions.
    #[serde(rename = "AWS", default)]
    aws: OneOrMany<String>,
}

impl TrustPolicy {
    /// Whether a token of `provider` is good for `action`.
    pub(super) fn trusts_token(
        &self,
        action: &str,
        provider: &str,
        request: &BTreeMap<String, String>,
    ) -> bool {
        let effects = self
            .about(action, request)
            .filter(|statement| match &statement.principal {
                // Whether that means tokens too is not documented.
                Trusted::Everyone(Everyone::Star) => false,
                Trusted::Named(named) => named.federated.iter().any(|name| name == provider),
            })
            .map(|statement| statement.effect);
        verdict(effects) == Verdict::Allowed
    }

    /// How `caller` is trusted to do `action`, if it is.
    pub(super) fn trusts(
        &self,
        action: &str,
        caller: &Caller,
        request: &BTreeMap<String, String>,
    ) -> Option<Naming> {
        let mut closest = None;
        for statement in self.about(action, request) {
            let Some(naming) = statement.principal.naming(caller) else {
                continue;
            };
            match statement.effect {
                Effect::Deny => return None,
                Effect::Allow => closest = closest.max(Some(naming)),
            }
        }
        closest
    }

    /// The statements about `action` whose conditions hold.
    fn about(
        &self,
        action: &str,
        request: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = &TrustStatement> {
        let action = action.to_ascii_lowercase();
        self.statement.iter().filter(move |statement| {
            statement
                .action
                .iter()
                .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
                && statement.condition.hold(request)
        })
    }
}

impl Trusted {
    fn naming(&self, caller: &Caller) -> Option<Naming> {
        match self {
            Self::Everyone(Everyone::Star) => Some(Naming::Identity),
            Self::Named(named) => named.aws.iter().filter_map(|name| caller.naming(name)).max(),
        }
    }
}
