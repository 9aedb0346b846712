//! The repositories of a registry, of an account's own or of its public one.

use std::sync::Arc;

use super::repositories::RepositoriesError;
use crate::aws::{Ecr, PublicRepositories, RegistryRepositories};
use crate::ports::{ReadRepositories, Reporter, RunEvent, WriteRepositories};
use tagship_domain::reference::RepositoryName;

/// The repositories of a registry.
#[derive(Debug)]
pub(super) enum Repositories {
    /// Of an account in a region, with what else its registry has.
    Private(RegistryRepositories),
    /// Of an account in ECR Public.
    Public(PublicRepositories),
}

impl Repositories {
    /// Returns those of the registry that a run is about; contacts no server.
    pub(super) async fn of(ecr: &Arc<Ecr>) -> Self {
        match PublicRepositories::of(ecr) {
            Some(public) => Self::Public(public),
            None => Self::Private(RegistryRepositories::of(Arc::clone(ecr)).await),
        }
    }

    pub(super) fn reader(&self) -> &dyn ReadRepositories {
        match self {
            Self::Private(private) => private,
            Self::Public(public) => public,
        }
    }

    pub(super) fn writer(&self) -> &dyn WriteRepositories {
        match self {
            Self::Private(private) => private,
            Self::Public(public) => public,
        }
    }

    /// What a private registry has besides; `None` of a public one.
    pub(super) fn private(&self) -> Option<&RegistryRepositories> {
        match self {
            Self::Private(private) => Some(private),
            Self::Public(_) => None,
        }
    }

    /// Says what ECR Public does not protect, and what of the file is about private registries alone.
    pub(super) fn note_public(&self, has_registry_settings: bool, reporter: &dyn Reporter) {
        let Self::Public(_) = self else { return };
        reporter.event(RunEvent::Note(
            "ECR Public lets every tag move: Tagship never moves a tag of a version or a commit, and a pull by digest gets what was published",
        ));
        if has_registry_settings {
            reporter.event(RunEvent::Note(
                "`registry-settings` are those of a private registry, and are left out",
            ));
        }
    }

    /// Refuses names of public repositories that begin with the registry's alias, which the API would take for a part of the name.
    /// A role that may not read it works without.
    pub(super) async fn check_names(
        &self,
        names: impl Iterator<Item = &RepositoryName>,
    ) -> Result<(), RepositoriesError> {
        let with_folder: Vec<&RepositoryName> = names.filter(|name| name.as_str().contains('/')).collect();
        let Self::Public(public) = self else {
            return Ok(());
        };
        if with_folder.is_empty() {
            return Ok(());
        }
        let aliases = public.aliases().await.unwrap_or_default();
        for name in with_folder {
            let folder = name.as_str().split('/').next().unwrap_or_default();
            if let Some(alias) = aliases.iter().find(|alias| *alias == folder) {
                return Err(RepositoriesError::WithAlias {
                    name: name.clone(),
                    alias: alias.clone(),
                });
            }
        }
        Ok(())
    }

    /// Says where images of public repositories go: the registry's alias stands in no file. A role that may not read it works
    /// without.
    pub(super) async fn note_addresses(
        &self,
        names: impl Iterator<Item = &RepositoryName>,
        reporter: &dyn Reporter,
    ) {
        let Self::Public(public) = self else { return };
        let Ok(aliases) = public.aliases().await else {
            return;
        };
        let Some(alias) = aliases.first() else { return };
        for name in names {
            reporter.event(RunEvent::Note(&format!(
                "images of `{name}` go to `public.ecr.aws/{alias}/{name}`"
            )));
        }
    }
}
