//! Repositories as code: reads what is there, and puts what differs.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::ApplyError;
use super::lifecycle_check::{LifecycleCheck, held_to_lifecycle};
use crate::ports::{
    Creation, ReadRepositories, RegistryError, Reporter, RunEvent, WriteRepositories, WriteRepository,
};
use tagship_domain::reference::RepositoryName;
use tagship_domain::registry_settings::CreationTemplate;
use tagship_domain::repositories::{
    ActualRepository, Change, DeclaredRepository, DeclaredSettings, PlanAction, RegistryKind, RepositoryPlan,
};

/// How many repositories are read at the same time. The rates of an account are shared with all that use it.
const PARALLEL: usize = 4;

/// A repository that is declared, what is there, and what there is to do.
#[derive(Debug, Clone)]
pub struct PlannedRepository {
    /// What is declared.
    pub declared: DeclaredRepository,
    /// What is there; `None` where it is missing.
    pub actual: Option<ActualRepository>,
    /// What there is to do.
    pub plan: RepositoryPlan,
}

impl PlannedRepository {
    /// Returns what there is to do for a repository in a registry of this kind; `None` where it is missing.
    pub fn new(declared: DeclaredRepository, actual: Option<ActualRepository>, kind: RegistryKind) -> Self {
        Self {
            plan: RepositoryPlan::new(&declared, actual.as_ref()).held_to(kind, &declared),
            declared,
            actual,
        }
    }

    /// Returns a repository that is missing, and that ECR makes as a template says.
    pub fn by_template(name: RepositoryName, template: &CreationTemplate) -> Self {
        let declared = DeclaredRepository {
            name,
            settings: template.settings.clone(),
        };
        Self {
            plan: RepositoryPlan {
                template: Some(template.prefix.to_string()),
                ..RepositoryPlan::new(&declared, None)
            },
            declared,
            actual: None,
        }
    }
}

/// The repository that a run makes or changes, and what does so.
#[derive(Clone, Copy)]
pub struct PutRepository<'a> {
    /// What there is to do.
    pub planned: &'a PlannedRepository,
    /// The registry's repositories.
    pub repositories: &'a dyn WriteRepositories,
    /// The repository itself, which ECR may make when it is pushed to.
    pub registry: &'a dyn WriteRepository,
}

impl std::fmt::Debug for PutRepository<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PutRepository").field(self.planned).finish()
    }
}

impl PutRepository<'_> {
    /// Makes or changes the repository; one that another run makes meanwhile gets what it lacks.
    ///
    /// ECR makes one by a template when the first layer of a push is begun. Source: Amazon ECR, "Create repositories on push".
    pub async fn put(&self, reporter: &dyn Reporter, now: Timestamp) -> Result<(), ApplyError> {
        let plan = &self.planned.plan;
        if let Some(prefix) = plan.template.clone() {
            let name = &plan.repository;
            let note = format!("beginning a push, by which creation template `{prefix}` makes `{name}`");
            reporter.event(RunEvent::Note(&note));
            let begun = self.registry.begin_push().await;
            return begun.map_err(|source| ApplyError::Template { prefix, source });
        }
        let check = LifecycleCheck {
            now,
            allows_protected: false,
        };
        let planned = std::slice::from_ref(self.planned);
        let applied = apply_repositories(planned, self.repositories, reporter, check, &|_| {}).await;
        let failure = applied.into_iter().find_map(|one| one.failure);
        failure.map_or(Ok(()), Err)
    }
}

/// What became of a repository.
#[derive(Debug)]
pub struct AppliedRepository {
    /// The repository.
    pub repository: RepositoryName,
    /// What was to be done.
    pub action: PlanAction,
    /// Whether this run made it.
    pub is_made: bool,
    /// The settings that were put, in their order; those of a repository that was made with it.
    pub applied: Vec<Change>,
    /// Whether all was put.
    pub is_done: bool,
    /// What broke it off, before the next setting.
    pub failure: Option<ApplyError>,
}

/// Hears what has been put of a repository, from its beginning to its end.
pub type HearApplied<'a> = &'a (dyn Fn(&AppliedRepository) + Sync);

/// Compares what is declared with what is there. Nothing is written.
pub async fn plan_repositories(
    declared: &[DeclaredRepository],
    reader: &dyn ReadRepositories,
    check: LifecycleCheck,
) -> Result<Vec<PlannedRepository>, RegistryError> {
    let names: Vec<RepositoryName> = declared.iter().map(|one| one.name.clone()).collect();
    let described = reader.describe(&names).await?;
    let mut described: BTreeMap<RepositoryName, ActualRepository> =
        described.into_iter().map(|one| (one.name.clone(), one)).collect();
    let found: Vec<(DeclaredRepository, Option<ActualRepository>)> = declared
        .iter()
        .map(|one| (one.clone(), described.remove(&one.name)))
        .collect();
    stream::iter(found)
        .map(|(declared, actual)| planned(declared, actual, reader, check))
        .buffered(PARALLEL)
        .try_collect()
        .await
}

async fn planned(
    declared: DeclaredRepository,
    actual: Option<ActualRepository>,
    reader: &dyn ReadRepositories,
    check: LifecycleCheck,
) -> Result<PlannedRepository, RegistryError> {
    let actual = match actual {
        Some(actual) => Some(read_documents(actual, &Wanted::of(&declared.settings), reader).await?),
        None => None,
    };
    let plan = RepositoryPlan::new(&declared, actual.as_ref()).held_to(reader.kind(), &declared);
    let plan = held_to_lifecycle(plan, &declared, actual.as_ref(), reader, check).await?;
    Ok(PlannedRepository {
        declared,
        actual,
        plan,
    })
}

