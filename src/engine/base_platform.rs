//! An image says the platform that was asked for, whatever it holds: so what it begins with has to be of that platform.

use std::error::Error;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use buildkit_session::{BuildKit, Capabilities, DockerfileName, Progress, RegistryAuth as _};
use secrecy::ExposeSecret as _;

use super::base_image::{read_dockerfile, resolved};
use super::places::DockerfilePlaces;
use super::session::BuildLogins;
use crate::ports::BuildError;
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Platform;
use tagship_domain::dockerfile::{BaseStage, line_without_layers};
use tagship_domain::error::{cleaned, innermost};
use tagship_domain::location::SourceLocation;

/// What the built stage begins with, and the platforms that it has to be of.
#[derive(Debug)]
pub(super) struct BasePlatform {
    base: BaseStage,
    platforms: Vec<Platform>,
    location: SourceLocation,
}

impl BasePlatform {
    /// Reads the Dockerfile; `None` where the image says no platform that was asked for, or begins with nothing.
    ///
    /// A `FROM` that asks for another platform itself is refused.
    pub(super) fn of(request: &BuildRequest, name: &DockerfileName) -> Result<Option<Self>, BuildError> {
        if request.platforms.is_empty() {
            return Ok(None);
        }
        let text = read_dockerfile(request).map_err(|error| BuildError::DockerfileInvalid {
            message: cleaned(&error.to_string()),
            location: None,
        })?;
        let Some(base) = BaseStage::of(&text, request.target.as_deref()) else {
            return Ok(None);
        };
        // A named context stands in its place.
        if request.options.contexts.contains_key(&base.image) {
            return Ok(None);
        }
        let checked = Self {
            location: DockerfilePlaces::of(request, name).at(base.line),
            base,
            platforms: request.platforms.clone(),
        };
        match request
            .platforms
            .iter()
            .find(|wanted| checked.base.asks_for_another(wanted))
        {
            Some(_) => Err(checked.wrong(checked.base.platform.as_deref().unwrap_or_default())),
            None => Ok(Some(checked)),
        }
    }

    /// Refuses a build that began with an image of another platform.
    pub(super) async fn check(
        &self,
        buildkit: &BuildKit,
        engine: &Capabilities,
        progress: &Progress,
        auth: &BuildLogins,
    ) -> Result<(), BuildError> {
        let asked = buildkit.engine().filter(|_| !engine.says_wrong_bases());
        let Some(connection) = asked else {
            return self.check_said(progress);
        };
        // What is of the engine's own platform runs there, or fails; older engines do not say what one image alone is of.
        let own = Platform::parse(&engine.platform);
        if own.is_ok_and(|own| self.platforms.iter().all(|wanted| wanted.is_same(&own))) {
            return Ok(());
        }
        let Some(reference) = resolved(&self.base, &progress.step_names()) else {
            return Ok(());
        };
        let host = reference.split('/').next().unwrap_or_default();
        let credential = auth
            .credential(host)
            .await
            .map_err(|error| self.unknown(reference, &*error))?;
        let credentials = credential.map(|credential| DockerCredentials {
            username: Some(credential.username),
            password: Some(credential.password.expose_secret().to_owned()),
            serveraddress: Some(host.to_owned()),
            ..DockerCredentials::default()
        });
        self.check_asked(connection.docker(), reference, credentials)
            .await
    }

    /// Refuses what the builder found out.
    fn check_said(&self, progress: &Progress) -> Result<(), BuildError> {
        let said = progress
            .wrong_bases()
            .iter()
            .find(|found| found.line == Some(self.base.line));
        said.map_or(Ok(()), |found| Err(self.wrong(&found.actual)))
    }

    /// Asks the engine, which asks the image's registry. Source: Engine API, `GET /distribution/{name}/json`.
    async fn check_asked(
        &self,
        docker: &Docker,
        reference: &str,
        credentials: Option<DockerCredentials>,
    ) -> Result<(), BuildError> {
        let answer = docker.inspect_registry_image(reference, credentials).await;
        let answer = answer.map_err(|error| self.unknown(reference, &error))?;
        let has: Vec<Platform> = answer
            .platforms
            .into_iter()
            .map(|platform| Platform {
                os: platform.os.unwrap_or_default(),
                architecture: platform.architecture.unwrap_or_default(),
                variant: platform.variant.filter(|variant| !variant.is_empty()),
            })
            .collect();
        let is_there = |wanted: &Platform| {
            has.iter().any(|has| {
                let any_variant = wanted.variant.is_none() || has.variant.is_none();
                has.is_same(wanted)
                    || (any_variant && (&has.os, &has.architecture) == (&wanted.os, &wanted.architecture))
            })
        };
        if self.platforms.iter().all(is_there) {
            return Ok(());
        }
        let has: Vec<String> = has.iter().map(ToString::to_string).collect();
        if has.is_empty() {
            return Err(self.wrong("an unknown platform"));
        }
        Err(self.wrong(&has.join(", ")))
    }

    fn wrong(&self, actual: &str) -> BuildError {
        let wanted: Vec<String> = self.platforms.iter().map(ToString::to_string).collect();
        BuildError::BasePlatform {
            image: cleaned(&self.base.image),
            actual: cleaned(actual),
            wanted: wanted.join(", "),
            location: Some(self.location.clone()),
        }
    }

    fn unknown(&self, reference: &str, error: &(dyn Error + 'static)) -> BuildError {
        BuildError::BaseImage {
            image: cleaned(reference),
            message: format!("its platforms are not known: {}", innermost(error)),
            location: Some(self.location.clone()),
        }
    }
}

/// Refuses to build an image without a layer: a classic store does not give it out, and no registry takes what the builder of
/// another one pushes.
pub(super) fn refuse_nothing(request: &BuildRequest, name: &DockerfileName) -> Result<(), BuildError> {
    // What cannot be read is named by the build.
    let text = read_dockerfile(request).unwrap_or_default();
    match line_without_layers(&text, request.target.as_deref()) {
        None => Ok(()),
        Some(line) => Err(BuildError::NoLayer {
            location: DockerfilePlaces::of(request, name).at(line),
        }),
    }
}
