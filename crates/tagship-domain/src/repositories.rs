//! Repositories as code: what is declared of them, what is there, and what would have to change.
//!
//! A setting that is not declared is left as it is.

mod access;
mod catalog;
mod diff;
mod encryption;
mod expiring;
mod import;
mod kind;
mod lifecycle_document;
mod listing;
mod obstacle;
mod policy;
mod policy_problem;
mod preview;
mod preview_comparison;
mod protection;
mod release_lines;
mod resource_tags;
mod setting;
mod statement;
mod wording;

use std::collections::BTreeMap;
use std::fmt;

pub use access::{AccessRules, InvalidPrincipal, LambdaAccess, PolicyPrincipal};
pub use catalog::{CatalogData, InvalidCatalogData, Logo};
pub use diff::{ActualRepository, Change, RepositoryPlan};
pub use encryption::{Encryption, EncryptionType, InvalidEncryption};
pub use import::declaration_of;
pub use lifecycle_document::{InvalidLifecycleDocument, InvalidShortRules, LifecycleDocument, ShortRules};
pub use listing::{Drift, FoundRepository, ListedRepository};
pub use obstacle::{Expiry, Obstacle, ProtectedImage};
pub use policy::RepositoryPolicy;
pub use policy_problem::{InvalidRepositoryPolicy, LocatedPolicyProblem, PolicyProblem};
pub use preview::{LifecyclePreview, PreviewedImage, StoredImage};
pub use preview_comparison::{DifferingImage, PreviewComparison, PreviewedAction};
pub use protection::{InvalidProtection, Objection, Protection};
pub use resource_tags::{InvalidResourceTag, ResourceTags};
pub use setting::{PlanAction, RegistryKind, RepositoryCreation, RepositorySetting};
pub use wording::DiffLine;

pub(crate) use lifecycle_document::lines as lifecycle_lines;
pub(crate) use policy::lines as policy_lines;
pub(crate) use policy_problem::PolicyKind;
pub(crate) use preview::subjects;
pub(crate) use wording::worded as mutability_words;

use serde::Serialize;

use crate::immutability::{Mutability, TagFilter, matches_wildcard};
use crate::reference::RepositoryName;

/// A document of a repository: what it says, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document<T> {
    /// There is none.
    Absent,
    /// It says this.
    Says(T),
}

impl<T> Document<T> {
    /// Returns what the document says, if there is one.
    pub fn says(&self) -> Option<&T> {
        match self {
            Self::Absent => None,
            Self::Says(document) => Some(document),
        }
    }
}

/// What is declared of a repository; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredSettings {
    /// Which tags may move.
    pub mutability: Option<Mutability>,
    /// How images are encrypted, which is decided when the repository is made.
    pub encryption: Option<Encryption>,
    /// Whether images are scanned when they are pushed, where the registry's own setting leaves that to the repository.
    pub scan_on_push: Option<bool>,
    /// Tags of the repository itself.
    pub tags: ResourceTags,
    /// Who else may use the repository.
    pub policy: Option<Document<RepositoryPolicy>>,
    /// Which images expire.
    pub lifecycle: Option<Document<LifecycleDocument>>,
    /// What the gallery of ECR Public shows.
    pub catalog: Option<CatalogData>,
    /// Images that no lifecycle policy may delete.
    pub protection: Protection,
    /// Whether tags and policies that are not declared are removed.
    pub prune: Option<bool>,
}

impl DeclaredSettings {
    /// Returns these settings, and where they say nothing those of `base`.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        Self {
            mutability: self.mutability.clone().or_else(|| base.mutability.clone()),
            encryption: self.encryption.clone().or_else(|| base.encryption.clone()),
            scan_on_push: self.scan_on_push.or(base.scan_on_push),
            tags: self.tags.over(&base.tags),
            policy: self.policy.clone().or_else(|| base.policy.clone()),
            lifecycle: self.lifecycle.clone().or_else(|| base.lifecycle.clone()),
            catalog: match (&self.catalog, &base.catalog) {
                (Some(own), Some(base)) => Some(own.over(base)),
                (own, base) => own.clone().or_else(|| base.clone()),
            },
            protection: base.protection.and(&self.protection),
            prune: self.prune.or(base.prune),
        }
    }

    /// Whether tags and policies that are not declared are removed.
    pub fn prunes(&self) -> bool {
        self.prune.unwrap_or(false)
    }
}

