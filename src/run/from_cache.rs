//! `from-cache`: base images by way of the registry's pull-through cache.

use std::sync::Arc;

use super::RunError;
use super::connection::RegistryConnection;
use crate::aws::{Ecr, RegistryRepositories};
use crate::engine::read_dockerfile;
use crate::pipeline::{read_through_cache, read_through_unknown};
use crate::ports::{Reporter, RunEvent};
use crate::settings::Settings;
use tagship_domain::build::BuildRequest;
use tagship_domain::plan::{Content, Plan};
use tagship_domain::reference::RegistryHost;

/// Adds to a plan which base images come from the cache; from no registry where there is no way to one.
pub(super) async fn plan_bases(
    settings: &Settings,
    plan: &mut Plan,
    connection: Option<&RegistryConnection>,
) -> Result<(), RunError> {
    let Content::Build { request } = &mut plan.content else {
        return Ok(());
    };
    if !settings.build.from_cache {
        return Ok(());
    }
    // What cannot be read is named by the build.
    let dockerfile = read_dockerfile(request).unwrap_or_default();
    match connection {
        None => read_through_unknown(request, &dockerfile),
        Some(connection) => {
            let repositories = connection.private_repositories().await;
            let registry = &plan.image.registry;
            let notes = read_through_cache(request, &dockerfile, registry, &repositories).await?;
            plan.notes.extend(notes);
        }
    }
    Ok(())
}

/// The same for a build that publishes nothing: where there is no identity, its base images come from upstream.
pub(super) async fn add_bases(
    settings: &Settings,
    request: &mut BuildRequest,
    ecr: Option<(&RegistryHost, &Arc<Ecr>)>,
    reporter: &dyn Reporter,
) -> Result<(), RunError> {
    if !settings.build.from_cache {
        return Ok(());
    }
    let Some((registry, ecr)) = ecr else {
        reporter.event(RunEvent::Note(
            "base images come from upstream: `from-cache` needs a registry and an identity, and this build has none",
        ));
        return Ok(());
    };
    let dockerfile = read_dockerfile(request).unwrap_or_default();
    let repositories = RegistryRepositories::of(Arc::clone(ecr)).await;
    for note in read_through_cache(request, &dockerfile, registry, &repositories).await? {
        reporter.event(RunEvent::Note(&note.to_string()));
    }
    for base in &request.base_images {
        reporter.event(RunEvent::Note(&format!("base image {base}")));
    }
    Ok(())
}
