//! `tagship repo list`: what the repositories of registries are and hold.

use std::sync::Arc;

use super::super::{Outcome, RunError};
use super::{OpenedRegistry, RegistryRequest, RepositoriesError};
use crate::pipeline::{list_repositories, plan_settings};
use crate::ports::{RegistryError, Reporter, RunEvent};
use crate::report::{ListedRegistry, RepositoryFailure, RepositoryList};
use crate::settings::RepositorySettings;
use tagship_domain::error::{Diagnose, with_causes};
use tagship_domain::iam::RegistryAccess;
use tagship_domain::reference::RegistryHost;
use tagship_domain::repositories::{Declarations, DeclaredRepository, Drift, ListedRepository};

/// Lists the repositories of the registry, and of those that `targets` names. Nothing is written.
pub async fn list_registries(
    request: &RegistryRequest,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let settings = &request.settings;
    let declared = settings.declared.as_ref().map(Declarations::resolved);
    let opened = OpenedRegistry::open(settings, RegistryAccess::Read, Arc::clone(&reporter)).await?;
    let found = list(request, declared.as_deref(), &opened, &*reporter).await;
    let differing = settings_that_differ(request, &opened, &*reporter).await;
    let host = opened.host.clone();
    opened.close().await;
    let mut registries = vec![ListedRegistry {
        registry: host,
        repositories: found?,
        settings_that_differ: differing?,
        error: None,
    }];
    let mut failures = Vec::new();
    for place in &settings.further {
        // One registry that cannot be read hides no other.
        match Box::pin(further(request, place, Arc::clone(&reporter))).await {
            Ok(listed) => registries.push(listed),
            Err((listed, error)) => {
                failures.push((listed.registry.clone(), error));
                registries.push(listed);
            }
        }
    }
    let list = RepositoryList { registries };
    let drifts = list.registries.iter().flat_map(|one| &one.repositories);
    let count = drifts.filter(|one| one.drift.is_some_and(Drift::is_open)).count();
    let mut settings = list
        .registries
        .iter()
        .filter_map(|one| one.settings_that_differ.as_ref());
    let differ = settings.any(|settings| !settings.is_empty());
    let failure = match failures.into_iter().next() {
        Some((registry, error)) => Some(RepositoriesError::Unread {
            registry,
            message: with_causes(&error),
            hint: error.hint().map(std::borrow::Cow::into_owned),
            kind: error.kind(),
        }),
        None if request.fails_on_drift && (count > 0 || differ) => Some(RepositoriesError::Drift {
            registry: differ,
            count,
        }),
        None => None,
    };
    Ok(Outcome {
        text: if request.is_markdown {
            list.markdown()
        } else {
            list.text()
        },
        json: serde_json::json!(list),
        failure: failure.map(|failure| Arc::new(failure) as Arc<dyn Diagnose>),
        ..Outcome::default()
    })
}

async fn list(
    request: &RegistryRequest,
    declared: Option<&[DeclaredRepository]>,
    opened: &OpenedRegistry,
    reporter: &dyn Reporter,
) -> Result<Vec<ListedRepository>, RunError> {
    let reader = opened.repositories.reader();
    Ok(list_repositories(&request.names, declared, reader, reporter, request.check()).await?)
}

/// What of the registry's own settings is not as declared; `None` where nothing is declared, or the role may not read it.
async fn settings_that_differ(
    request: &RegistryRequest,
    opened: &OpenedRegistry,
    reporter: &dyn Reporter,
) -> Result<Option<Vec<String>>, RunError> {
    let (Some(declared), Some(private)) = (request.declared_settings(), opened.repositories.private()) else {
        return Ok(None);
    };
    let plan = match plan_settings(declared, private).await {
        Ok(planned) => planned.plan,
        Err(RegistryError::NotPermitted { action, .. }) => {
            let note = format!(
                "what differs of the registry's settings is not shown: the role may not do `{action}`"
            );
            reporter.event(RunEvent::Note(&note));
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let changed = plan
        .changes
        .iter()
        .map(|change| change.setting.as_str().to_owned());
    let mut settings: Vec<String> = changed.collect();
    settings.dedup();
    if settings.is_empty() && !plan.obstacles.is_empty() {
        settings.push("what cannot be changed".to_owned());
    }
    Ok(Some(settings))
}

/// A registry that `targets` names. What is declared is about the first registry alone.
async fn further(
    request: &RegistryRequest,
    (named, place): &(RegistryHost, RepositorySettings),
    reporter: Arc<dyn Reporter>,
) -> Result<ListedRegistry, (ListedRegistry, RunError)> {
    let unread = |registry, error: RunError| {
        let listed = ListedRegistry {
            registry,
            repositories: Vec::new(),
            settings_that_differ: None,
            error: Some(RepositoryFailure::of(&error)),
        };
        (listed, error)
    };
    let opened = OpenedRegistry::open_at(place, RegistryAccess::Read, Arc::clone(&reporter)).await;
    let opened = opened.map_err(|error| unread(named.clone(), error))?;
    let found = list(request, None, &opened, &*reporter).await;
    let registry = opened.host.clone();
    opened.close().await;
    match found {
        Ok(repositories) => Ok(ListedRegistry {
            registry,
            repositories,
            settings_that_differ: None,
            error: None,
        }),
        Err(error) => Err(unread(registry, error)),
    }
}
