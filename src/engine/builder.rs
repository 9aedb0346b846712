//! The builder: builds on a Docker Engine or a BuildKit daemon, and publishes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use buildkit_session::{Connection, Progress};

use super::archive::{self, ClassicImage, TemporaryImage};
use super::base_image::ResolvedBase;
use super::classic::{BaseImage, ImageForm, LayerCache, push_archive, temporary_failure, unnamed_file};
use super::destination::Destination;
use super::export::{digest_of, image_file, into_store, push_by_digest};
use super::failure;
use super::image_file::{is_on_loopback, push_file, shares_loopback};
use super::push_watch::PushWatch;
use super::runner::{BuildRunner, Engine};
use super::session::PushTarget;
use crate::ports::{
    BuildError, Builder, EngineSummary, ImageStore, OpenBase, RegistryError, RegistryLogin, Reporter,
    RunEvent, WriteRepository,
};
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Platform;
use tagship_domain::reference::{Digest, ImageName};

/// The pauses before a push by the engine is tried again. What was built is in its cache, and what was pushed is not
/// pushed again; the engine itself has tried more than once each time.
const PUSH_DELAYS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(9),
];

/// Builds on a Docker Engine or a BuildKit daemon, and publishes.
pub struct EngineBuilder {
    runner: BuildRunner,
    login: Arc<dyn RegistryLogin>,
    image: ImageName,
    reporter: Arc<dyn Reporter>,
    layer_cache: Option<LayerCache>,
    bases: Option<Arc<dyn OpenBase>>,
    /// Whether the engine pushes nothing itself, and no blob of a base image is fetched.
    is_measuring: bool,
}

impl EngineBuilder {
    /// A builder for one destination, which contacts the engine when it is first needed.
    pub fn new(
        runner: BuildRunner,
        login: Arc<dyn RegistryLogin>,
        image: ImageName,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        let target = PushTarget {
            image: image.clone(),
            login: Arc::clone(&login),
        };
        Self {
            runner: runner.with_target(target),
            login,
            image,
            reporter,
            layer_cache: None,
            bases: None,
            is_measuring: false,
        }
    }

    /// This builder with a file that remembers from run to run what layers were compressed to.
    #[must_use]
    pub fn with_layer_cache(self, file: Option<PathBuf>) -> Self {
        Self {
            layer_cache: file.map(LayerCache::at),
            ..self
        }
    }

    /// This builder with what opens the repositories of base images, whose layers then keep their own blobs.
    #[must_use]
    pub fn with_bases(self, bases: Arc<dyn OpenBase>) -> Self {
        Self {
            bases: Some(bases),
            ..self
        }
    }

    /// This builder for an image that is published nowhere: whatever the engine could push, all of it goes to the
    /// [`WriteRepository`] that it is given.
    #[must_use]
    pub fn measuring(self) -> Self {
        Self {
            is_measuring: true,
            ..self
        }
    }

    pub(super) fn runner(&self) -> &BuildRunner {
        &self.runner
    }

    /// The engine pushes what it built.
    async fn publish_from_engine(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let mut request = request.clone();
        let mut delays = PUSH_DELAYS.iter();
        let mut logged_in_anew = false;
        // One for all tries: what was built is not reported again.
        let nothing = Digest::of(b"");
        let mut progress = self.runner.progress(&request);
        if let Some(base) = self.runner.base(&request)? {
            // What the builder finds out comes while it pushes already, so it builds first and pushes then.
            let mut built = request.clone();
            built.options.cache_to.clear();
            self.runner
                .build(engine, &built, Destination::default(), &mut progress)
                .await?;
            self.runner.check_base(engine, &base, &progress).await?;
            request.no_cache = false;
        }
        loop {
            let pushing = progress.pushing();
            let destination = Destination::export(push_by_digest(&request, &self.image));
            let built = tokio::select! {
                built = self.runner.build(engine, &request, destination, &mut progress) => built,
                error = PushWatch::DEFAULT.lost(&self.image.registry, &pushing, || registry.blob_size(&nothing)) => {
                    return Err(error.into());
                }
            };
            let error = match built {
                Ok(response) => return digest_of(&response, "containerimage.digest"),
                Err(BuildError::Push(error)) => error,
                Err(error) => return Err(error),
            };
            if let RegistryError::Unauthorized { host, .. } = &error
                && !logged_in_anew
            {
                self.login.forget(host).await;
                logged_in_anew = true;
            } else if !error.is_transient() {
                return Err(failure::refused_again(error, &self.image).into());
            }
            let Some(delay) = delays.next() else {
                return Err(error.into());
            };
            self.reporter.event(RunEvent::Retry {
                what: "the push",
                reason: &error.to_string(),
                delay: *delay,
            });
            tokio::time::sleep(*delay).await;
            // The steps ran a moment ago.
            request.no_cache = false;
        }
    }

