//! The whole registry: its settings and its repositories, planned together.

use super::super::RunError;
use super::{OpenedRegistry, RegistryRequest};
use crate::pipeline::{
    AppliedSettings, PlannedRepository, PlannedSettings, plan_repositories, plan_settings,
};
use crate::ports::ReadRegistrySettings as _;
use crate::report::{RegistryPlan, RepositoryFailure, SettingsPlan, SettingsReport, UnusableUpstream};
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::registry_settings::{RegistrySettingsPlan, WantedSettings, settings_declaration_of};
use tagship_domain::repositories::{DeclaredRepository, UndeclaredRepository};
use tagship_domain::untrusted::cleaned;

/// What there is to do in a registry.
pub(super) struct PlannedRegistry {
    pub(super) settings: Option<PlannedSettings>,
    pub(super) repositories: Vec<PlannedRepository>,
    pub(super) undeclared: Vec<UndeclaredRepository>,
}

/// Compares what is declared with what is there. Nothing is written.
pub(super) async fn plan(
    request: &RegistryRequest,
    declared: &[DeclaredRepository],
    opened: &OpenedRegistry,
) -> Result<PlannedRegistry, RunError> {
    // A file may declare those of a private registry beside.
    let settings = match (request.declared_settings(), opened.repositories.private()) {
        (Some(declared), Some(private)) => Some(plan_settings(declared, private).await?),
        _ => None,
    };
    let repositories = plan_repositories(declared, opened.repositories.reader(), request.check()).await?;
    let missing = repositories.iter().filter(|one| one.actual.is_none());
    let missing = missing.map(|one| &one.declared.name);
    opened.repositories.check_names(missing).await?;
    Ok(PlannedRegistry {
        settings,
        repositories,
        undeclared: undeclared(request, opened).await?,
    })
}

/// Returns the repositories that nothing declares, by name; none where they are to stay.
async fn undeclared(
    request: &RegistryRequest,
    opened: &OpenedRegistry,
) -> Result<Vec<UndeclaredRepository>, RunError> {
    let Some(declared) = request
        .settings
        .declared
        .as_ref()
        .filter(|_| request.removes_undeclared)
    else {
        return Ok(Vec::new());
    };
    let reader = opened.repositories.reader();
    let registry = request.settings.declared_registry.as_ref();
    let is_declared = |name: &RepositoryName| {
        declared.of(name).is_some() || registry.is_some_and(|registry| registry.makes(name))
    };
    let all = reader.describe_all().await?.into_iter().map(|one| one.name);
    let mut names: Vec<RepositoryName> = all.filter(|name| !is_declared(name)).collect();
    names.sort();
    let mut found = Vec::new();
    for repository in names {
        let holds_images = reader.holds_images(&repository).await?;
        found.push(UndeclaredRepository {
            repository,
            holds_images,
        });
    }
    Ok(found)
}

impl PlannedRegistry {
    /// Returns what there is to do, as the plan shows it.
    pub(super) fn shown(&self, host: &RegistryHost) -> RegistryPlan {
        RegistryPlan {
            registry: host.clone(),
            registry_settings: self.settings.as_ref().map(shown),
            repositories: self.repositories.iter().map(|one| one.plan.clone()).collect(),
            undeclared: self.undeclared.clone(),
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
pub(super) fn reported(plan: &RegistrySettingsPlan, applied: &AppliedSettings) -> SettingsReport {
    let errors = applied.failures.iter();
    let left = plan.changes.iter().skip(applied.tried).map(|change| {
        let setting = change.setting.as_str();
        let name = change.name.as_ref();
        name.map_or_else(
            || setting.to_owned(),
            |name| format!("{setting} {}", cleaned(name)),
        )
    });
    SettingsReport {
        applied: applied.applied.clone(),
        errors: errors.map(|(_, error)| RepositoryFailure::of(error)).collect(),
        untried: plan.changes.len() - applied.tried,
        left: left.collect(),
    }
}

/// Returns the declaration of all settings that are there.
pub(super) async fn declaration(opened: &OpenedRegistry) -> Result<String, RunError> {
    let private = opened.private("which has no settings of its own")?;
    let actual = private.settings(&WantedSettings::all()).await?;
    Ok(settings_declaration_of(&actual))
}
