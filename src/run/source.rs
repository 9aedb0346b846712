//! What the checkout says: its commit, and whether what the build reads is what the commit says.

use super::RunError;
use crate::engine::ContextInputs;
use crate::git::GixCheckout;
use crate::pipeline::PipelineError;
use crate::ports::{BuildError, BuildInputs, GitError};
use crate::settings::{BuildSettings, Publishing, Settings};
use tagship_domain::build::NamedContext;
use tagship_domain::facts::{Difference, DifferenceCause, Source};

/// The checkout, or the files that stand in its place.
pub(super) fn checkout(settings: &Settings) -> GixCheckout {
    GixCheckout::at(settings.checkout()).or_given(settings.revision.clone())
}

/// What the checkout says.
pub(super) async fn source(settings: &Settings) -> Result<Source, RunError> {
    let build = settings.build.clone();
    // Nothing is built of the files that are here: what was built says itself whether its tree was clean.
    let is_merge = matches!(settings.publishing, Publishing::Merge(_));
    let in_job = settings.identity.in_actions;
    let checkout = checkout(settings);
    let read = tokio::task::spawn_blocking(move || {
        // Whether there is a repository at all is known before a folder is walked.
        let source = checkout
            .source(&build.context)
            .map_err(|error| error.in_job(in_job))?;
        if is_merge {
            return Ok(source);
        }
        if build.git.is_some() {
            return Ok(of_fetched(source, build.of_standard_input.is_some()));
        }
        let inputs = read_by(&build).map_err(BuildError::from)?;
        let inputs: Vec<&dyn BuildInputs> = inputs.iter().map(|one| one as &dyn BuildInputs).collect();
        Ok::<_, PipelineError>(checkout.compared(source, &inputs)?)
    });
    let mut source = read
        .await
        .map_err(|error| RunError::Broken(error.to_string()))??;
    if source.is_given && settings.release.is_some() {
        let what = "`release`";
        return Err(GitError::NeedsCheckout { what }.into());
    }
    if settings.build.git.is_some() {
        return Ok(source);
    }
    let github = &settings.github;
    if let (Some(server), Some(repository)) = (&github.server_url, &github.repository) {
        source.url = Some(format!("{}/{repository}", server.as_str().trim_end_matches('/')));
    }
    Ok(source)
}

/// What was fetched is what the commit says, but for a Dockerfile that was not.
fn of_fetched(source: Source, has_other_dockerfile: bool) -> Source {
    let dockerfile = has_other_dockerfile.then(|| Difference {
        path: "Dockerfile".to_owned(),
        cause: DifferenceCause::OutsideRepository,
    });
    Source {
        change_count: usize::from(has_other_dockerfile),
        changes: dockerfile.into_iter().collect(),
        ..source
    }
}

/// Every folder that the build reads, the main context first.
fn read_by(build: &BuildSettings) -> Result<Vec<ContextInputs>, buildkit_session::Error> {
    let mut inputs = vec![ContextInputs::read(&build.context, &build.dockerfile)?];
    for context in build.options.contexts.values() {
        if let NamedContext::Folder(folder) = context {
            inputs.push(ContextInputs::named(folder)?);
        }
    }
    Ok(inputs)
}
