//! What would have to change for a repository to be as it is declared.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{
    CatalogData, DeclaredRepository, Document, Encryption, Expiry, LifecycleDocument, Obstacle, PlanAction,
    RepositoryPolicy, ResourceTags, catalog,
};
use crate::immutability::{Mutability, TagFilter};
use crate::reference::RepositoryName;

/// What a registry says of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActualRepository {
    /// Its name.
    pub name: RepositoryName,
    /// Its resource name.
    pub arn: String,
    /// When it was made, where the registry says so.
    pub created_at: Option<Timestamp>,
    /// Which tags may move.
    pub mutability: Mutability,
    /// How images are encrypted.
    pub encryption: Encryption,
    /// Whether images are scanned when they are pushed.
    pub scan_on_push: bool,
    /// Its own tags; `None` where they were not asked for.
    pub tags: Option<ResourceTags>,
    /// Its policy, in JSON; `None` where it was not asked for.
    pub policy: Option<Document<String>>,
    /// Its lifecycle policy, in JSON; `None` where it was not asked for.
    pub lifecycle: Option<Document<String>>,
    /// What the gallery shows of it; `None` where it was not asked for, as of a private one.
    pub catalog: Option<Document<CatalogData>>,
}

/// One setting that differs: what it is, unless the repository is missing, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "setting", rename_all = "kebab-case")]
pub enum Change {
    /// Which tags may move.
    Mutability {
        /// Until now.
        from: Option<Mutability>,
        /// From then on.
        to: Mutability,
    },
    /// How images are encrypted, which is said when the repository is made.
    Encryption {
        /// From then on.
        to: Encryption,
    },
    /// Whether images are scanned when they are pushed.
    ScanOnPush {
        /// Until now.
        from: Option<bool>,
        /// From then on.
        to: bool,
    },
    /// Tags of the repository itself.
    Tags {
        /// Those that go or change, as they are.
        from: BTreeMap<String, String>,
        /// Those that come or change.
        to: BTreeMap<String, String>,
    },
    /// Who else may use the repository.
    Policy {
        /// Until now; absent where there is none.
        from: Option<Value>,
        /// From then on; absent where there is to be none.
        to: Option<Value>,
    },
    /// Which images expire.
    Lifecycle {
        /// Until now; absent where there is none.
        from: Option<Value>,
        /// From then on; absent where there is to be none.
        to: Option<Value>,
    },
    /// What the gallery of ECR Public shows.
    Catalog {
        /// Until now; absent where there is nothing.
        from: Option<Box<CatalogData>>,
        /// From then on: all of it, because it is put as a whole.
        to: Box<CatalogData>,
    },
}

/// What there is to do with a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryPlan {
    /// The repository.
    pub repository: RepositoryName,
    /// What is done.
    pub action: PlanAction,
    /// The prefix of the creation template by which ECR makes it, where it does so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The settings that differ, in the order in which they are put.
    pub changes: Vec<Change>,
    /// What the lifecycle policy would do at once, where one is put.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Expiry>,
    /// Why it cannot become what is declared.
    pub obstacles: Vec<Obstacle>,
}

impl RepositoryPlan {
    /// Compares what is declared with what is there; `None` where the repository is missing.
    pub fn new(declared: &DeclaredRepository, actual: Option<&ActualRepository>) -> Self {
        let (changes, obstacles) = match actual {
            None => (created(declared), Vec::new()),
            Some(actual) => (changed(declared, actual), obstacles(declared, actual)),
        };
        let action = match (actual, changes.is_empty(), obstacles.is_empty()) {
            (_, _, false) => PlanAction::Refuse,
            (None, ..) => PlanAction::Create,
            (Some(_), false, true) => PlanAction::Change,
            (Some(_), true, true) => PlanAction::Keep,
        };
        Self {
            repository: declared.name.clone(),
            action,
            template: None,
            changes,
            expiry: None,
            obstacles,
        }
    }

    /// Whether the repository is as declared.
    pub fn is_fulfilled(&self) -> bool {
        self.action == PlanAction::Keep
    }
}

fn created(declared: &DeclaredRepository) -> Vec<Change> {
    let settings = &declared.settings;
    let mut changes = Vec::new();
    changes.extend(
        settings
            .mutability
            .clone()
            .map(|to| Change::Mutability { from: None, to }),
    );
    changes.extend(settings.encryption.clone().map(|to| Change::Encryption { to }));
    changes.extend(
        settings
            .scan_on_push
            .map(|to| Change::ScanOnPush { from: None, to }),
    );
    if !settings.tags.is_empty() {
        changes.push(Change::Tags {
            from: BTreeMap::new(),
            to: settings.tags.pairs().clone(),
        });
    }
    if let Some(Document::Says(policy)) = &settings.policy {
        let to = Some(policy.document().clone());
        changes.push(Change::Policy { from: None, to });
    }
    if let Some(Document::Says(lifecycle)) = &settings.lifecycle {
        let to = Some(lifecycle.document().clone());
        changes.push(Change::Lifecycle { from: None, to });
    }
    let catalog = settings.catalog.clone();
    changes.extend(catalog.map(|to| Change::Catalog {
        from: None,
        to: Box::new(to),
    }));
    changes
}

