//! Repositories and their settings.

use std::collections::BTreeMap;

use jiff::Timestamp;
use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::schema::{
    DOCUMENTS, LAYERS, MANIFEST_BYTES, MANIFESTS, REFERRERS, REPOSITORIES, TAGS, decode, encode,
};
use super::{Page, Registry};
use crate::refusal::Refusal;
use tagship_domain::immutability::{Mutability, TagFilter};
use tagship_domain::reference::RepositoryName;

/// A repository and its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repository {
    pub(crate) name: RepositoryName,
    pub(crate) created_at: Timestamp,
    pub(crate) mutability: MutabilitySetting,
    pub(crate) scan_on_push: bool,
    pub(crate) encryption: Encryption,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether a pull through cache made it.
    #[serde(default)]
    pub(crate) is_cache: bool,
}

/// The key that a repository's content is encrypted with; recorded, not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encryption {
    pub(crate) encryption_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key: Option<String>,
}

/// Source: ECR API reference, `EncryptionConfiguration`.
impl Default for Encryption {
    fn default() -> Self {
        Self {
            encryption_type: "AES256".to_owned(),
            kms_key: None,
        }
    }
}

/// Tag mutability in the API's form.
///
/// Source: ECR API reference, `imageTagMutability` and `imageTagMutabilityExclusionFilters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MutabilitySetting {
    pub(crate) image_tag_mutability: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
}

/// One exclusion filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExclusionFilter {
    filter_type: String,
    filter: String,
}

/// The most filters of one repository.
const MAX_FILTERS: usize = 5;

impl MutabilitySetting {
    /// Checks the setting and gives the rule that it stands for.
    pub(crate) fn rule(&self) -> Result<Mutability, Refusal> {
        let setting = self.image_tag_mutability.as_str();
        let filters = self.image_tag_mutability_exclusion_filters.as_deref();
        let excluding = matches!(setting, "IMMUTABLE_WITH_EXCLUSION" | "MUTABLE_WITH_EXCLUSION");
        match (excluding, filters) {
            (true, None) => Err(Refusal::InvalidParameter(format!(
                "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {setting}"
            ))),
            (false, Some(_)) => Err(Refusal::InvalidParameter(format!(
                "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set to {setting}"
            ))),
            (true, Some(filters)) => {
                let filters = tag_filters(filters)?;
                Ok(if setting == "IMMUTABLE_WITH_EXCLUSION" {
                    Mutability::ImmutableWithExclusion(filters)
                } else {
                    Mutability::MutableWithExclusion(filters)
                })
            }
            (false, None) => match setting {
                "MUTABLE" => Ok(Mutability::Mutable),
                "IMMUTABLE" => Ok(Mutability::Immutable),
                _ => Err(Refusal::parameter(
                    "imageTagMutability",
                    "Member must satisfy enum value set: [IMMUTABLE, MUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE_WITH_EXCLUSION]",
                )),
            },
        }
    }
}

fn tag_filters(filters: &[ExclusionFilter]) -> Result<Vec<TagFilter>, Refusal> {
    const PARAMETER: &str = "imageTagMutabilityExclusionFilters";
    if !(1..=MAX_FILTERS).contains(&filters.len()) {
        return Err(Refusal::parameter(
            PARAMETER,
            "Member must have length between 1 and 5",
        ));
    }
    filters
        .iter()
        .map(|filter| {
            if filter.filter_type != "WILDCARD" {
                return Err(Refusal::parameter(
                    PARAMETER,
                    "Member must satisfy enum value set: [WILDCARD]",
                ));
            }
            TagFilter::parse(&filter.filter).map_err(|invalid| Refusal::parameter(PARAMETER, invalid))
        })
        .collect()
}

impl From<&Mutability> for MutabilitySetting {
    fn from(rule: &Mutability) -> Self {
        let (setting, filters) = match rule {
            Mutability::Mutable => ("MUTABLE", None),
            Mutability::Immutable => ("IMMUTABLE", None),
            Mutability::ImmutableWithExclusion(filters) => ("IMMUTABLE_WITH_EXCLUSION", Some(filters)),
            Mutability::MutableWithExclusion(filters) => ("MUTABLE_WITH_EXCLUSION", Some(filters)),
        };
        let filters = filters.map(|filters| {
            filters
                .iter()
                .map(|filter| ExclusionFilter {
                    filter_type: "WILDCARD".to_owned(),
                    filter: filter.to_string(),
                })
                .collect()
        });
        Self {
            image_tag_mutability: setting.to_owned(),
            image_tag_mutability_exclusion_filters: filters,
        }
    }
}

/// What a new repository is like.
#[derive(Debug)]
pub(crate) struct NewRepository {
    pub(crate) name: RepositoryName,
    pub(crate) mutability: MutabilitySetting,
    pub(crate) scan_on_push: bool,
    pub(crate) encryption: Encryption,
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether a pull through cache makes it.
    pub(crate) is_cache: bool,
}

