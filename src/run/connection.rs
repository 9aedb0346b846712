//! The way to one repository in ECR, and to what builds for it.

use std::sync::Arc;

use buildkit_session::DaemonPlace;

use super::RunError;
use super::opened_repositories::Repositories;
use super::repositories::RepositoriesError;
use super::target::Target;
use crate::aws::{
    Ecr, ManagedSigning, PublicRepositories, RegistryRepositories, Replication, RepositoryScans,
};
use crate::clock::SystemClock;
use crate::engine::BuildRunner;
use crate::logins::Logins;
use crate::pipeline::{PipelineError, PlannedRepository, PutRepository};
use crate::ports::{
    Clock as _, ControlPlane, FindLogin, ReadRegistrySettings as _, ReadRepositories as _,
    ReadRepository as _, RegistryError, RegistryLogin, Reporter, RunEvent,
};
use crate::registry::{self, BaseRegistries, Repository, http_client};
use crate::settings::{MissingRepository, Settings};
use tagship_domain::doctor::Probed;
use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::{Digest, ImageName, RepositoryName};
use tagship_domain::registry_settings::{CreationTemplate, NoTemplate, RegistrySetting, WantedSettings};
use tagship_domain::repositories::PlanAction;

/// Returns what runs builds on a builder that the user names, or on the engine; contacts nothing. `name` keeps builds of one
/// repository apart from those of others.
pub(super) fn runner_at(
    place: Option<&DaemonPlace>,
    settings: &Settings,
    logins: Arc<dyn FindLogin>,
    reporter: Arc<dyn Reporter>,
    name: String,
) -> BuildRunner {
    let engine = settings.build.engine.clone();
    let runner = BuildRunner::new(engine, logins, reporter, settings.tree(), name);
    match place {
        Some(builder) => runner.on_daemon(builder.clone()),
        None => runner,
    }
}

/// The way to one repository, and to the login of its registry.
pub(super) struct RegistryConnection {
    image: ImageName,
    ecr: Arc<Ecr>,
    http: reqwest::Client,
    reporter: Arc<dyn Reporter>,
}

impl RegistryConnection {
    /// Returns the way to the repository of `place`; contacts no server.
    pub(super) async fn open(place: &Target, reporter: Arc<dyn Reporter>) -> Result<Self, RunError> {
        Self::open_with(place, &[], false, reporter).await
    }

    /// As [`RegistryConnection::open`], for a run that writes to `others` besides, such as a cache's repository, or that makes the
    /// repository where it is missing.
    pub(super) async fn open_with(
        place: &Target,
        others: &[ImageName],
        makes_repository: bool,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        let clock = Arc::new(SystemClock);
        let mut identity = place.identity.clone();
        if identity.role.is_some() && identity.narrows_session {
            let targets = others.iter().chain([&place.image]);
            let policy = if makes_repository {
                SessionPolicy::of_maker(targets)
            } else {
                SessionPolicy::of(targets)
            };
            say_how_narrow(policy.as_ref(), &*reporter);
            identity.session_policy = policy;
        }
        let ecr = Ecr::connect(&identity, &place.image.registry, clock, Arc::clone(&reporter)).await?;
        Self::over(Arc::new(ecr), place.image.clone(), reporter)
    }

    /// Returns the logins of a run: its own in the registry that the image goes to, and what else there is.
    pub(super) fn logins(&self, settings: &Settings) -> Arc<dyn FindLogin> {
        Arc::new(Logins::new(
            settings.build.logins.clone(),
            Some(self.login()),
            Arc::clone(&self.reporter),
        ))
    }

    /// Returns the way to the registries that base images come from; contacts none.
    pub(super) fn bases(&self, logins: Arc<dyn FindLogin>) -> BaseRegistries {
        let registry = self.image.registry.clone();
        let reporter = Arc::clone(&self.reporter);
        BaseRegistries::new(self.http.clone(), registry, self.login(), logins, reporter)
    }