fn changed(declared: &DeclaredRepository, actual: &ActualRepository) -> Vec<Change> {
    let settings = &declared.settings;
    let mut changes = Vec::new();
    if let Some(to) = &settings.mutability
        && !is_same(to, &actual.mutability)
    {
        changes.push(Change::Mutability {
            from: Some(actual.mutability.clone()),
            to: to.clone(),
        });
    }
    if let Some(to) = settings.scan_on_push
        && to != actual.scan_on_push
    {
        let from = Some(actual.scan_on_push);
        changes.push(Change::ScanOnPush { from, to });
    }
    changes.extend(
        actual
            .tags
            .as_ref()
            .and_then(|tags| changed_tags(declared, tags.pairs())),
    );
    if let Some(actual) = &actual.policy {
        let wanted = wanted(settings.policy.as_ref(), settings.prunes());
        let is_met = |wanted: &Document<RepositoryPolicy>| match (wanted, actual) {
            (Document::Absent, Document::Absent) => true,
            (Document::Says(wanted), Document::Says(actual)) => wanted.says_as(actual),
            _ => false,
        };
        if let Some(wanted) = wanted.filter(|wanted| !is_met(wanted)) {
            let to = wanted.says().map(|policy| policy.document().clone());
            changes.push(Change::Policy {
                from: data(actual),
                to,
            });
        }
    }
    if let Some(actual) = &actual.lifecycle {
        let wanted = wanted(settings.lifecycle.as_ref(), settings.prunes());
        let is_met = |wanted: &Document<LifecycleDocument>| match (wanted, actual) {
            (Document::Absent, Document::Absent) => true,
            (Document::Says(wanted), Document::Says(actual)) => wanted.says_as(actual),
            _ => false,
        };
        if let Some(wanted) = wanted.filter(|wanted| !is_met(wanted)) {
            let to = wanted.says().map(|policy| policy.document().clone());
            changes.push(Change::Lifecycle {
                from: data(actual),
                to,
            });
        }
    }
    if let Some(actual) = &actual.catalog
        && let Some(to) = catalog::wanted(settings, actual)
    {
        let from = actual.says().cloned().map(Box::new);
        let to = Box::new(to);
        changes.push(Change::Catalog { from, to });
    }
    changes
}

/// What a document is to be, if anything is said of it.
fn wanted<T: Clone>(declared: Option<&Document<T>>, prunes: bool) -> Option<Document<T>> {
    match declared {
        Some(document) => Some(document.clone()),
        None => prunes.then_some(Document::Absent),
    }
}

/// What the registry has as data; as a text where it is no JSON.
fn data(document: &Document<String>) -> Option<Value> {
    let text = document.says()?;
    Some(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())))
}

fn changed_tags(declared: &DeclaredRepository, actual: &BTreeMap<String, String>) -> Option<Change> {
    let wanted = declared.settings.tags.pairs();
    let prunes = declared.settings.prunes();
    let goes = |key: &String, value: &String| match wanted.get(key) {
        Some(wanted) => wanted != value,
        // Those of AWS's own cannot be removed.
        None => prunes && !key.starts_with("aws:"),
    };
    let pair = |(key, value): (&String, &String)| (key.clone(), value.clone());
    let from: BTreeMap<String, String> = actual
        .iter()
        .filter(|(key, value)| goes(key, value))
        .map(pair)
        .collect();
    let comes = |key: &String, value: &String| actual.get(key) != Some(value);
    let to: BTreeMap<String, String> = wanted
        .iter()
        .filter(|(key, value)| comes(key, value))
        .map(pair)
        .collect();
    (!from.is_empty() || !to.is_empty()).then_some(Change::Tags { from, to })
}

fn obstacles(declared: &DeclaredRepository, actual: &ActualRepository) -> Vec<Obstacle> {
    let wanted = declared.settings.encryption.as_ref();
    let wanted = wanted.filter(|wanted| !wanted.is_met_by(&actual.encryption));
    let stays = wanted.map(|to| Obstacle::EncryptionStays {
        from: actual.encryption.clone(),
        to: to.clone(),
    });
    stays.into_iter().collect()
}

/// The order of filters says nothing.
fn is_same(one: &Mutability, other: &Mutability) -> bool {
    let filters = |mutability: &Mutability| -> Vec<String> {
        let mut filters: Vec<String> = match mutability {
            Mutability::Mutable | Mutability::Immutable => Vec::new(),
            Mutability::ImmutableWithExclusion(filters) | Mutability::MutableWithExclusion(filters) => {
                filters.iter().map(TagFilter::to_string).collect()
            }
        };
        filters.sort_unstable();
        filters.dedup();
        filters
    };
    std::mem::discriminant(one) == std::mem::discriminant(other) && filters(one) == filters(other)
}
