//! What a registry's repositories are and hold.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::{LifecycleCheck, plan_repositories};
use crate::ports::{ReadRepositories, RegistryError, Reporter, RunEvent, Warning};
use tagship_domain::inventory::ScanSummary;
use tagship_domain::reference::{Digest, RepositoryName};
use tagship_domain::repositories::{
    ActualRepository, DeclaredRepository, Drift, FoundRepository, ListedRepository, PlanAction, StoredImage,
};

/// How many repositories are read at the same time.
const PARALLEL: usize = 4;

/// How many images of an index are asked for their scans.
const MAX_SCANS: usize = 8;

/// Reads the repositories of a registry, in the order of their names: these, or all and those that are declared.
pub async fn list_repositories(
    names: &[RepositoryName],
    declared: Option<&[DeclaredRepository]>,
    reader: &dyn ReadRepositories,
    reporter: &dyn Reporter,
    check: LifecycleCheck,
) -> Result<Vec<ListedRepository>, RegistryError> {
    let mut found = if names.is_empty() {
        reader.describe_all().await?
    } else {
        reader.describe(names).await?
    };
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let is_asked = |name: &RepositoryName| names.is_empty() || names.contains(name);
    let drifts = match declared {
        Some(declared) => drifts(declared, reader, reporter, check).await?,
        None => None,
    };
    let read: Vec<(RepositoryName, FoundRepository)> = stream::iter(found)
        .map(|one| read_content(one, reader, reporter))
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut all: BTreeMap<RepositoryName, ListedRepository> = BTreeMap::new();
    for (name, found) in read {
        let drift = drifts
            .as_ref()
            .map(|drifts| drifts.get(&name).copied().unwrap_or(Drift::NotDeclared));
        let one = ListedRepository {
            repository: name.clone(),
            drift,
            found: Some(found),
        };
        all.insert(name, one);
    }
    for (name, drift) in drifts.into_iter().flatten().filter(|(name, _)| is_asked(name)) {
        all.entry(name.clone()).or_insert(ListedRepository {
            repository: name,
            drift: Some(drift),
            found: None,
        });
    }
    for name in names.iter().filter(|name| !all.contains_key(name)) {
        reporter.event(RunEvent::Warning(&Warning {
            message: format!("there is no repository `{name}`"),
            file: None,
            line: None,
        }));
    }
    Ok(all.into_values().collect())
}

/// Compares what is declared; `None` where the role may not read what that needs.
async fn drifts(
    declared: &[DeclaredRepository],
    reader: &dyn ReadRepositories,
    reporter: &dyn Reporter,
    check: LifecycleCheck,
) -> Result<Option<BTreeMap<RepositoryName, Drift>>, RegistryError> {
    let planned = match plan_repositories(declared, reader, check).await {
        Ok(planned) => planned,
        Err(RegistryError::NotPermitted { action, .. }) => {
            let note =
                format!("what differs from the declaration is not shown: the role may not do `{action}`");
            reporter.event(RunEvent::Note(&note));
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let drifts = planned.into_iter().map(|one| {
        let drift = match one.plan.action {
            PlanAction::Create => Drift::Missing,
            PlanAction::Change => Drift::Differs,
            PlanAction::Keep => Drift::AsDeclared,
            PlanAction::Refuse => Drift::Refused,
        };
        (one.declared.name, drift)
    });
    Ok(Some(drifts.collect()))
}

async fn read_content(
    one: ActualRepository,
    reader: &dyn ReadRepositories,
    reporter: &dyn Reporter,
) -> Result<(RepositoryName, FoundRepository), RegistryError> {
    let images = reader.stored_images(&one.name).await?;
    let youngest = images
        .iter()
        .max_by_key(|one| (one.image.pushed_at, one.image.children.len()));
    let findings = match youngest {
        Some(youngest) => findings(&one.name, youngest, reader, reporter).await?,
        None => None,
    };
    // The size that ECR says of an index is that of its largest image.
    let sizes = images.iter().filter(|one| one.image.children.is_empty());
    let found = FoundRepository {
        mutability: one.mutability,
        scan_on_push: one.scan_on_push,
        encryption: one.encryption.kind.as_str(),
        images: images.len(),
        bytes: sizes.filter_map(|one| one.size).sum(),
        last_push: images.iter().map(|one| one.image.pushed_at).max(),
        last_pull: images.iter().filter_map(|one| one.image.pulled_at).max(),
        findings,
    };
    Ok((one.name, found))
}

/// What scans of an image found. A role that may not read it has a list without.
async fn findings(
    repository: &RepositoryName,
    image: &StoredImage,
    reader: &dyn ReadRepositories,
    reporter: &dyn Reporter,
) -> Result<Option<ScanSummary>, RegistryError> {
    let children = &image.image.children;
    let images: Vec<Digest> = if children.is_empty() {
        vec![image.image.digest]
    } else {
        children.iter().take(MAX_SCANS).copied().collect()
    };
    let mut sum: Option<ScanSummary> = None;
    for digest in &images {
        let found = match reader.scan_summary(repository, digest).await {
            Ok(found) => found,
            Err(RegistryError::NotPermitted { action, .. }) => {
                let note =
                    format!("findings of `{repository}` are not shown: the role may not do `{action}`");
                reporter.event(RunEvent::Note(&note));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match (&mut sum, found) {
            (Some(sum), Some(found)) => {
                for (severity, count) in found.findings {
                    *sum.findings.entry(severity).or_default() += count;
                }
            }
            (None, found) => sum = found,
            (Some(_), None) => {}
        }
    }
    Ok(sum)
}
