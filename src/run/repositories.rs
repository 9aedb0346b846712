//! `tagship repo`: what is declared of repositories, compared with what is there, and put.

mod cost;
mod error;
mod lifecycle;
mod list;
mod maintenance;
mod progress;
mod prune;
mod registry;
mod undeclared;

use std::sync::Arc;

use super::opened_repositories::Repositories;
use super::target::Target;
use super::{Outcome, RunError};
use crate::aws::{Ecr, RegistryRepositories};
use crate::clock::SystemClock;
use crate::pipeline::{
    AppliedRepository, AppliedSettings, ApplyError, LifecycleCheck, PlannedRepository, apply_repositories,
    apply_settings, plan_repositories,
};
use crate::ports::{Clock as _, Reporter, RunEvent, Warning};
use crate::report::RegistryPlan;
use crate::settings::{RegistrySettings, RepositorySettings};
use tagship_domain::error::Diagnose;
use tagship_domain::iam::{RegistryAccess, SessionPolicy};
use tagship_domain::reference::{RegistryHost, RepositoryName};
use tagship_domain::registry_settings::DeclaredRegistry;
use tagship_domain::repositories::{Declarations, DeclaredRepository, UndeclaredRepository};

pub use cost::{CostRequest, CostSubject, ReadLayers, estimate_cost};
pub use error::RepositoriesError;
pub use lifecycle::{PreviewBy, preview_lifecycles};
pub use list::list_registries;
pub use maintenance::{DeleteRequest, ImportRequest, delete_repository, import_repositories};
pub use progress::ApplyProgress;
pub use prune::{PruneRequest, prune_repositories};

/// Which repositories are compared with what is declared of them.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
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
    /// Whether repositories go that nothing declares and that hold no image.
    pub removes_undeclared: bool,
}