    /// Returns the way to a repository over a login that is there.
    pub(super) fn over(
        ecr: Arc<Ecr>,
        image: ImageName,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        let http = http_client()?;
        Ok(Self {
            image,
            ecr,
            http,
            reporter,
        })
    }

    /// As [`RegistryConnection::open`], with all that the role allows.
    pub(super) async fn open_whole(place: &Target, reporter: Arc<dyn Reporter>) -> Result<Ecr, RunError> {
        let (identity, registry) = (&place.identity, &place.image.registry);
        Ok(Ecr::connect(identity, registry, Arc::new(SystemClock), reporter).await?)
    }

    /// The repository, over the connections that this way keeps open.
    pub(super) fn repository(&self) -> Result<Repository, RunError> {
        let client = registry::client(
            self.image.clone(),
            self.http.clone(),
            self.login(),
            Arc::clone(&self.reporter),
        )?;
        if self.image.registry.is_public_ecr() {
            // Its API reads no manifests, and everybody may read them at the registry.
            return Ok(Repository::new(client, None));
        }
        let control_plane: Arc<dyn ControlPlane> = self.ecr.clone();
        Ok(Repository::new(client, Some(control_plane)))
    }

    /// The scans of its images.
    pub(super) fn scans(&self) -> RepositoryScans {
        RepositoryScans::new(Arc::clone(&self.ecr), self.image.repository.clone())
    }

    /// Its registry's repositories.
    pub(super) async fn repositories(&self) -> Repositories {
        Repositories::of(&self.ecr).await
    }

    /// The repositories of a private registry, and what it caches.
    pub(super) async fn private_repositories(&self) -> RegistryRepositories {
        RegistryRepositories::of(Arc::clone(&self.ecr)).await
    }

    /// Finds out whether the repository is there, where that is not known by its setting: a public one has none.
    pub(super) async fn find(&self) -> Result<(), RegistryError> {
        let repository = self.image.name_in_api();
        let described = match PublicRepositories::of(&self.ecr) {
            Some(public) => public.describe(std::slice::from_ref(&repository)).await?,
            None => {
                // What else is wrong is said where the setting counts.
                return match self.ecr.mutability(&repository).await {
                    Err(missing @ RegistryError::RepositoryMissing { .. }) => Err(missing),
                    _ => Ok(()),
                };
            }
        };
        if described.is_empty() {
            return Err(RegistryError::RepositoryMissing {
                repository: self.image.repository.clone(),
                host: self.image.registry.clone(),
            });
        }
        Ok(())
    }

    /// Whether the repository is certainly not there: a role that may not read its setting may read its images.
    pub(super) async fn is_missing(&self) -> bool {
        let is_so =
            |found: Result<(), RegistryError>| matches!(found, Err(RegistryError::RepositoryMissing { .. }));
        if is_so(self.find().await) {
            return true;
        }
        match self.repository() {
            Ok(repository) => is_so(repository.manifest(&Digest::of(b"")).await.map(drop)),
            Err(_) => false,
        }
    }

    /// Refuses to make a public repository that would be pushed to under another account's alias.
    pub(super) async fn check_alias(&self) -> Result<(), RegistryError> {
        match (PublicRepositories::of(&self.ecr), self.image.in_public_registry()) {
            (Some(public), Some((alias, _))) => public.check_alias(alias).await,
            _ => Ok(()),
        }
    }

    /// The signatures that ECR makes of its images.
    pub(super) fn managed_signing(&self) -> ManagedSigning {
        ManagedSigning::new(Arc::clone(&self.ecr), self.image.repository.clone())
    }

    /// The copies that ECR makes of its images in other registries.
    pub(super) fn replication(&self) -> Replication {
        Replication::new(Arc::clone(&self.ecr), self.image.repository.clone())
    }

