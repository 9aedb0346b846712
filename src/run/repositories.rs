//! `tagship repo`: what is declared of repositories, compared with what is there, and put.

mod error;
mod lifecycle;
mod maintenance;

use std::sync::Arc;

use super::target::Target;
use super::{Outcome, RunError};
use crate::aws::{Ecr, RegistryRepositories};
use crate::clock::SystemClock;
use crate::pipeline::{
    AppliedRepository, LifecycleCheck, PlannedRepository, apply_repositories, plan_repositories,
};
use crate::ports::{Clock as _, Reporter};
use crate::report::{RegistryPlan, RegistryReport, RepositoryFailure, RepositoryReport};
use crate::settings::RegistrySettings;
use tagship_domain::error::Diagnose;
use tagship_domain::iam::{RegistryAccess, SessionPolicy};
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::repositories::DeclaredRepository;

pub use error::RepositoriesError;
pub use lifecycle::preview_lifecycles;
pub use maintenance::{DeleteRequest, ImportRequest, delete_repository, import_repositories};

/// Which repositories are compared with what is declared of them.
#[derive(Debug, Clone)]
pub struct RegistryRequest {
    /// The registry, and what is declared.
    pub settings: RegistrySettings,
    /// The repositories; all that are declared by name when empty.
    pub names: Vec<RepositoryName>,
    /// Whether a difference is a failure.
    pub fails_on_drift: bool,
    /// Whether the plan is printed as Markdown.
    pub is_markdown: bool,
    /// Whether a lifecycle policy may delete what is protected.
    pub allows_protected: bool,
}

impl RegistryRequest {
    fn check(&self) -> LifecycleCheck {
        LifecycleCheck {
            now: SystemClock.now(),
            allows_protected: self.allows_protected,
        }
    }
}

/// Shows what would have to change. Nothing that writes is made.
pub async fn plan_registry(
    request: &RegistryRequest,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let declared = declared(request)?;
    let opened = OpenedRegistry::open(&request.settings, RegistryAccess::Read, reporter).await?;
    let planned = plan_repositories(&declared, &opened.repositories, request.check()).await;
    let plan = planned.map(|planned| opened.plan(&planned));
    opened.close().await;
    let plan = plan?;
    let failure = match refused(&plan) {
        Some(refused) => Some(refused),
        None if request.fails_on_drift && !plan.is_fulfilled() => {
            let count = plan.repositories.iter().filter(|one| !one.is_fulfilled()).count();
            Some(RepositoriesError::Drift { count })
        }
        None => None,
    };
    Ok(Outcome {
        text: if request.is_markdown {
            plan.markdown()
        } else {
            plan.text()
        },
        json: serde_json::json!(plan),
        failure: failure.map(|failure| Arc::new(failure) as Arc<dyn Diagnose>),
        ..Outcome::default()
    })
}

/// Puts what differs.
pub async fn apply_registry(
    request: &RegistryRequest,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let declared = declared(request)?;
    let access = RegistryAccess::Configure;
    let opened = OpenedRegistry::open(&request.settings, access, Arc::clone(&reporter)).await?;
    let applied = apply(&declared, &opened, request.check(), &*reporter).await;
    let host = opened.host.clone();
    opened.close().await;
    let (planned, applied) = applied?;
    let open = planned.iter().filter(|one| !one.plan.is_fulfilled()).count();
    let failures: Vec<_> = applied
        .iter()
        .filter_map(|one| Some((one.repository.clone(), one.failure.as_ref()?)))
        .collect();
    let failure = RepositoriesError::of_failures(&failures);
    let report = RegistryReport {
        registry: host,
        unchanged: planned.len() - open,
        untried: open - applied.len(),
        repositories: applied.into_iter().map(reported).collect(),
    };
    Ok(Outcome {
        text: report.text(),
        json: serde_json::json!(report),
        failure: failure.map(|failure| Arc::new(failure) as Arc<dyn Diagnose>),
        ..Outcome::default()
    })
}

async fn apply(
    declared: &[DeclaredRepository],
    opened: &OpenedRegistry,
    check: LifecycleCheck,
    reporter: &dyn Reporter,
) -> Result<(Vec<PlannedRepository>, Vec<AppliedRepository>), RunError> {
    let planned = plan_repositories(declared, &opened.repositories, check).await?;
    // All that cannot be is known before anything is put.
    if let Some(refused) = refused(&opened.plan(&planned)) {
        return Err(refused.into());
    }
    let applied = apply_repositories(&planned, &opened.repositories, reporter, check).await;
    Ok((planned, applied))
}

fn reported(applied: AppliedRepository) -> RepositoryReport {
    RepositoryReport {
        error: applied.failure.as_ref().map(|error| RepositoryFailure::of(error)),
        repository: applied.repository,
        made: applied.is_made,
        applied: applied.applied,
    }
}

fn refused(plan: &RegistryPlan) -> Option<RepositoriesError> {
    let obstacles = plan.obstacles();
    (!obstacles.is_empty()).then_some(RepositoriesError::Obstacles { obstacles })
}

/// What is declared of the repositories that are asked for.
fn declared(request: &RegistryRequest) -> Result<Vec<DeclaredRepository>, RepositoriesError> {
    let file = || request.settings.file.clone();
    let declarations = request.settings.declared.as_ref();
    let declarations = declarations.ok_or_else(|| RepositoriesError::NothingDeclared { file: file() })?;
    if request.names.is_empty() {
        let all = declarations.resolved();
        if all.is_empty() {
            return Err(RepositoriesError::NothingDeclared { file: file() });
        }
        return Ok(all);
    }
    let of = |name: &RepositoryName| {
        let missing = || RepositoriesError::NotDeclared {
            name: name.clone(),
            file: file(),
        };
        declarations.of(name).ok_or_else(missing)
    };
    request.names.iter().map(of).collect()
}

/// The repositories of a registry, opened.
struct OpenedRegistry {
    host: RegistryHost,
    repositories: RegistryRepositories,
    target: Target,
}

impl OpenedRegistry {
    /// Opens a registry; contacts no server but an embedded ECR. The role's session may do no more than `access`.
    async fn open(
        settings: &RegistrySettings,
        access: RegistryAccess,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        let target = Target::of(&settings.place.destination, &settings.place.identity).await?;
        let host = target.image.registry.clone();
        let mut identity = target.identity.clone();
        if identity.role.is_some() && identity.narrows_session {
            identity.session_policy = Some(SessionPolicy::of_registry(&host, access));
        }
        let ecr = Ecr::connect(&identity, &host, Arc::new(SystemClock), reporter).await?;
        Ok(Self {
            host,
            repositories: RegistryRepositories::of(Arc::new(ecr)).await,
            target,
        })
    }

    fn plan(&self, planned: &[PlannedRepository]) -> RegistryPlan {
        RegistryPlan {
            registry: self.host.clone(),
            repositories: planned.iter().map(|one| one.plan.clone()).collect(),
        }
    }

    /// Ends what was started for this run alone.
    async fn close(self) {
        self.target.close().await;
    }
}
