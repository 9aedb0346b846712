//! `tagship lifecycle preview`: what lifecycle policies would do, by the evaluator that the embedded ECR has too.

use std::sync::Arc;

use super::super::{Outcome, RunError};
use super::{OpenedRegistry, RegistryRequest, RepositoriesError};
use crate::aws::RegistryRepositories;
use crate::pipeline::{PipelineError, preview_by_registry, preview_lifecycle};
use crate::ports::{ReadRepositories as _, RegistryError, Reporter, RunEvent};
use crate::report::{PreviewReport, RepositoryPreview};
use tagship_domain::error::Diagnose;
use tagship_domain::iam::RegistryAccess;
use tagship_domain::reference::RepositoryName;
use tagship_domain::repositories::{
    DeclaredRepository, DeclaredSettings, Document, InvalidLifecycleDocument, LifecycleDocument,
};

/// Who says what a lifecycle policy would do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewBy {
    /// The evaluator of this program.
    Evaluator,
    /// The registry, with which the evaluator is compared.
    Registry,
}

/// Shows what the declared lifecycle policies would do to the images that are there; where none is declared, what the one that is
/// there does next. Nothing is written.
pub async fn preview_lifecycles(
    request: &RegistryRequest,
    by: PreviewBy,
    reporter: Arc<dyn Reporter>,
) -> Result<Outcome, RunError> {
    let wanted = wanted(request)?;
    let access = match by {
        PreviewBy::Evaluator => RegistryAccess::Read,
        PreviewBy::Registry => RegistryAccess::PreviewLifecycle,
    };
    let opened = OpenedRegistry::open(&request.settings, access, Arc::clone(&reporter)).await?;
    let mut previews = Ok(Vec::new());
    for declared in &wanted {
        match (preview(declared, &opened, request, by).await, &mut previews) {
            (Ok(found), Ok(previews)) => previews.extend(found),
            // One that is declared and not made yet hides no other.
            (Err(error), _) if request.names.is_empty() && is_missing(&error) => {
                let note = format!("repository `{}` does not exist yet", declared.name);
                reporter.event(RunEvent::Note(&note));
            }
            (Err(error), previews) => {
                *previews = Err(error);
                break;
            }
            (Ok(_), Err(_)) => break,
        }
    }
    let host = opened.host.clone();
    opened.close().await;
    let report = PreviewReport {
        registry: host,
        repositories: previews?,
    };
    let failure = report.objection().filter(|_| !request.allows_protected);
    let failure = failure.and_then(|found| RepositoriesError::of_obstacles(&[], &[found]));
    Ok(Outcome {
        text: report.text(),
        json: serde_json::json!(report),
        failure: failure.map(|failure| Arc::new(failure) as Arc<dyn Diagnose>),
        ..Outcome::default()
    })
}

/// The repositories that are asked for; one that is not declared has its own policy.
fn wanted(request: &RegistryRequest) -> Result<Vec<DeclaredRepository>, RepositoriesError> {
    if request.names.is_empty() {
        return super::declared(request);
    }
    let declared = request.settings.declared.as_ref();
    let of = |name: &RepositoryName| {
        let known = declared.and_then(|declared| declared.of(name));
        known.unwrap_or_else(|| DeclaredRepository {
            name: name.clone(),
            settings: DeclaredSettings::default(),
        })
    };
    Ok(request.names.iter().map(of).collect())
}

fn is_missing(error: &RunError) -> bool {
    matches!(
        error,
        RunError::Pipeline(PipelineError::Registry(RegistryError::RepositoryMissing { .. }))
    )
}

async fn preview(
    declared: &DeclaredRepository,
    opened: &OpenedRegistry,
    request: &RegistryRequest,
    by: PreviewBy,
) -> Result<Option<RepositoryPreview>, RunError> {
    let reader = opened.private("which has no lifecycle policies")?;
    let Some(document) = document_of(declared, reader).await? else {
        return Ok(None);
    };
    let policy = document.policy();
    let now = request.check().now;
    let (preview, comparison) = match by {
        PreviewBy::Evaluator => (preview_lifecycle(declared, policy, reader, now).await?, None),
        PreviewBy::Registry => {
            let found = preview_by_registry(declared, &document, reader, reader, now).await?;
            (found.0, Some(found.1))
        }
    };
    Ok(Some(RepositoryPreview::new(
        declared.name.clone(),
        policy,
        preview,
        comparison,
    )))
}

/// Returns the lifecycle policy that is declared; where none is, the one that is there.
pub(super) async fn document_of(
    declared: &DeclaredRepository,
    reader: &RegistryRepositories,
) -> Result<Option<LifecycleDocument>, RunError> {
    match &declared.settings.lifecycle {
        Some(Document::Says(document)) => Ok(Some(document.clone())),
        Some(Document::Absent) => Ok(None),
        None => match reader.lifecycle(&declared.name).await? {
            Document::Absent => Ok(None),
            Document::Says(text) => {
                let unknown = |error: InvalidLifecycleDocument| RepositoriesError::UnknownPolicy {
                    name: declared.name.clone(),
                    problem: tagship_domain::error::cleaned(&error.to_string()),
                };
                Ok(Some(LifecycleDocument::parse(&text).map_err(unknown)?))
            }
        },
    }
}