    /// Returns the repository where it is missing and is `wanted`, or where it is the embedded ECR's, and it is missing or an input
    /// says other things of its tags than it does. The embedded ECR's is made also where no template is for it.
    pub(super) async fn repository_to_put(
        &self,
        target: &Target,
        wanted: Option<&MissingRepository>,
    ) -> Result<Option<PlannedRepository>, RunError> {
        let declared = match wanted {
            Some(MissingRepository::Declared(declared)) => Some((**declared).clone()),
            Some(MissingRepository::ByTemplate) | None => target.embedded(),
        };
        let is_by_template = matches!(wanted, Some(MissingRepository::ByTemplate));
        if declared.is_none() && !is_by_template {
            return Ok(None);
        }
        let repositories = self.repositories().await;
        let reader = repositories.reader();
        let name = self.image.name_in_api();
        let there = reader
            .describe(std::slice::from_ref(&name))
            .await?
            .into_iter()
            .next();
        if is_by_template && there.is_none() {
            match self.by_template(&repositories, &name).await {
                Err(RunError::Repositories(RepositoriesError::Template(_))) if declared.is_some() => {}
                planned => return planned.map(Some),
            }
        }
        let Some(declared) = declared else {
            return Ok(None);
        };
        let planned = PlannedRepository::new(declared, there, reader.kind());
        if planned.actual.is_none() {
            self.check_alias().await?;
            return match RepositoriesError::of_missing(&planned.plan) {
                Some(refused) => Err(refused.into()),
                None => Ok(Some(planned)),
            };
        }
        // What is there stays as it is: `tagship repo apply` changes it.
        let is_changed = planned.plan.action == PlanAction::Change && target.has_own_mutability();
        Ok(is_changed.then_some(planned))
    }

    /// Returns the repository as ECR makes it when it is pushed to.
    async fn by_template(
        &self,
        repositories: &Repositories,
        name: &RepositoryName,
    ) -> Result<PlannedRepository, RunError> {
        let private = repositories
            .private()
            .ok_or_else(|| RepositoriesError::from(NoTemplate::Public(name.clone())))?;
        let wanted = WantedSettings::only(RegistrySetting::CreationTemplates);
        let templates = private.settings(&wanted).await?.templates.unwrap_or_default();
        let template = CreationTemplate::for_push(&templates, name).map_err(RepositoriesError::from)?;
        Ok(PlannedRepository::by_template(name.clone(), template))
    }

    /// Makes or changes the repository.
    pub(super) async fn put_repository(
        &self,
        planned: &PlannedRepository,
        reporter: &dyn Reporter,
    ) -> Result<(), RunError> {
        let repositories = self.repositories().await;
        let put = PutRepository {
            planned,
            repositories: repositories.writer(),
            registry: &self.repository()?,
        };
        let put = put.put(reporter, SystemClock.now()).await;
        Ok(put.map_err(PipelineError::from)?)
    }

    /// Returns the repository's name.
    pub(super) fn image(&self) -> &ImageName {
        &self.image
    }

    /// Finds out, without an effect, whether the role may do `action`.
    pub(super) async fn probe(&self, action: &str) -> Probed {
        self.ecr.probe(&self.image.repository, action).await
    }

    /// The pool of connections.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The registry's credentials.
    pub(super) fn login(&self) -> Arc<dyn RegistryLogin> {
        self.ecr.clone()
    }
}

/// Says what does not fit into one policy.
pub(super) fn say_how_narrow(policy: Option<&SessionPolicy>, reporter: &dyn Reporter) {
    let note = match policy {
        None => {
            "the session is not narrowed: a policy with all registries of the run is longer than STS takes"
        }
        Some(policy) if policy.is_shortened() => {
            "the session is narrowed to the common beginnings of the repositories' names: a policy with every name is longer \
             than STS takes"
        }
        Some(_) => return,
    };
    reporter.event(RunEvent::Note(note));
}