/// One repository that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredRepository {
    /// Its name.
    pub name: RepositoryName,
    /// What is declared of it.
    pub settings: DeclaredSettings,
}

impl DeclaredRepository {
    /// Returns what a repository of the embedded ECR is: its tags may move if `is_mutable`. Otherwise they stay, but for those of
    /// trees with changes: they promise nothing, and the next build of such a tree moves them.
    pub fn embedded(name: RepositoryName, is_mutable: bool) -> Self {
        let mutability = if is_mutable {
            Mutability::Mutable
        } else {
            Mutability::ImmutableWithExclusion(TagFilter::parse("*-dirty").into_iter().collect())
        };
        Self {
            name,
            settings: DeclaredSettings {
                mutability: Some(mutability),
                ..DeclaredSettings::default()
            },
        }
    }

    /// Returns what a repository is made as of which nothing is declared: no tag may move but `latest`, where a registry has
    /// tags that do not move.
    pub fn undeclared(name: RepositoryName, kind: RegistryKind) -> Self {
        let latest = TagFilter::parse("latest").into_iter().collect();
        let mutability = match kind {
            RegistryKind::Private => Some(Mutability::ImmutableWithExclusion(latest)),
            RegistryKind::Public => None,
        };
        Self {
            name,
            settings: DeclaredSettings {
                mutability,
                ..DeclaredSettings::default()
            },
        }
    }
}

/// Everything that is declared, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    /// What holds for all.
    pub defaults: DeclaredSettings,
    /// What holds for all whose names match.
    pub patterns: Vec<(NamePattern, DeclaredSettings)>,
    /// The repositories.
    pub repositories: Vec<DeclaredRepository>,
}

impl Declarations {
    /// Returns the repositories, each with all that holds for it: its own settings count more than those of patterns, of which a
    /// later one counts more than an earlier one, and these more than the defaults.
    pub fn resolved(&self) -> Vec<DeclaredRepository> {
        let of = |one: &DeclaredRepository| DeclaredRepository {
            settings: one.settings.over(&self.by_patterns(&one.name)),
            name: one.name.clone(),
        };
        self.repositories.iter().map(of).collect()
    }

    /// Returns what holds for a repository: `None` where neither its name nor a pattern that matches it is declared.
    pub fn of(&self, name: &RepositoryName) -> Option<DeclaredRepository> {
        let own = self.repositories.iter().find(|one| one.name == *name);
        let is_matched = self.patterns.iter().any(|(pattern, _)| pattern.matches(name));
        (own.is_some() || is_matched).then(|| {
            let base = self.by_patterns(name);
            DeclaredRepository {
                settings: own.map_or(base.clone(), |own| own.settings.over(&base)),
                name: name.clone(),
            }
        })
    }

    fn by_patterns(&self, name: &RepositoryName) -> DeclaredSettings {
        let matching = self.patterns.iter().filter(|(pattern, _)| pattern.matches(name));
        matching.fold(self.defaults.clone(), |base, (_, settings)| settings.over(&base))
    }
}

/// Names of repositories: `*` stands for zero or more characters, also for `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl NamePattern {
    /// Reads a pattern, which has at least one `*`; `None` of another text.
    pub fn parse(text: &str) -> Option<Self> {
        let is_legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"*._-/".contains(&b);
        let legal = text.contains('*') && text.len() <= 256 && text.bytes().all(is_legal);
        legal.then(|| Self(text.to_owned()))
    }

    /// Whether the whole name matches.
    pub fn matches(&self, name: &RepositoryName) -> bool {
        matches_wildcard(&self.0, name.as_str())
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Texts by their keys, as the API has tags of a repository.
pub(crate) type Pairs = BTreeMap<String, String>;

/// A repository that is there and that nothing declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UndeclaredRepository {
    /// The repository.
    pub repository: RepositoryName,
    /// Whether it holds images; then it stays.
    pub holds_images: bool,
}

#[cfg(test)]
mod tests;
