//! `tagship repo cost`: what repositories cost a month.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::{Outcome, RunError};
use super::lifecycle::document_of;
use super::{OpenedRegistry, RepositoriesError};
use crate::aws::RegistryRepositories;
use crate::clock::SystemClock;
use crate::ports::{Clock as _, ReadRepositories as _, Reporter};
use crate::regular_file;
use crate::report::CostReport;
use crate::settings::RegistrySettings;
use tagship_domain::cost::{CostEstimate, PriceList, Pulls, RepositoryUsage};
use tagship_domain::iam::RegistryAccess;
use tagship_domain::lifecycle::LifecyclePolicy;
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{DeclaredRepository, DeclaredSettings, LifecycleDocument};

/// How many repositories are read at the same time.
const PARALLEL: usize = 2;

/// The most bytes of a file of prices.
const MAX_PRICES_BYTES: u64 = 256 * 1024;

/// What is priced.
#[derive(Debug, Clone)]
pub struct CostRequest {
    /// What is held.
    pub subject: CostSubject,
    /// How often each repository is pulled from in a month.
    pub pulls: Pulls,
    /// A file of prices in place of the program's own; absolute.
    pub prices: Option<PathBuf>,
    /// Whether the estimate is printed as Markdown.
    pub is_markdown: bool,
}

/// What is held.
#[derive(Debug, Clone)]
pub enum CostSubject {
    /// Repositories of a registry.
    Registry {
        /// The registry, and what is declared.
        settings: Box<RegistrySettings>,
        /// The repositories; those that are declared when empty, or else all of the registry.
        names: Vec<RepositoryName>,
        /// Whether it is read which layers images share.
        layers: ReadLayers,
    },
    /// So many images of a size, wherever they are.
    Numbers {
        /// Bytes of one.
        size: u64,
        /// How many.
        versions: u32,
    },
}

/// Whether it is read which layers images share, which ECR takes for pulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadLayers {
    /// Unless a lifecycle policy counts from the last pull.
    Auto,
    /// In any case.
    Always,
    /// Never: sizes are at most what is said.
    Never,
}

/// Prices what repositories hold. Nothing is written.
pub async fn estimate_cost(request: &CostRequest, reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let prices = prices(request)?;
    let (registry, usages) = match &request.subject {
        CostSubject::Numbers { size, versions } => {
            (None, vec![RepositoryUsage::of_numbers(*size, *versions)])
        }
        CostSubject::Registry {
            settings,
            names,
            layers,
        } => {
            let opened = OpenedRegistry::open(settings, RegistryAccess::Read, reporter).await?;
            let usages = usages(settings, names, *layers, &opened).await;
            let host = opened.host.clone();
            opened.close().await;
            (Some(host), usages?)
        }
    };
    let report = CostReport {
        registry,
        estimate: CostEstimate::new(&prices, &usages, &request.pulls),
    };
    Ok(Outcome {
        text: if request.is_markdown {
            report.markdown()
        } else {
            report.text()
        },
        json: serde_json::json!(report),
        ..Outcome::default()
    })
}

fn prices(request: &CostRequest) -> Result<PriceList, RepositoriesError> {
    let Some(path) = &request.prices else {
        return Ok(PriceList::own());
    };
    let invalid = |problem: String| RepositoriesError::Prices {
        path: path.display().to_string(),
        problem,
    };
    let text = regular_file::text(path, MAX_PRICES_BYTES).map_err(invalid)?;
    PriceList::parse(&text).map_err(|error| invalid(format!("is no list of prices: {error}")))
}

async fn usages(
    settings: &RegistrySettings,
    names: &[RepositoryName],
    layers: ReadLayers,
    opened: &OpenedRegistry,
) -> Result<Vec<RepositoryUsage>, RunError> {
    let declared = settings.declared.as_ref();
    let declared_names =
        || declared.map(|declared| declared.resolved().into_iter().map(|one| one.name).collect());
    let asked: Vec<RepositoryName> = if names.is_empty() {
        declared_names().unwrap_or_default()
    } else {
        names.to_vec()
    };
    let reader = opened.private("which the list of prices does not know")?;
    let mut found = if asked.is_empty() {
        reader.describe_all().await?
    } else {
        reader.describe(&asked).await?
    };
    if let Some(missing) = names
        .iter()
        .find(|name| found.iter().all(|one| one.name != **name))
    {
        return Err(super::maintenance::missing_repository(missing, opened).into());
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let of = |name: RepositoryName| {
        let known = declared.and_then(|declared| declared.of(&name));
        known.unwrap_or_else(|| DeclaredRepository {
            name,
            settings: DeclaredSettings::default(),
        })
    };
    stream::iter(found.into_iter().map(|one| of(one.name)))
        .map(|one| usage(one, layers, reader))
        .buffered(PARALLEL)
        .try_collect()
        .await
}

async fn usage(
    declared: DeclaredRepository,
    layers: ReadLayers,
    reader: &RegistryRepositories,
) -> Result<RepositoryUsage, RunError> {
    let document = document_of(&declared, reader).await?;
    let policy = document.as_ref().map(LifecycleDocument::policy);
    let reads = match layers {
        ReadLayers::Always => true,
        ReadLayers::Never => false,
        ReadLayers::Auto => !policy.is_some_and(LifecyclePolicy::counts_pulls),
    };
    let contents = reader.stored_contents(&declared.name, reads).await?;
    Ok(RepositoryUsage::new(
        declared.name.to_string(),
        &contents,
        policy,
        SystemClock.now(),
    ))
}
