//! `tagship prune`: images that no rule keeps.

use std::sync::Arc;

use super::super::{Outcome, RunError};
use super::{OpenedRegistry, RepositoriesError};
use crate::clock::SystemClock;
use crate::pipeline::{Pruned, delete_planned};
use crate::ports::{Clock as _, ReadRepositories as _, Reporter};
use crate::report::{PruneReport, PrunedRepository, RepositoryFailure};
use crate::settings::RegistrySettings;
use tagship_domain::error::Diagnose;
use tagship_domain::iam::RegistryAccess;
use tagship_domain::prune::{PrunePlan, PruneRules};
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::Protection;

/// Which images are to go.
#[derive(Debug, Clone)]
pub struct PruneRequest {
    /// The registry, and what is declared.
    pub settings: RegistrySettings,
    /// The repositories, at least one.
    pub names: Vec<RepositoryName>,
    /// Which images stay.
    pub rules: PruneRules,
    /// Whether the others are deleted, and not only shown.
    pub applies: bool,
}

/// Shows which images go, and deletes them where that is asked for. What all repositories hold is known before any is changed.
pub async fn prune_repositories(
    request: &PruneRequest,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let access = if request.applies {
        RegistryAccess::DeleteImages
    } else {
        RegistryAccess::Read
    };
    let opened = OpenedRegistry::open(&request.settings, access, Arc::clone(&reporter)).await?;
    let plans = plans(request, &opened).await;
    let pruned = match plans {
        Ok(plans) if request.applies => Ok(delete(plans, &opened, &*reporter).await),
        plans => plans.map(|plans| {
            plans
                .into_iter()
                .map(|(name, plan)| (name, plan, Pruned::default()))
                .collect()
        }),
    };
    let host = opened.host.clone();
    opened.close().await;
    let pruned: Vec<(RepositoryName, PrunePlan, Pruned)> = pruned?;
    let failures: Vec<_> = pruned
        .iter()
        .filter_map(|(name, _, done)| Some((name.clone(), done.failure.as_ref()?)))
        .collect();
    let failure = RepositoriesError::of_pruning(&failures);
    let report = PruneReport {
        registry: host,
        applied: request.applies,
        repositories: pruned.into_iter().map(reported).collect(),
    };
    let left = report.count_left();
    let failure = failure.or_else(|| (left > 0).then_some(RepositoriesError::ImagesLeft { count: left }));
    Ok(Outcome {
        text: report.text(),
        json: serde_json::json!(report),
        failure: failure.map(|failure| Arc::new(failure) as Arc<dyn Diagnose>),
        ..Outcome::default()
    })
}

fn reported((repository, plan, done): (RepositoryName, PrunePlan, Pruned)) -> PrunedRepository {
    PrunedRepository {
        repository,
        bytes: plan.bytes(),
        plan,
        deleted: done.deleted,
        left: done.left,
        error: done.failure.as_ref().map(|error| RepositoryFailure::of(error)),
    }
}

async fn plans(
    request: &PruneRequest,
    opened: &OpenedRegistry,
) -> Result<Vec<(RepositoryName, PrunePlan)>, RunError> {
    let now = SystemClock.now();
    let declared = request.settings.declared.as_ref();
    let mut plans = Vec::new();
    let reader = opened.private("which does not say which images an index holds")?;
    for name in &request.names {
        let stored = reader.stored_images(name).await?;
        let known = declared.and_then(|declared| declared.of(name));
        let protection = known.map_or_else(Protection::default, |known| known.settings.protection);
        let plan = PrunePlan::new(&request.rules, &stored, name, &protection, now);
        plans.push((name.clone(), plan));
    }
    Ok(plans)
}

/// A failure ends the work on its repository alone.
async fn delete(
    plans: Vec<(RepositoryName, PrunePlan)>,
    opened: &OpenedRegistry,
    reporter: &dyn Reporter,
) -> Vec<(RepositoryName, PrunePlan, Pruned)> {
    let mut all = Vec::new();
    let Some(writer) = opened.repositories.private() else {
        return all;
    };
    for (name, plan) in plans {
        let done = delete_planned(&name, &plan, writer, reporter).await;
        all.push((name, plan, done));
    }
    all
}