/// What is read of a repository beside its description. What is not declared is not asked for, and needs no permission.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a document of its own")]
pub struct Wanted {
    /// Its own tags.
    pub tags: bool,
    /// Its policy.
    pub policy: bool,
    /// Its lifecycle policy.
    pub lifecycle: bool,
    /// What the gallery shows of it.
    pub catalog: bool,
}

impl Wanted {
    /// Everything.
    pub const ALL: Self = Self {
        tags: true,
        policy: true,
        lifecycle: true,
        catalog: true,
    };

    fn of(settings: &DeclaredSettings) -> Self {
        Self {
            tags: settings.prunes() || !settings.tags.is_empty(),
            policy: settings.prunes() || settings.policy.is_some(),
            lifecycle: settings.prunes() || settings.lifecycle.is_some() || !settings.protection.is_empty(),
            catalog: settings.prunes() || settings.catalog.is_some(),
        }
    }
}

/// Adds what is wanted to what a registry says of a repository.
pub async fn read_documents(
    mut actual: ActualRepository,
    wanted: &Wanted,
    reader: &dyn ReadRepositories,
) -> Result<ActualRepository, RegistryError> {
    if wanted.tags {
        actual.tags = Some(reader.resource_tags(&actual).await?);
    }
    if wanted.policy {
        actual.policy = Some(reader.policy(&actual.name).await?);
    }
    if wanted.lifecycle {
        actual.lifecycle = Some(reader.lifecycle(&actual.name).await?);
    }
    if wanted.catalog && reader.kind() == RegistryKind::Public {
        actual.catalog = Some(reader.catalog(&actual.name).await?);
    }
    Ok(actual)
}

/// Puts what differs, one repository after the other, in their order. A failure ends the work on its repository alone, unless
/// the credentials are no good: then no other could do better.
pub async fn apply_repositories(
    planned: &[PlannedRepository],
    writer: &dyn WriteRepositories,
    reporter: &dyn Reporter,
    check: LifecycleCheck,
    hear: HearApplied<'_>,
) -> Vec<AppliedRepository> {
    let mut all = Vec::new();
    for one in planned.iter().filter(|one| !one.plan.is_fulfilled()) {
        let mut done = AppliedRepository {
            repository: one.plan.repository.clone(),
            action: one.plan.action,
            is_made: false,
            applied: Vec::new(),
            is_done: false,
            failure: None,
        };
        hear(&done);
        let note = format!("{} `{}`", verb(one.plan.action), one.plan.repository);
        reporter.event(RunEvent::Note(&note));
        let put = apply(one, writer, reporter, check, (&mut done, hear)).await;
        done.is_done = put.is_ok();
        done.failure = put.err();
        hear(&done);
        let is_end = (done.failure.as_ref()).is_some_and(ApplyError::is_about_credentials);
        all.push(done);
        if is_end {
            break;
        }
    }
    all
}

const fn verb(action: PlanAction) -> &'static str {
    match action {
        PlanAction::Create => "making repository",
        PlanAction::Change => "changing repository",
        PlanAction::Keep | PlanAction::Refuse => "leaving repository",
    }
}

async fn apply(
    one: &PlannedRepository,
    writer: &dyn WriteRepositories,
    reporter: &dyn Reporter,
    check: LifecycleCheck,
    (done, hear): (&mut AppliedRepository, HearApplied<'_>),
) -> Result<(), ApplyError> {
    let (mut actual, mut plan) = (one.actual.clone(), one.plan.clone());
    if actual.is_none() {
        match writer.create(&one.declared).await? {
            Creation::Made(made) => {
                done.is_made = true;
                let (with_it, later): (Vec<Change>, _) = plan.changes.into_iter().partition(is_made_with);
                done.applied = with_it;
                hear(done);
                plan.changes = later;
                actual = Some(*made);
            }
            Creation::Found => {
                let name = &one.declared.name;
                reporter.event(RunEvent::Note(&format!(
                    "another run made repository `{name}` meanwhile"
                )));
                let found = writer.describe(std::slice::from_ref(name)).await?;
                let again = planned(one.declared.clone(), found.into_iter().next(), writer, check).await?;
                if let Some(obstacle) = again.plan.obstacles.first() {
                    return Err(ApplyError::Obstacle(obstacle.clone()));
                }
                (actual, plan) = (again.actual, again.plan);
            }
        }
    }
    let Some(actual) = actual else {
        return Err(ApplyError::Gone);
    };
    for change in plan.changes {
        writer.change(&actual, &change).await?;
        // So a run that is cancelled has shown what it had put.
        let (setting, name) = (change.setting().as_str(), &one.plan.repository);
        reporter.event(RunEvent::Note(&format!("put `{setting}` of `{name}`")));
        done.applied.push(change);
        hear(done);
    }
    Ok(())
}

/// Whether a setting is put by the request that makes a repository.
const fn is_made_with(change: &Change) -> bool {
    match change {
        Change::Mutability { .. }
        | Change::Encryption { .. }
        | Change::ScanOnPush { .. }
        | Change::Tags { .. }
        | Change::Catalog { .. } => true,
        Change::Policy { .. } | Change::Lifecycle { .. } => false,
    }
}
