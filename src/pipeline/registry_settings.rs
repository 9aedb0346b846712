//! The settings of a whole registry as code: reads what is there, and puts what differs.

use super::ApplyError;
use crate::ports::{ReadRegistrySettings, RegistryError, Reporter, RunEvent, WriteRegistrySettings};
use tagship_domain::registry_settings::{
    DeclaredRegistry, RegistryChange, RegistryPut, RegistrySettingsPlan, TemplatePrefix, WantedSettings,
};

/// What there is to do with a registry's settings.
#[derive(Debug, Clone)]
pub struct PlannedSettings {
    /// What there is to do.
    pub plan: RegistrySettingsPlan,
    /// Upstream registries of rules that are as declared, and why they cannot be used.
    pub upstreams: Vec<UpstreamProblem>,
}

/// Why the upstream registry of a rule of the pull-through cache cannot be used.
#[derive(Debug, Clone)]
pub struct UpstreamProblem {
    /// The rule.
    pub prefix: TemplatePrefix,
    /// Why, as the registry says it; cleaned.
    pub problem: String,
}

/// What became of a registry's settings.
#[derive(Debug, Default)]
pub struct AppliedSettings {
    /// The settings that were put, in their order.
    pub applied: Vec<RegistryChange>,
    /// What could not be put, by the setting's key, and why.
    pub failures: Vec<(&'static str, ApplyError)>,
    /// How many were tried to their end.
    pub tried: usize,
    /// How many were not tried, because the credentials are no good.
    pub untried: usize,
}

/// Compares what is declared with what is there. Nothing is written.
pub async fn plan_settings(
    declared: &DeclaredRegistry,
    reader: &dyn ReadRegistrySettings,
) -> Result<PlannedSettings, RegistryError> {
    let actual = reader.settings(&WantedSettings::of(declared)).await?;
    let plan = RegistrySettingsPlan::new(declared, &actual);
    let mut upstreams = Vec::new();
    for rule in &declared.pull_through {
        let is_there = actual
            .pull_through
            .iter()
            .flatten()
            .any(|one| one.prefix == rule.prefix);
        let differs = plan.changes.iter().any(|change| match &change.put {
            RegistryPut::Cache(changed) => changed.prefix == rule.prefix,
            _ => false,
        });
        if is_there
            && !differs
            && let Some(problem) = reader.upstream_problem(&rule.prefix).await?
        {
            let prefix = rule.prefix.clone();
            upstreams.push(UpstreamProblem { prefix, problem });
        }
    }
    Ok(PlannedSettings { plan, upstreams })
}

/// Puts what differs, in its order. A failure ends the work on its setting alone, unless the credentials are no good.
pub async fn apply_settings(
    plan: &RegistrySettingsPlan,
    writer: &dyn WriteRegistrySettings,
    reporter: &dyn Reporter,
    hear: &(dyn Fn(&AppliedSettings) + Sync),
) -> AppliedSettings {
    let mut done = AppliedSettings::default();
    hear(&done);
    for (index, change) in plan.changes.iter().enumerate() {
        let setting = change.setting.as_str();
        reporter.event(RunEvent::Note(&format!("changing the registry's `{setting}`")));
        let put = writer.put(&change.put).await;
        let checked = match (put, &change.put) {
            (Err(error), _) => Err(ApplyError::from(error)),
            (Ok(()), RegistryPut::NewCache(rule) | RegistryPut::Cache(rule)) => {
                done.applied.push(change.clone());
                check(&rule.prefix, writer).await
            }
            (Ok(()), _) => {
                done.applied.push(change.clone());
                Ok(())
            }
        };
        if let Err(error) = checked {
            let is_end = error.is_about_credentials();
            done.failures.push((setting, error));
            if is_end {
                done.untried = plan.changes.len() - index - 1;
            }
        }
        done.tried = index + 1;
        hear(&done);
        if done.untried > 0 {
            break;
        }
    }
    done
}

/// A rule is made whether its upstream can be used or not. Source: ECR API reference, `ValidatePullThroughCacheRule`.
async fn check(prefix: &TemplatePrefix, reader: &dyn WriteRegistrySettings) -> Result<(), ApplyError> {
    match reader.upstream_problem(prefix).await? {
        None => Ok(()),
        Some(problem) => Err(ApplyError::Upstream {
            prefix: prefix.to_string(),
            problem,
        }),
    }
}
