//! What lifecycle policies would do to the images that are there, before anything is put.

use jiff::Timestamp;

use crate::ports::{PreviewLifecycle, ReadRepositories, RegistryError};
use tagship_domain::lifecycle::LifecyclePolicy;
use tagship_domain::repositories::{
    ActualRepository, DeclaredRepository, LifecycleDocument, LifecyclePreview, PreviewComparison,
    RegistryKind, RepositoryPlan,
};

/// How lifecycle policies are judged before they are put.
#[derive(Debug, Clone, Copy)]
pub struct LifecycleCheck {
    /// The time, by which images are old.
    pub now: Timestamp,
    /// Whether a policy may delete what is protected.
    pub allows_protected: bool,
}

/// Adds to a plan what the lifecycle policy would do that is put, and what the one that stands is going to do to protected images:
/// what is in use changes more often than a policy. Nothing is read where neither is of interest.
pub(super) async fn held_to_lifecycle(
    plan: RepositoryPlan,
    declared: &DeclaredRepository,
    actual: Option<&ActualRepository>,
    reader: &dyn ReadRepositories,
    check: LifecycleCheck,
) -> Result<RepositoryPlan, RegistryError> {
    let is_put = plan.puts_lifecycle();
    let is_protected = !declared.settings.protection.is_empty();
    let Some(actual) = actual.filter(|_| reader.kind() == RegistryKind::Private && (is_put || is_protected))
    else {
        return Ok(plan);
    };
    let policy = match declared.policy_that_counts(actual.lifecycle.as_ref()) {
        None => return Ok(plan),
        Some(Err(unknown)) => return Ok(plan.with_obstacle(unknown, check.allows_protected)),
        Some(Ok(policy)) => policy,
    };
    let preview = preview_lifecycle(declared, &policy, reader, check.now).await?;
    Ok(if is_put {
        plan.with_preview(&preview, check.allows_protected)
    } else {
        plan.with_standing_policy(&preview, check.allows_protected)
    })
}

/// Finds out what a lifecycle policy would do to the images that a repository has. Nothing is written.
pub async fn preview_lifecycle(
    declared: &DeclaredRepository,
    policy: &LifecyclePolicy,
    reader: &dyn ReadRepositories,
    now: Timestamp,
) -> Result<LifecyclePreview, RegistryError> {
    let images = reader.stored_images(&declared.name).await?;
    let protection = &declared.settings.protection;
    Ok(LifecyclePreview::new(
        policy,
        &images,
        &declared.name,
        protection,
        now,
    ))
}

/// Has the registry itself find that out, and compares it with what is found here.
pub async fn preview_by_registry(
    declared: &DeclaredRepository,
    document: &LifecycleDocument,
    reader: &dyn ReadRepositories,
    registry: &dyn PreviewLifecycle,
    now: Timestamp,
) -> Result<(LifecyclePreview, PreviewComparison), RegistryError> {
    let effects = registry.preview_lifecycle(&declared.name, document).await?;
    // Read afterwards, so that all images are known that the registry names, but for what is gone meanwhile.
    let images = reader.stored_images(&declared.name).await?;
    let (name, policy) = (&declared.name, document.policy());
    let protection = &declared.settings.protection;
    let own = LifecyclePreview::new(policy, &images, name, protection, now);
    let preview = LifecyclePreview::by_registry(&effects, policy, &images, name, protection, now);
    let comparison = PreviewComparison::new(&preview, &own);
    Ok((preview, comparison))
}