impl NewRepository {
    /// A repository with ECR's defaults.
    pub(crate) fn named(name: RepositoryName) -> Self {
        Self {
            name,
            mutability: MutabilitySetting::from(&Mutability::Mutable),
            scan_on_push: false,
            encryption: Encryption::default(),
            tags: BTreeMap::new(),
            is_cache: false,
        }
    }
}

impl Registry {
    /// Makes a repository.
    pub(crate) fn create_repository(
        &self,
        new: NewRepository,
        now: Timestamp,
    ) -> Result<Repository, Refusal> {
        new.mutability.rule()?;
        let repository = Repository {
            name: new.name,
            created_at: now,
            mutability: new.mutability,
            scan_on_push: new.scan_on_push,
            encryption: new.encryption,
            tags: new.tags,
            is_cache: new.is_cache,
        };
        let write = self.store.begin()?;
        {
            let mut table = write.open_table(REPOSITORIES)?;
            let key = (self.key.as_str(), repository.name.as_str());
            if table.get(key)?.is_some() {
                return Err(Refusal::RepositoryAlreadyExists {
                    repository: repository.name,
                    registry: self.account.clone(),
                });
            }
            table.insert(key, encode(&repository)?.as_slice())?;
        }
        self.store.commit(write)?;
        Ok(repository)
    }

    /// One repository.
    pub(crate) fn repository(&self, name: &RepositoryName) -> Result<Repository, Refusal> {
        let read = self.store.read()?;
        self.repository_in(&read.open_table(REPOSITORIES)?, name)
    }

    /// The same in a table that is open.
    pub(super) fn repository_in(
        &self,
        repositories: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
        name: &RepositoryName,
    ) -> Result<Repository, Refusal> {
        let found = repositories
            .get((self.key.as_str(), name.as_str()))?
            .ok_or_else(|| self.no_such_repository(name))?;
        decode(found.value())
    }

    /// A page of all repositories, by name.
    pub(crate) fn repositories(&self, token: Option<&str>, size: usize) -> Result<Page<Repository>, Refusal> {
        let read = self.store.read()?;
        let table = read.open_table(REPOSITORIES)?;
        let mut all: Vec<Repository> = Vec::new();
        for entry in table.range((self.key.as_str(), "")..)? {
            let (key, record) = entry?;
            if key.value().0 != self.key {
                break;
            }
            all.push(decode(record.value())?);
        }
        Page::cut(all, |repository| repository.name.as_str(), token, size)
    }

    /// Changes the tag mutability; what is tagged stays.
    pub(crate) fn set_mutability(
        &self,
        name: &RepositoryName,
        setting: MutabilitySetting,
    ) -> Result<(), Refusal> {
        setting.rule()?;
        self.change_repository(name, |repository| {
            repository.mutability = setting;
            Ok(())
        })
    }

    /// Changes a repository's settings in one transaction.
    pub(crate) fn change_repository(
        &self,
        name: &RepositoryName,
        change: impl FnOnce(&mut Repository) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let write = self.store.begin()?;
        let mut repository = self.repository_in(&write.open_table(REPOSITORIES)?, name)?;
        change(&mut repository)?;
        write.open_table(REPOSITORIES)?.insert(
            (self.key.as_str(), name.as_str()),
            encode(&repository)?.as_slice(),
        )?;
        self.store.commit(write)?;
        Ok(())
    }

    /// Removes a repository; with its images only by `force`.
    pub(crate) fn delete_repository(
        &self,
        name: &RepositoryName,
        force: bool,
    ) -> Result<Repository, Refusal> {
        let write = self.store.begin()?;
        let repository = self.repository_in(&write.open_table(REPOSITORIES)?, name)?;
        let mine = |key: (&str, &str, &str)| key.0 == self.key && key.1 == name.as_str();
        {
            let mut manifests = write.open_table(MANIFESTS)?;
            let first = manifests
                .range((self.key.as_str(), name.as_str(), "")..)?
                .next()
                .transpose()?
                .is_some_and(|(key, _)| mine(key.value()));
            if first && !force {
                return Err(Refusal::RepositoryNotEmpty {
                    repository: name.clone(),
                    registry: self.account.clone(),
                });
            }
            manifests.retain(|key, _| !mine(key))?;
            write.open_table(MANIFEST_BYTES)?.retain(|key, _| !mine(key))?;
            write.open_table(TAGS)?.retain(|key, _| !mine(key))?;
            write.open_table(LAYERS)?.retain(|key, _| !mine(key))?;
            write.open_table(DOCUMENTS)?.retain(|key, _| !mine(key))?;
            write
                .open_table(REFERRERS)?
                .retain(|key, ()| !(key.0 == self.key && key.1 == name.as_str()))?;
            write
                .open_table(REPOSITORIES)?
                .remove((self.key.as_str(), name.as_str()))?;
        }
        self.store.commit(write)?;
        Ok(repository)
    }
}
