//! A repository in ECR or in any other registry, opened with the login that belongs to it.

use std::sync::Arc;

use oci_registry::{ImageTree, ReadWhole};

use super::RunError;
use super::connection::RegistryConnection;
use super::target::Target;
use crate::logins::Logins;
use crate::pipeline::PlannedRepository;
use crate::ports::{ReadRegistry as _, RegistryError, RegistryLogin, Reporter};
use crate::registry::{self, FoundLogins, Repository, http_client};
use crate::settings::{LoginSettings, MissingRepository, RepositoryPlace};
use tagship_domain::content::{Descriptor, Manifest};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::ImageName;
use tagship_domain::repositories::{DeclaredRepository, RegistryKind, RepositoryCreation};

/// A repository that is used.
pub(super) struct Opened {
    pub(super) image: ImageName,
    pub(super) repository: Repository,
    registry: OpenedRegistry,
}

/// The registry of a repository that is used.
enum OpenedRegistry {
    Ecr(Box<(RegistryConnection, Target)>),
    Other(Arc<dyn RegistryLogin>),
}

impl Opened {
    /// Opens a repository; contacts no server but an embedded ECR.
    pub(super) async fn open(
        place: &RepositoryPlace,
        logins: &LoginSettings,
        reporter: Arc<dyn Reporter>,
    ) -> Result<Self, RunError> {
        match place {
            RepositoryPlace::Ecr(settings) => {
                let target = Target::of(&settings.destination, &settings.identity).await?;
                let connection = RegistryConnection::open(&target, reporter).await?;
                Ok(Self {
                    image: target.image.clone(),
                    repository: connection.repository()?,
                    registry: OpenedRegistry::Ecr(Box::new((connection, target))),
                })
            }
            RepositoryPlace::Other(image) => {
                let http = http_client()?;
                let logins = Logins::new(logins.clone(), None, Arc::clone(&reporter));
                let login: Arc<dyn RegistryLogin> = Arc::new(FoundLogins(Arc::new(logins)));
                let client = registry::client(image.clone(), http, Arc::clone(&login), reporter)?;
                Ok(Self {
                    image: image.clone(),
                    repository: Repository::new(client.negotiating(), None),
                    registry: OpenedRegistry::Other(login),
                })
            }
        }
    }

    /// Returns the repository where it is missing and is made: always in the embedded ECR, elsewhere as is wanted. One that is
    /// missing and is not made is an error.
    pub(super) async fn to_make(
        &self,
        creation: RepositoryCreation,
    ) -> Result<Option<PlannedRepository>, RunError> {
        let missing = match self.find(creation.is_wanted()).await {
            Err(missing @ RegistryError::RepositoryMissing { .. }) => missing,
            Err(error) if creation.is_wanted() => return Err(error.into()),
            // The setting is asked for again where it counts.
            _ => return Ok(None),
        };
        let Some((connection, target)) = self.ecr() else {
            return Err(missing.into());
        };
        let wanted = match creation {
            RepositoryCreation::ByTemplate => Some(MissingRepository::ByTemplate),
            _ if target.embedded().is_some() => None,
            RepositoryCreation::Never => return Err(missing.into()),
            RepositoryCreation::ByRun => {
                let (name, kind) = (self.image.name_in_api(), RegistryKind::of(&self.image.registry));
                Some(MissingRepository::Declared(Box::new(
                    DeclaredRepository::undeclared(name, kind),
                )))
            }
        };
        connection.repository_to_put(target, wanted.as_ref()).await
    }

    /// Makes the repository.
    pub(super) async fn make(
        &self,
        planned: &PlannedRepository,
        reporter: &dyn Reporter,
    ) -> Result<(), RunError> {
        match self.connection() {
            Some(connection) => connection.put_repository(planned, reporter).await,
            None => Ok(()),
        }
    }

    /// Finds out whether the repository is there: by its setting, and where a missing one `is_made` also where it has none.
    async fn find(&self, is_made: bool) -> Result<(), RegistryError> {
        match self.connection() {
            Some(connection) if is_made || self.image.registry.is_public_ecr() => connection.find().await,
            None if is_made => Ok(()),
            _ => self.mutability().await.map(drop),
        }
    }

    /// The repository's setting. A registry that is not ECR's has none.
    pub(super) async fn mutability(&self) -> Result<Mutability, RegistryError> {
        self.repository.mutability().await
    }

    /// The way to ECR; absent of another registry.
    pub(super) fn connection(&self) -> Option<&RegistryConnection> {
        self.ecr().map(|(connection, _)| connection)
    }

    /// The login of a registry that is not ECR's.
    pub(super) fn foreign_login(&self) -> Option<Arc<dyn RegistryLogin>> {
        match &self.registry {
            OpenedRegistry::Ecr(_) => None,
            OpenedRegistry::Other(login) => Some(Arc::clone(login)),
        }
    }

    fn ecr(&self) -> Option<&(RegistryConnection, Target)> {
        match &self.registry {
            OpenedRegistry::Ecr(opened) => Some(opened),
            OpenedRegistry::Other(_) => None,
        }
    }

    /// Ends what was started for this run alone.
    pub(super) async fn close(self) {
        if let OpenedRegistry::Ecr(opened) = self.registry {
            opened.1.close().await;
        }
    }
}

/// An image, and behind it what refers to it: without its signature it would not be the same in the other repository.
pub(super) async fn with_referrers(
    root: Manifest,
    reader: &dyn ReadWhole,
) -> Result<Vec<ImageTree>, RegistryError> {
    let tree = ImageTree::read(root, reader).await?;
    let mut referrers: Vec<Descriptor> = Vec::new();
    for node in tree.children_first() {
        referrers.extend(reader.referrers(&node.manifest.digest()).await?);
    }
    let mut trees = vec![tree];
    for Descriptor { digest, .. } in referrers {
        let missing = RegistryError::ContentMissing { digest };
        let manifest = reader.manifest(&digest).await?.ok_or(missing)?;
        trees.push(ImageTree::read(manifest, reader).await?);
    }
    Ok(trees)
}
