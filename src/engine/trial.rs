//! Runs a command in an image that is in the registry.
//!
//! It is a build that begins with the image and whose result is thrown away: the engine fetches the image with the login
//! of the session, the command's output and failure are those of a step, cancelling ends it, and no container is left.

use std::fs;

use async_trait::async_trait;
use buildkit_session::Error;
use tempfile::TempDir;

use super::builder::EngineBuilder;
use super::destination::Destination;
use crate::ports::{BuildError, TryImage};
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Platform;
use tagship_domain::reference::ImageRef;

#[async_trait]
impl TryImage for EngineBuilder {
    async fn try_image(
        &self,
        image: &ImageRef,
        platforms: &[Platform],
        command: &str,
    ) -> Result<Vec<Platform>, BuildError> {
        let runner = self.runner();
        let engine = runner.engine().await?;
        let is_runnable = |platform: &Platform| engine.capabilities.runs(platform);
        let (runnable, others): (Vec<Platform>, Vec<Platform>) =
            platforms.iter().cloned().partition(is_runnable);
        if runnable.is_empty() && !others.is_empty() {
            return Err(BuildError::NotRunnable {
                engine: engine.capabilities.platform.clone(),
                platforms: others,
            });
        }
        let folder = folder(image, command).map_err(|error| Error::Output {
            problem: error.to_string(),
        })?;
        let each = runnable.into_iter().map(|platform| vec![platform]);
        let runs: Vec<Vec<Platform>> = if platforms.is_empty() {
            vec![Vec::new()]
        } else {
            each.collect()
        };
        for platforms in runs {
            let request = request(&folder, platforms);
            let mut progress = runner.progress(&request);
            runner
                .build(engine, &request, Destination::default(), &mut progress)
                .await
                .map_err(without_place)?;
        }
        Ok(others)
    }
}

/// A folder with the Dockerfile of the trial.
fn folder(image: &ImageRef, command: &str) -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let dockerfile = format!("FROM {image}\nRUN {command}\n");
    fs::write(folder.path().join("Dockerfile"), dockerfile)?;
    Ok(folder)
}

/// What ran before says nothing of this image, and is not taken from the cache.
fn request(folder: &TempDir, platforms: Vec<Platform>) -> BuildRequest {
    BuildRequest {
        context: folder.path().to_owned(),
        dockerfile: folder.path().join("Dockerfile"),
        platforms,
        no_cache: true,
        ..BuildRequest::default()
    }
}

/// The Dockerfile of the trial is not the user's.
fn without_place(error: BuildError) -> BuildError {
    match error {
        BuildError::StepFailed {
            name,
            exit_code,
            tail,
            message,
            ..
        } => BuildError::StepFailed {
            name,
            exit_code,
            tail,
            location: None,
            message,
        },
        BuildError::DockerfileInvalid { message, .. } => BuildError::DockerfileInvalid {
            message,
            location: None,
        },
        BuildError::BaseImage { image, message, .. } => BuildError::BaseImage {
            image,
            message,
            location: None,
        },
        BuildError::Failed { message, .. } => BuildError::Failed {
            message,
            location: None,
        },
        other => other,
    }
}
