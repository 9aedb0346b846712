//! Repositories beside the one that a run publishes to first.

use std::path::PathBuf;

use secrecy::SecretString;

use super::{Destination, IdentitySettings};
use tagship_domain::reference::{ImageName, RegistryHost};
use tagship_domain::registry_settings::DeclaredRegistry;
use tagship_domain::repositories::{Declarations, DeclaredRepository};

/// A repository, in ECR or in any other registry.
#[derive(Debug, Clone)]
pub enum RepositoryPlace {
    /// In ECR or an emulator, with the run's own identity.
    Ecr(Box<RepositorySettings>),
    /// In another registry, with a login as docker has it.
    Other(ImageName),
}

/// How a repository is made where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingRepository {
    /// By the run, as it is declared.
    Declared(Box<DeclaredRepository>),
    /// By ECR, when it is pushed to, as a creation template of the registry says.
    ByTemplate,
}

/// Which repository a command is about that builds nothing.
#[derive(Debug, Clone)]
pub struct RepositorySettings {
    /// Where it is.
    pub destination: Destination,
    /// The identity towards AWS.
    pub identity: IdentitySettings,
}

/// The registry that a command is about, and what is declared of its repositories.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// The registry, with a repository that stands for all.
    pub place: RepositorySettings,
    /// What is declared; `None` where no file declares anything.
    pub declared: Option<Declarations>,
    /// What is declared of the registry's own settings; `None` where no file declares anything.
    pub declared_registry: Option<DeclaredRegistry>,
    /// The registries in ECR that `targets` names besides.
    pub further: Vec<(RegistryHost, RepositorySettings)>,
    /// The file that declares it, as messages name it.
    pub file: String,
}

impl RepositorySettings {
    /// Everything in the settings that must never be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.identity.secrets()
    }
}

impl RepositoryPlace {
    /// Returns the repository, unless it is in the embedded ECR, whose address is not known yet.
    pub fn image(&self) -> Option<&ImageName> {
        match self {
            Self::Other(image) => Some(image),
            Self::Ecr(settings) => match &settings.destination {
                Destination::Registry(image) => Some(image),
                Destination::Local { .. } | Destination::Nowhere { .. } => None,
            },
        }
    }

    /// Returns the repository's name: in the embedded ECR without a host, unless one is given.
    pub fn name(&self) -> String {
        let named = match self {
            Self::Ecr(settings) => match &settings.destination {
                Destination::Local {
                    repository, named, ..
                } => Some((repository, named.as_ref())),
                Destination::Registry(_) | Destination::Nowhere { .. } => None,
            },
            Self::Other(_) => None,
        };
        match named {
            Some((repository, Some(host))) => format!("{host}/{repository}"),
            Some((repository, None)) => repository.to_string(),
            None => self.image().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Returns the identity towards AWS, where it is one of ECR's.
    pub fn identity(&self) -> Option<&IdentitySettings> {
        match self {
            Self::Ecr(settings) => Some(&settings.identity),
            Self::Other(_) => None,
        }
    }
}

/// Where images of a copy come from, or go to.
#[derive(Debug, Clone)]
pub enum CopyPlace {
    /// A repository.
    Repository(RepositoryPlace),
    /// An OCI image layout.
    Layout(LayoutPlace),
}

/// An OCI image layout on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutPlace {
    /// The folder or the archive; absolute.
    pub path: PathBuf,
    /// Whether it is an archive.
    pub is_archive: bool,
    /// As the user names it, without a tag.
    pub name: String,
}
