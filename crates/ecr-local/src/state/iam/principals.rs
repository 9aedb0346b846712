//! Who a statement is about.

use serde::Deserialize;

use super::caller::Caller;
use super::grammar::{OneOrMany, PolicyProblem, PrincipalMatch};
use tagship_domain::reference::AccountId;

/// Who a statement is about.
///
/// Source: IAM user guide, "AWS JSON policy elements: Principal".
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Principals {
    Everyone(Everyone),
    Named(NamedPrincipals),
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Everyone {
    #[serde(rename = "*")]
    Star,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedPrincipals {
    /// Identity providers, by resource name.
    #[serde(rename = "Federated", default)]
    federated: OneOrMany<String>,
    /// Accounts, users, roles and sessions.
    #[serde(rename = "AWS", default)]
    aws: OneOrMany<String>,
    /// Services of AWS, none of which calls the emulator.
    #[serde(rename = "Service", default)]
    service: OneOrMany<String>,
}

impl Principals {
    /// How the caller is named, if it is.
    pub(super) fn principal_match(&self, caller: &Caller) -> Option<PrincipalMatch> {
        match self {
            Self::Everyone(Everyone::Star) => Some(PrincipalMatch::Identity),
            Self::Named(named) => named
                .aws
                .iter()
                .filter_map(|name| caller.principal_match(name))
                .max(),
        }
    }

    /// Whether an identity provider is named. Whether `*` means such too is not documented.
    pub(super) fn has_provider(&self, provider: &str) -> bool {
        match self {
            Self::Everyone(Everyone::Star) => false,
            Self::Named(named) => named.federated.iter().any(|name| name == provider),
        }
    }

    /// Checks the form of the names. AWS also refuses who does not exist.
    pub(super) fn check(&self) -> Result<(), PolicyProblem> {
        let Self::Named(named) = self else { return Ok(()) };
        if named.federated.iter().next().is_some() {
            return Err(PolicyProblem::NotEvaluated(
                "`Federated` principals here".to_owned(),
            ));
        }
        if named.aws.iter().chain(named.service.iter()).count() == 0 {
            return Err(PolicyProblem::invalid("a `Principal` names no one"));
        }
        if !named.aws.iter().all(|name| name == "*" || is_principal(name)) {
            return Err(PolicyProblem::invalid("a `Principal` is not of AWS's form"));
        }
        let is_service = |name: &String| name.contains(".amazonaws.");
        if !named.service.iter().all(is_service) {
            return Err(PolicyProblem::invalid("a `Service` is not one of AWS's"));
        }
        Ok(())
    }
}

/// Whether this is an account's number, or the resource name of an account's root, a user, a role or a session.
fn is_principal(name: &str) -> bool {
    let of_account = |account: &str| AccountId::parse(account).is_ok();
    let mut parts = name.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, rest) = (next(), next(), next(), next(), next(), next());
    if partition.is_empty() {
        return of_account(arn);
    }
    let named = |prefix: &str| {
        rest.strip_prefix(prefix)
            .is_some_and(|name| !name.is_empty() && !name.contains('*'))
    };
    let form = match service {
        "iam" => rest == "root" || named("user/") || named("role/"),
        "sts" => named("assumed-role/"),
        _ => false,
    };
    arn == "arn" && partition.starts_with("aws") && region.is_empty() && of_account(account) && form
}
