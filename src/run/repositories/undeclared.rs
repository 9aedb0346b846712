//! Repositories that are there and that nothing declares: found for `--prune`, and removed where they hold no image.

use std::sync::Arc;

use super::super::RunError;
use super::{ApplyProgress, OpenedRegistry, RegistryRequest};
use crate::pipeline::ApplyError;
use crate::ports::{Removal, Reporter, RunEvent, Warning};
use tagship_domain::iam::RegistryAccess;
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::UndeclaredRepository;

/// Removes those that hold no image, in a session that may do that alone. One that holds images by now stays.
pub(super) async fn remove(
    request: &RegistryRequest,
    found: &[UndeclaredRepository],
    (reporter, progress): (&Arc<dyn Reporter>, &ApplyProgress),
) -> Result<Vec<(RepositoryName, ApplyError)>, RunError> {
    let mut empty = found.iter().filter(|one| !one.holds_images).peekable();
    if empty.peek().is_none() {
        return Ok(Vec::new());
    }
    let opened =
        OpenedRegistry::open(&request.settings, RegistryAccess::Delete, Arc::clone(reporter)).await?;
    let mut failures = Vec::new();
    for UndeclaredRepository { repository, .. } in empty {
        match opened.repositories.writer().remove(repository, false).await {
            Ok(Removal::Done) => progress.removed(repository),
            Ok(Removal::Missing) => {}
            Ok(Removal::HoldsImages) => reporter.event(RunEvent::Warning(&Warning {
                message: format!(
                    "repository `{repository}` is not declared and holds images by now: it stays"
                ),
                file: None,
                line: None,
            })),
            Err(error) => failures.push((repository.clone(), error.into())),
        }
    }
    opened.close().await;
    Ok(failures)
}
