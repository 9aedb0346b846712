//! The whole registry: its settings and its repositories, planned together.

use super::super::RunError;
use super::{OpenedRegistry, RegistryRequest};
use crate::pipeline::{
    AppliedSettings, PlannedRepository, PlannedSettings, plan_repositories, plan_settings,
};
use crate::ports::ReadRegistrySettings as _;
use crate::report::{RegistryPlan, RepositoryFailure, SettingsPlan, SettingsReport, UnusableUpstream};
use tagship_domain::reference::RegistryHost;
use tagship_domain::registry_settings::{WantedSettings, settings_declaration_of};
use tagship_domain::repositories::DeclaredRepository;

/// What there is to do in a registry.
pub(super) struct PlannedRegistry {
    pub(super) settings: Option<PlannedSettings>,
    pub(super) repositories: Vec<PlannedRepository>,
}

/// Compares what is declared with what is there. Nothing is written.
pub(super) async fn plan(
    request: &RegistryRequest,
    declared: &[DeclaredRepository],
    opened: &OpenedRegistry,
) -> Result<PlannedRegistry, RunError> {
    let settings = match request.declared_settings() {
        Some(declared) => Some(plan_settings(declared, &opened.repositories).await?),
        None => None,
    };
    Ok(PlannedRegistry {
        settings,
        repositories: plan_repositories(declared, &opened.repositories, request.check()).await?,
    })
}

impl PlannedRegistry {
    /// Returns what there is to do, as the plan shows it.
    pub(super) fn shown(&self, host: &RegistryHost) -> RegistryPlan {
        RegistryPlan {
            registry: host.clone(),
            registry_settings: self.settings.as_ref().map(shown),
            repositories: self.repositories.iter().map(|one| one.plan.clone()).collect(),
        }
    }
}

fn shown(planned: &PlannedSettings) -> SettingsPlan {
    let upstreams = planned.upstreams.iter().map(|upstream| UnusableUpstream {
        prefix: upstream.prefix.to_string(),
        problem: upstream.problem.clone(),
    });
    SettingsPlan {
        plan: planned.plan.clone(),
        upstreams: upstreams.collect(),
    }
}

/// What became of the settings, as the report shows it.
pub(super) fn reported(applied: &AppliedSettings) -> SettingsReport {
    let errors = applied.failures.iter();
    SettingsReport {
        applied: applied.applied.clone(),
        errors: errors.map(|(_, error)| RepositoryFailure::of(error)).collect(),
        untried: applied.untried,
    }
}

/// Returns the declaration of all settings that are there.
pub(super) async fn declaration(opened: &OpenedRegistry) -> Result<String, RunError> {
    let actual = opened.repositories.settings(&WantedSettings::all()).await?;
    Ok(settings_declaration_of(&actual))
}
