//! Which rules of the pull through cache are refused.

use crate::faces::json_api::Context;
use crate::refusal::Refusal;
use crate::services::pull_through::{CacheRule, Upstream};
use tagship_domain::reference::RegistryHost;

pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::modelled("ValidationException", message)
}

/// Refuses what does not go with the upstream registry.
///
/// Source: ECR user guide, "Creating a pull through cache rule in Amazon ECR". Whether a secret is there, and
/// what it says, is not looked at.
pub(super) fn check(rule: &CacheRule, context: &Context<'_>) -> Result<(), Refusal> {
    let own = &context.registry;
    match (&rule.credential_arn, rule.upstream_registry.needs_secret()) {
        (None, true) => return Err(invalid("The upstream registry requires a credential ARN")),
        (Some(_), false) => return Err(invalid("The upstream registry does not support a credential ARN")),
        (Some(arn), true) => {
            let home = format!(":secretsmanager:{}:{}:secret:", own.region(), own.account());
            if !arn.contains(&home) {
                return Err(invalid(
                    "The secret must be in the account and the Region of the registry",
                ));
            }
        }
        (None, false) => {}
    }
    if let Some(role) = &rule.custom_role_arn {
        if rule.upstream_registry != Upstream::Ecr {
            return Err(invalid(
                "Only an Amazon ECR upstream registry supports a custom role",
            ));
        }
        let of_account = context.state.iam.role_arn(own.account(), "");
        if role.strip_prefix(&of_account).is_none_or(str::is_empty) {
            return Err(invalid(
                "The custom role must be a role of the registry's account",
            ));
        }
        context.permit("iam:PassRole", role)?;
    }
    if rule.upstream_registry == Upstream::Ecr {
        let host =
            RegistryHost::parse(&rule.upstream_registry_url).map_err(|error| invalid(error.to_string()))?;
        let is_foreign = host.account() != Some(own.account());
        if !is_foreign && host.region() == Some(own.region()) {
            return Err(invalid("The upstream registry cannot be the registry itself"));
        }
        if is_foreign && rule.custom_role_arn.is_none() {
            return Err(invalid(
                "The upstream registry of another account requires a custom role",
            ));
        }
    }
    Ok(())
}