    /// We push what the engine built, from a file that it sends: the registry is on a loopback that is not the engine's.
    async fn publish_from_file(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let failed = |error: std::io::Error| temporary_failure(&error.to_string());
        let file = unnamed_file().map_err(failed)?;
        let destination = Destination {
            exports: vec![image_file(request)],
            file: Some(file.try_clone().map_err(failed)?),
        };
        let mut progress = self.runner.progress(request);
        let built = self.runner.build(engine, request, destination, &mut progress);
        built.await.map_err(|error| match error {
            // The user named no file.
            BuildError::Engine(buildkit_session::Error::Output { problem }) => temporary_failure(&problem),
            error => error,
        })?;
        if let Some(base) = self.runner.base(request)? {
            self.runner.check_base(engine, &base, &progress).await?;
        }
        push_file(file, registry, &*self.reporter).await
    }

    /// We push what the engine built, from a stream of it.
    async fn publish_from_archive(
        &self,
        (engine, connection): (&Engine, &Connection),
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let docker = connection.docker();
        let before = archive::ids(docker)
            .await
            .map_err(|error| connection.unreachable(&error))?;
        let mut progress = self.runner.progress(request);
        let destination = Destination::export(into_store(&[]));
        let response = self
            .runner
            .build(engine, request, destination, &mut progress)
            .await?;
        // Such a store has no manifests: its digest of an image is that of the config.
        let id = digest_of(&response, "containerimage.config.digest")
            .or_else(|_| digest_of(&response, "containerimage.digest"))?;
        let temporary =
            (!before.contains(&id.to_string())).then(|| TemporaryImage::new(docker, id.to_string()));
        if let Some(base) = self.runner.base(request)? {
            self.runner.check_base(engine, &base, &progress).await?;
        }
        let image = ClassicImage::find(connection, id, temporary.is_some()).await?;
        let base = self.base_image(engine, request, &progress).await;
        let pushed = push_archive(
            &image,
            registry,
            &*self.reporter,
            ImageForm::of(request),
            self.layer_cache.as_ref(),
            base.as_ref(),
        )
        .await;
        if let Some(temporary) = temporary {
            temporary.remove().await;
        }
        pushed
    }
}

impl EngineBuilder {
    /// What a build began with, where it can be asked for.
    async fn base_image(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        progress: &Progress,
    ) -> Option<BaseImage<'_>> {
        let registries = self.bases.as_deref()?;
        let ResolvedBase { image, digest } = match ResolvedBase::of(request, progress) {
            Some(resolved) => resolved,
            None => ResolvedBase::of_cache(request, registries).await?,
        };
        let own = || Platform::parse(&engine.capabilities.platform).ok();
        // A blob is mounted where both registries are one, and nothing need be fetched to be measured.
        let target = if self.is_measuring { &image } else { &self.image };
        Some(BaseImage {
            target: target.registry.clone(),
            image,
            digest,
            platform: request.platforms.first().cloned().or_else(own),
            registries,
        })
    }
}

#[async_trait]
impl Builder for EngineBuilder {
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError> {
        let engine = self.runner.check(request, &[]).await?;
        self.runner.refuse_nothing(request)?;
        Ok(engine)
    }

    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let engine = self.runner.engine().await?;
        let connection = engine.connection.engine();
        if let (ImageStore::Classic, Some(connection)) = (engine.capabilities.store, connection) {
            return self
                .publish_from_archive((engine, connection), request, registry)
                .await;
        }
        if self.is_measuring {
            return self.publish_from_file(engine, request, registry).await;
        }
        if is_on_loopback(&self.image.registry) {
            let is_shared = match connection {
                Some(connection) => shares_loopback(connection.docker()).await,
                // Whether a daemon has this machine's loopback cannot be asked.
                None => false,
            };
            if !is_shared {
                return self.publish_from_file(engine, request, registry).await;
            }
        }
        Box::pin(self.publish_from_engine(engine, request, registry)).await
    }
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EngineBuilder({:?} for {})", self.runner, self.image)
    }
}