impl RegistryRequest {
    /// What is declared of the registry's own settings; those of a registry are about no repository that is named.
    fn declared_settings(&self) -> Option<&DeclaredRegistry> {
        let declared = self.settings.declared_registry.as_ref();
        declared.filter(|_| self.names.is_empty())
    }

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
    let opened = OpenedRegistry::open(&request.settings, RegistryAccess::Read, Arc::clone(&reporter)).await?;
    let planned = registry::plan(request, &declared, &opened).await;
    if let Ok(planned) = &planned {
        note_unnamed(request, &planned.repositories, &*reporter);
        let has_settings = request.declared_settings().is_some();
        opened.repositories.note_public(has_settings, &*reporter);
    }
    let plan = planned.map(|planned| planned.shown(&opened.host));
    opened.close().await;
    let plan = plan?;
    let failure = match refused(&plan) {
        Some(refused) => Some(refused),
        None if request.fails_on_drift => RepositoriesError::of_drift(&plan),
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

/// Puts what differs. What is true at any moment stands in `progress`.
pub async fn apply_registry(
    request: &RegistryRequest,
    reporter: Arc<dyn Reporter>,
    progress: &ApplyProgress,
) -> Result<Outcome, RunError> {
    let declared = declared(request)?;
    let access = match request.declared_settings() {
        Some(_) => RegistryAccess::ConfigureRegistry,
        None => RegistryAccess::Configure,
    };
    let opened = OpenedRegistry::open(&request.settings, access, Arc::clone(&reporter)).await?;
    let applied = apply(request, &declared, &opened, (&*reporter, progress)).await;
    opened.close().await;
    let (settings, repositories, undeclared) = applied?;
    let left = Box::pin(undeclared::remove(request, &undeclared, (&reporter, progress))).await?;
    let of_settings = settings.iter().flat_map(|settings| &settings.failures);
    let of_settings = of_settings.map(|(key, error)| (format!("registry setting `{key}`"), error));
    let of_repositories = repositories
        .iter()
        .filter_map(|one| Some((format!("repository `{}`", one.repository), one.failure.as_ref()?)));
    let of_undeclared = left
        .iter()
        .map(|(name, error)| (format!("repository `{name}`"), error));
    let failures: Vec<(String, &ApplyError)> =
        of_settings.chain(of_repositories).chain(of_undeclared).collect();
    let failure = RepositoriesError::of_failures(&failures);
    Ok(Outcome {
        failure: failure.map(|failure| Arc::new(failure) as Arc<dyn Diagnose>),
        ..progress.outcome()
    })
}

/// Puts the registry's settings first, because repositories that ECR makes by itself have them from the beginning.
async fn apply(
    request: &RegistryRequest,
    declared: &[DeclaredRepository],
    opened: &OpenedRegistry,
    (reporter, progress): (&dyn Reporter, &ApplyProgress),
) -> Result<
    (
        Option<AppliedSettings>,
        Vec<AppliedRepository>,
        Vec<UndeclaredRepository>,
    ),
    RunError,
> {
    let planned = registry::plan(request, declared, opened).await?;
    // All that cannot be is known before anything is put.
    if let Some(refused) = refused(&planned.shown(&opened.host)) {
        return Err(refused.into());
    }
    note_unnamed(request, &planned.repositories, reporter);
    progress.begin(&opened.host, &planned);
    let settings = match (&planned.settings, opened.repositories.private()) {
        (Some(settings), Some(private)) => {
            let hear = |applied: &AppliedSettings| progress.settings(applied);
            Some(apply_settings(&settings.plan, private, reporter, &hear).await)
        }
        _ => None,
    };
    let is_end = settings.as_ref().is_some_and(|settings| settings.untried > 0);
    let (planned, mut undeclared) = (planned.repositories, planned.undeclared);
    let repositories = if is_end {
        Vec::new()
    } else {
        let (writer, check) = (opened.repositories.writer(), request.check());
        let hear = |applied: &AppliedRepository| progress.repository(applied);
        apply_repositories(&planned, writer, reporter, check, &hear).await
    };
    if !repositories.is_empty() {
        read_back(request, declared, &repositories, opened, reporter).await;
    }
    let names = planned.iter().map(|one| &one.declared.name);
    opened.repositories.note_addresses(names, reporter).await;
    // What the credentials were no good for they are no good for now.
    let ends =
        (repositories.iter()).any(|one| one.failure.as_ref().is_some_and(ApplyError::is_about_credentials));
    if is_end || ends {
        undeclared.clear();
    }
    Ok((settings, repositories, undeclared))
}

fn refused(plan: &RegistryPlan) -> Option<RepositoriesError> {
    let settings = plan.registry_settings.as_ref().map(|settings| &settings.plan);
    let settings = settings.map_or(&[][..], |plan| &plan.obstacles);
    RepositoriesError::of_obstacles(settings, &plan.obstacles())
}

/// What is declared of the repositories that are asked for.
fn declared(request: &RegistryRequest) -> Result<Vec<DeclaredRepository>, RepositoriesError> {
    let file = || request.settings.file.clone();
    let declarations = request.settings.declared.as_ref();
    if request.names.is_empty() {
        let all = declarations.map_or_else(Vec::new, Declarations::resolved);
        if all.is_empty() && request.declared_settings().is_none() {
            return Err(RepositoriesError::NothingDeclared { file: file() });
        }
        return Ok(all);
    }
    let declarations = declarations.ok_or_else(|| RepositoriesError::NothingDeclared { file: file() })?;
    let of = |name: &RepositoryName| {
        let missing = || RepositoriesError::NotDeclared {
            name: name.clone(),
            file: file(),
        };
        declarations.of(name).ok_or_else(missing)
    };
    request.names.iter().map(of).collect()
}

/// Says of a repository that is missing, and that the file knows by a pattern alone, that it is made: its name may be misspelt.
fn note_unnamed(request: &RegistryRequest, planned: &[PlannedRepository], reporter: &dyn Reporter) {
    let declared = request.settings.declared.iter().flat_map(|all| &all.repositories);
    let names: Vec<&str> = declared.map(|one| one.name.as_str()).collect();
    for one in planned.iter().filter(|one| one.actual.is_none()) {
        let name = one.declared.name.as_str();
        if names.contains(&name) {
            continue;
        }
        let nearest = names
            .iter()
            .filter(|known| strsim::levenshtein(known, name) <= 2)
            .min();
        let nearest = nearest.map_or_else(String::new, |known| {
            format!("; `{known}` is declared by its name")
        });
        let message = format!(
            "repository `{name}` does not exist, and `{}` declares it by a pattern alone: it is made as a new one{nearest}",
            request.settings.file
        );
        reporter.event(RunEvent::Warning(&Warning {
            message,
            file: None,
            line: None,
        }));
    }
}

/// Looks once more at what was put, and says what is not as declared: another run may have put something else meanwhile.
async fn read_back(
    request: &RegistryRequest,
    declared: &[DeclaredRepository],
    applied: &[AppliedRepository],
    opened: &OpenedRegistry,
    reporter: &dyn Reporter,
) {
    let is_put = |one: &&DeclaredRepository| {
        applied
            .iter()
            .any(|done| done.repository == one.name && done.failure.is_none())
    };
    let put: Vec<DeclaredRepository> = declared.iter().filter(is_put).cloned().collect();
    // What cannot be read now was read a moment ago: that is no failure of what was put.
    let Ok(again) = plan_repositories(&put, opened.repositories.reader(), request.check()).await else {
        return;
    };
    for one in again.iter().filter(|one| !one.plan.is_fulfilled()) {
        let name = &one.declared.name;
        let message = format!(
            "repository `{name}` is not as it was put a moment ago: another run may have changed it meanwhile"
        );
        reporter.event(RunEvent::Warning(&Warning {
            message,
            file: None,
            line: None,
        }));
    }
}

/// The repositories of a registry, opened.
struct OpenedRegistry {
    host: RegistryHost,
    repositories: Repositories,
    target: Target,
}

impl OpenedRegistry {
    /// Opens a registry; contacts no server but an embedded ECR. The role's session may do no more than `access`.
    async fn open(
        settings: &RegistrySettings,
        access: RegistryAccess,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        Self::open_at(&settings.place, access, reporter).await
    }

    /// The same of another registry.
    async fn open_at(
        place: &RepositorySettings,
        access: RegistryAccess,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        let target = Target::of(&place.destination, &place.identity).await?;
        let host = target.image.registry.clone();
        let mut identity = target.identity.clone();
        if identity.role.is_some() && identity.narrows_session {
            identity.session_policy = Some(SessionPolicy::of_registry(&host, access));
        }
        let ecr = Ecr::connect(&identity, &host, Arc::new(SystemClock), reporter).await?;
        Ok(Self {
            host,
            repositories: Repositories::of(&Arc::new(ecr)).await,
            target,
        })
    }

    /// The repositories of a private registry; a public one is refused for what it is `without`.
    fn private(&self, without: &'static str) -> Result<&RegistryRepositories, RepositoriesError> {
        self.repositories
            .private()
            .ok_or_else(|| RepositoriesError::Public {
                registry: self.host.clone(),
                without,
            })
    }

    /// Ends what was started for this run alone.
    async fn close(self) {
        self.target.close().await;
    }
}
