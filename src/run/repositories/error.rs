//! Why repositories are not as declared.

use std::borrow::Cow;

use crate::pipeline::ApplyError;
use crate::ports::RegistryError;
use crate::report::RegistryPlan;
use tagship_domain::error::{Diagnose, FailureKind, with_causes};
use tagship_domain::reference::{ImageName, RegistryHost, RepositoryName};
use tagship_domain::registry_settings::{NoTemplate, RegistryObstacle};
use tagship_domain::repositories::{Obstacle, RepositoryPlan};

/// Why repositories are not as declared.
#[derive(Debug, thiserror::Error)]
pub enum RepositoriesError {
    /// There is nothing to compare with.
    #[error("`{file}` declares no repositories and no registry settings")]
    NothingDeclared {
        /// The file.
        file: String,
    },
    /// A repository that is asked for is not declared.
    #[error("`{file}` does not declare repository `{name}`")]
    NotDeclared {
        /// The repository.
        name: RepositoryName,
        /// The file.
        file: String,
    },
    /// What is there differs, and that is a failure.
    #[error("{} not as declared", differing(*registry, *count))]
    Drift {
        /// Whether settings of the registry differ.
        registry: bool,
        /// How many repositories differ.
        count: usize,
    },
    /// All is as declared, and rules of the cache cannot be used.
    #[error("rules of the pull-through cache are as declared, and cannot be used: {prefixes}")]
    Unusable {
        /// Their prefixes, in backticks.
        prefixes: String,
    },
    /// Repositories cannot become what is declared.
    #[error("{message}")]
    Obstacles {
        /// Why, each with its repository.
        message: String,
        /// What to do about the first.
        hint: String,
    },
    /// Settings could not be put.
    #[error("{message}")]
    Failed {
        /// Which, and why.
        message: String,
        /// What to do about the first.
        hint: Option<String>,
        /// The kind of the first.
        kind: FailureKind,
    },
    /// A lifecycle policy that is there is none that this version knows.
    #[error("the lifecycle policy of repository `{name}` cannot be evaluated: {problem}")]
    UnknownPolicy {
        /// The repository.
        name: RepositoryName,
        /// What is wrong with it.
        problem: String,
    },
    /// Images that were to be deleted are there.
    #[error("{count} {} not deleted", if *count == 1 { "image was" } else { "images were" })]
    ImagesLeft {
        /// How many.
        count: usize,
    },
    /// Deleting images broke off.
    #[error("{message}")]
    PruningFailed {
        /// Where, and why.
        message: String,
        /// What to do about the first.
        hint: Option<String>,
        /// The kind of the first.
        kind: FailureKind,
    },
    /// A file of prices cannot be used.
    #[error("file `{path}` {problem}")]
    Prices {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A registry that `targets` names could not be read.
    #[error("registry `{registry}`: {message}")]
    Unread {
        /// The registry.
        registry: RegistryHost,
        /// Why.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// The kind of the failure.
        kind: FailureKind,
    },
    /// A public registry does not have it.
    #[error("`{registry}` is ECR Public, {without}")]
    Public {
        /// The registry.
        registry: RegistryHost,
        /// What it does not have, in words that follow its name.
        without: &'static str,
    },
    /// The name of a public repository begins with the alias of its registry.
    #[error("repository `{name}` is declared with `{alias}/`, the alias of its registry")]
    WithAlias {
        /// The name.
        name: RepositoryName,
        /// The alias.
        alias: String,
    },
    /// No template makes a repository that is missing.
    #[error(transparent)]
    Template(#[from] NoTemplate),
    /// The repository that is to go is not there.
    #[error("repository `{repository}` does not exist in registry `{host}`")]
    Missing {
        /// The repository.
        repository: RepositoryName,
        /// The registry.
        host: RegistryHost,
    },
    /// The repository that is to go holds images.
    #[error("repository `{0}` holds images, and is left as it is")]
    HoldsImages(RepositoryName),
}

fn differing(registry: bool, count: usize) -> String {
    match (registry, count) {
        (true, 0) => "the registry's settings are".to_owned(),
        (true, 1) => "the registry's settings and 1 repository are".to_owned(),
        (true, count) => format!("the registry's settings and {count} repositories are"),
        (false, 1) => "1 repository is".to_owned(),
        (false, count) => format!("{count} repositories are"),
    }
}

impl RepositoriesError {
    /// Refuses to read scans where there are none.
    pub(in crate::run) fn check_scans(image: &ImageName) -> Result<(), Self> {
        Self::check_private(image, "which scans no images")
    }

    /// Refuses what ECR Public does not have, in words that follow its name.
    pub(in crate::run) fn check_private(image: &ImageName, without: &'static str) -> Result<(), Self> {
        let registry = image.registry.clone();
        if registry.is_public_ecr() {
            return Err(Self::Public { registry, without });
        }
        Ok(())
    }

    /// Returns what differs, or cannot be used, if anything does.
    pub(super) fn of_drift(plan: &RegistryPlan) -> Option<Self> {
        let settings = plan.registry_settings.as_ref();
        if !plan.is_fulfilled() {
            return Some(Self::Drift {
                registry: settings.is_some_and(|settings| !settings.is_fulfilled()),
                count: plan.repositories.iter().filter(|one| !one.is_fulfilled()).count()
                    + plan.removed().count(),
            });
        }
        let unusable = settings.filter(|settings| !settings.is_usable())?;
        let prefixes = unusable.upstreams.iter().map(|one| format!("`{}`", one.prefix));
        Some(Self::Unusable {
            prefixes: prefixes.collect::<Vec<_>>().join(", "),
        })
    }

    /// Returns why a repository that is missing cannot be made as it is declared, if that is so.
    pub(in crate::run) fn of_missing(plan: &RepositoryPlan) -> Option<Self> {
        let obstacles = plan.obstacles.iter();
        let named: Vec<_> = obstacles
            .map(|obstacle| (plan.repository.clone(), obstacle.clone()))
            .collect();
        Self::of_obstacles(&[], &named)
    }

    /// Returns what obstacles come to, if there are any.
    pub(super) fn of_obstacles(
        settings: &[RegistryObstacle],
        repositories: &[(RepositoryName, Obstacle)],
    ) -> Option<Self> {
        let of_settings = settings
            .iter()
            .map(|one| (format!("registry settings: {one}"), one.hint()));
        let of_repositories = repositories
            .iter()
            .map(|(name, one)| (format!("repository `{name}`: {one}"), one.hint().to_owned()));
        let (messages, hints): (Vec<String>, Vec<String>) = of_settings.chain(of_repositories).unzip();
        let hint = hints.into_iter().next()?;
        Some(Self::Obstacles {
            message: messages.join("\n  "),
            hint,
        })
    }

    /// Returns what broke off the deletion of images, if anything did.
    pub(super) fn of_pruning(failures: &[(RepositoryName, &RegistryError)]) -> Option<Self> {
        let (_, first) = failures.first()?;
        let texts: Vec<String> = failures
            .iter()
            .map(|(name, error)| format!("repository `{name}`: {}", with_causes(*error)))
            .collect();
        Some(Self::PruningFailed {
            message: texts.join("\n  "),
            hint: first.hint().map(Cow::into_owned),
            kind: first.kind(),
        })
    }

    /// Returns what failures come to, if there are any; each with what it is about.
    pub(super) fn of_failures(failures: &[(String, &ApplyError)]) -> Option<Self> {
        let (_, first) = failures.first()?;
        let texts: Vec<String> = failures
            .iter()
            .map(|(what, error)| format!("{what}: {}", with_causes(*error)))
            .collect();
        Some(Self::Failed {
            message: texts.join("\n  "),
            hint: first.hint().map(Cow::into_owned),
            kind: first.kind(),
        })
    }
}

impl Diagnose for RepositoriesError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Template(error) => error.kind(),
            Self::NothingDeclared { .. }
            | Self::NotDeclared { .. }
            | Self::Prices { .. }
            | Self::WithAlias { .. }
            | Self::Public { .. } => FailureKind::Usage,
            Self::Drift { .. } | Self::Unusable { .. } | Self::Obstacles { .. } => FailureKind::Drift,
            Self::Failed { kind, .. } | Self::PruningFailed { kind, .. } | Self::Unread { kind, .. } => *kind,
            Self::ImagesLeft { .. } => FailureKind::Operation,
            Self::Missing { .. } | Self::HoldsImages(_) | Self::UnknownPolicy { .. } => {
                FailureKind::Operation
            }
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::NothingDeclared { .. } => Some(
                "list them under `repositories` or `registry-settings`; `tagship repo import` prints those that are there".into(),
            ),
            Self::NotDeclared { name, .. } => Some(
                format!(
                    "declare it under `repositories`, or print what is there: `tagship repo import {name}`"
                )
                .into(),
            ),
            Self::Drift { .. } => Some("`tagship repo apply` puts what is declared".into()),
            Self::Unusable { .. } => {
                Some("the plan says why; check the secret or the role that each names".into())
            }
            Self::Obstacles { hint, .. } => Some(hint.clone().into()),
            Self::Failed { hint, .. } => {
                let hint = hint
                    .as_deref()
                    .map_or_else(String::new, |hint| format!("{hint}; "));
                Some(format!("{hint}run again: what was put stays, and the rest is completed").into())
            }
            Self::ImagesLeft { .. } => {
                Some("the report says why; run again, and what is left goes where it may".into())
            }
            Self::PruningFailed { hint, .. } => {
                let hint = hint
                    .as_deref()
                    .map_or_else(String::new, |hint| format!("{hint}; "));
                let rest = "run again; images of deleted indexes that are left go with `--untagged-days`";
                Some(format!("{hint}{rest}").into())
            }
            Self::Prices { .. } => Some("begin with the program's own list: docs/cost.md".into()),
            Self::Unread { hint, .. } => hint.clone().map(Cow::from),
            Self::UnknownPolicy { .. } => Some("declare another under `lifecycle`".into()),
            Self::Template(error) => error.hint(),
            Self::WithAlias { name, alias } => {
                let bare = name.as_str().strip_prefix(alias.as_str()).unwrap_or_default();
                Some(format!("declare it as `{}`", bare.trim_start_matches('/')).into())
            }
            Self::Public { .. } => Some("give `--registry` of a private registry".into()),
            Self::Missing { .. } => Some("`tagship repo list` shows those that are there".into()),
            Self::HoldsImages(name) => Some(
                format!(
                    "`tagship repo delete {name} --force --confirm {name}` removes it with all its images"
                )
                .into(),
            ),
        }
    }
}
