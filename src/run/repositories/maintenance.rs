//! `tagship repo import` and `tagship repo delete`.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::super::{Outcome, RunError};
use super::{OpenedRegistry, RepositoriesError, registry};
use crate::pipeline::{Wanted, read_documents};
use crate::ports::{RegistryError, Removal, Reporter};
use crate::settings::RegistrySettings;
use tagship_domain::iam::RegistryAccess;
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{ActualRepository, declaration_of};

/// How many repositories are read at the same time.
const PARALLEL: usize = 4;

/// Which repositories are to be written down.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// The registry.
    pub settings: RegistrySettings,
    /// The repositories; all of the registry when empty.
    pub names: Vec<RepositoryName>,
    /// Whether the registry's own settings are written down too.
    pub with_settings: bool,
}

/// Which repository is to go.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    /// The registry.
    pub settings: RegistrySettings,
    /// The repository.
    pub name: RepositoryName,
    /// Whether its images go with it.
    pub with_images: bool,
}

/// Prints the declaration of what is there. Nothing is written.
pub async fn import_repositories(
    request: &ImportRequest,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let opened = OpenedRegistry::open(&request.settings, RegistryAccess::Read, reporter).await?;
    let found = declaration(request, &opened).await;
    opened.close().await;
    let text = found?;
    Ok(Outcome {
        json: serde_json::json!({"declaration": text}),
        text,
        ..Outcome::default()
    })
}

async fn declaration(request: &ImportRequest, opened: &OpenedRegistry) -> Result<String, RunError> {
    let mut text = String::new();
    if request.with_settings {
        text += &registry::declaration(opened).await?;
    }
    let kind = opened.repositories.reader().kind();
    Ok(text + &declaration_of(&read_all(request, opened).await?, kind))
}

async fn read_all(
    request: &ImportRequest,
    opened: &OpenedRegistry,
) -> Result<Vec<ActualRepository>, RunError> {
    let reader = opened.repositories.reader();
    let mut found = if request.names.is_empty() {
        reader.describe_all().await?
    } else {
        reader.describe(&request.names).await?
    };
    let is_missing = |name: &&RepositoryName| found.iter().all(|one| one.name != **name);
    if let Some(missing) = request.names.iter().find(is_missing) {
        return Err(missing_repository(missing, opened).into());
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let read: Result<Vec<ActualRepository>, RegistryError> = stream::iter(found)
        .map(|one| read_documents(one, &Wanted::ALL, reader))
        .buffered(PARALLEL)
        .try_collect()
        .await;
    Ok(read?)
}

pub(super) fn missing_repository(name: &RepositoryName, opened: &OpenedRegistry) -> RepositoriesError {
    RepositoriesError::Missing {
        repository: name.clone(),
        host: opened.host.clone(),
    }
}

/// Removes a repository; with images only if they are to go with it.
pub async fn delete_repository(
    request: &DeleteRequest,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let opened = OpenedRegistry::open(&request.settings, RegistryAccess::Delete, reporter).await?;
    let writer = opened.repositories.writer();
    let removed = writer.remove(&request.name, request.with_images).await;
    let missing = missing_repository(&request.name, &opened);
    opened.close().await;
    let was_there = match removed? {
        Removal::Done => true,
        // Its name was typed twice: an earlier run removed it, and a name that is misspelt would be so twice.
        Removal::Missing if request.with_images => false,
        Removal::Missing => return Err(missing.into()),
        Removal::HoldsImages => {
            return Err(RepositoriesError::HoldsImages(request.name.clone()).into());
        }
    };
    let name = &request.name;
    Ok(Outcome {
        text: if was_there {
            format!("removed {name}\n")
        } else {
            format!("{name} is not there\n")
        },
        json: serde_json::json!({
            "repository": name,
            "with-images": request.with_images,
            "was-there": was_there,
        }),
        ..Outcome::default()
    })
}
