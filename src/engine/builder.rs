use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use buildkit_session::{
    Capabilities, Connection, DockerfileName, EngineAddress, Export, ExporterResponse, Progress, Provisions,
    Session, random_id, solve,
};
use tokio::sync::OnceCell;

use super::archive::{self, ClassicImage, TemporaryImage};
use super::classic::{ImageTimes, LayerCache, push_archive};
use super::export::{digest_of, into_store, push_by_digest};
use super::session::{self, BuildDisplay, BuildLogins};
use super::{failure, order};
use crate::ports::{
    BuildError, Builder, EngineSummary, FindLogin, ImageStore, RegistryError, RegistryLogin, Reporter,
    RunEvent, WriteRepository,
};
use tagship_domain::build::BuildRequest;
use tagship_domain::capability::UnsupportedFeature;
use tagship_domain::reference::{Digest, ImageName};

/// The pauses before a push by the engine is tried again. What was built is in its cache, and what was pushed is not
/// pushed again; the engine itself has tried more than once each time.
const PUSH_DELAYS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(9),
];

/// Builds on a Docker Engine.
pub struct EngineBuilder {
    host: Option<String>,
    login: Arc<dyn RegistryLogin>,
    logins: Option<Arc<dyn FindLogin>>,
    image: ImageName,
    reporter: Arc<dyn Reporter>,
    workspace: PathBuf,
    layer_cache: Option<LayerCache>,
    engine: OnceCell<Engine>,
}

struct Engine {
    connection: Connection,
    capabilities: Capabilities,
}

impl EngineBuilder {
    /// A builder for one destination, which contacts the engine when it is first needed.
    ///
    /// `host` is the engine's address in the form of `DOCKER_HOST`, the default socket when absent. Paths in
    /// messages are shown relative to `workspace`.
    pub fn new(
        host: Option<&str>,
        login: Arc<dyn RegistryLogin>,
        image: ImageName,
        reporter: Arc<dyn Reporter>,
        workspace: PathBuf,
    ) -> Self {
        Self {
            host: host.map(str::to_owned),
            login,
            logins: None,
            image,
            reporter,
            workspace,
            layer_cache: None,
            engine: OnceCell::new(),
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

    /// This builder with logins of the registries that base images and caches come from.
    #[must_use]
    pub fn with_logins(self, logins: Arc<dyn FindLogin>) -> Self {
        Self {
            logins: Some(logins),
            ..self
        }
    }

    async fn engine(&self) -> Result<&Engine, BuildError> {
        self.engine
            .get_or_try_init(|| async {
                let connection = Connection::open(EngineAddress::parse(self.host.as_deref())?).await?;
                let capabilities = Capabilities::read(&connection).await?;
                Ok(Engine {
                    connection,
                    capabilities,
                })
            })
            .await
    }

    fn progress(&self, request: &BuildRequest) -> Progress {
        let dockerfile = DockerfileName::new(&request.dockerfile, &self.workspace);
        Progress::new(
            Arc::new(BuildDisplay(Arc::clone(&self.reporter))),
            dockerfile,
            request.build_args.clone(),
        )
    }

    /// Runs one build to its end; without writing caches, where the engine fails a build for one.
    async fn build(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        export: Export,
        progress: &mut Progress,
    ) -> Result<ExporterResponse, BuildError> {
        let mut request = self.fitted(engine, request);
        let built = self.build_once(engine, &request, export.clone(), progress).await;
        if built.is_ok() || request.options.cache_to.is_empty() || !progress.has_unwritten_cache() {
            return built;
        }
        // What was built is in the engine's own cache.
        request.options.cache_to.clear();
        request.no_cache = false;
        self.build_once(engine, &request, export, progress).await
    }

    /// The request without the optional caches that the engine does not take.
    fn fitted(&self, engine: &Engine, request: &BuildRequest) -> BuildRequest {
        let (store, version) = engine.capabilities.facts();
        let (request, left_out) = UnsupportedFeature::without_optional_caches(request, store, version);
        for refusal in left_out {
            self.reporter
                .event(RunEvent::Note(&format!("without cache: {refusal}")));
        }
        for secret in request.options.secrets() {
            self.reporter.mask(secret);
        }
        request
    }

    /// Runs one build, with a session of its own.
    async fn build_once(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        export: Export,
        progress: &mut Progress,
    ) -> Result<ExporterResponse, BuildError> {
        let (folders, name) = order::folders(request)?;
        let provisions = Provisions {
            folders,
            secrets: &request.secrets,
            auth: Arc::new(BuildLogins {
                host: self.image.registry.clone(),
                login: Arc::clone(&self.login),
                others: self.logins.clone(),
            }),
            sink: Arc::new(BuildDisplay(Arc::clone(&self.reporter))),
        };
        let key = self.shared_key(request);
        let session = Session::open(&engine.connection, "tagship", &key, provisions).await?;
        let control = engine.connection.control().await?;
        let order = order::order(request, &name, vec![export]);
        solve(control, random_id()?, session.id(), order, progress)
            .await
            .map_err(
                |status| match (session.failure(), std::error::Error::source(&status)) {
                    (Some(error), _) => session::failure(error),
                    // What the engine says has no cause on this side of the connection.
                    (None, Some(broken)) => engine.connection.unreachable(broken).into(),
                    (None, None) => failure::classify(&status, progress, request, &self.image),
                },
            )
    }

    /// Names what the engine keeps of the context until the next build. It knows files by size and time, so that
    /// another repository's checkout in the same place must have another name.
    fn shared_key(&self, request: &BuildRequest) -> String {
        Digest::of(format!("{}\n{}", self.image, request.context.display()).as_bytes()).hex()
    }

    /// The engine pushes what it built.
    async fn publish_from_engine(
        &self,
        engine: &Engine,
        request: &BuildRequest,
    ) -> Result<Digest, BuildError> {
        let mut request = request.clone();
        let mut delays = PUSH_DELAYS.iter();
        let mut logged_in_anew = false;
        // One for all tries: what was built is not reported again.
        let mut progress = self.progress(&request);
        loop {
            let error = match self
                .build(
                    engine,
                    &request,
                    push_by_digest(&request, &self.image),
                    &mut progress,
                )
                .await
            {
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

    /// We push what the engine built, from a stream of it.
    async fn publish_from_archive(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let docker = engine.connection.docker();
        let before = archive::ids(docker)
            .await
            .map_err(|error| engine.connection.unreachable(&error))?;
        let response = self
            .build(engine, request, into_store(), &mut self.progress(request))
            .await?;
        // Such a store has no manifests: its digest of an image is that of the config.
        let id = digest_of(&response, "containerimage.config.digest")
            .or_else(|_| digest_of(&response, "containerimage.digest"))?;
        let temporary = (!before.contains(&id.to_string())).then(|| TemporaryImage::new(docker, id));
        // Only an engine on this machine can have this one's loopback.
        let is_near = matches!(engine.connection.address(), EngineAddress::Unix(_));
        let image = ClassicImage::find(docker, id, temporary.is_some(), is_near).await?;
        let pushed = push_archive(
            &image,
            registry,
            &*self.reporter,
            ImageTimes::of(request),
            self.layer_cache.as_ref(),
        )
        .await;
        if let Some(temporary) = temporary {
            temporary.remove().await;
        }
        pushed
    }
}

#[async_trait]
impl Builder for EngineBuilder {
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError> {
        order::folders(request)?;
        let capabilities = &self.engine().await?.capabilities;
        let (store, version) = capabilities.facts();
        let refusals = UnsupportedFeature::all(request, store, version);
        if !refusals.is_empty() {
            return Err(BuildError::Unsupported {
                version: capabilities.version.clone(),
                store: capabilities.store,
                refusals,
            });
        }
        for reason in request
            .platforms
            .iter()
            .filter_map(|platform| capabilities.why_not_runnable(platform))
        {
            self.reporter.event(RunEvent::Note(&reason));
        }
        Ok(EngineSummary {
            version: capabilities.version.clone(),
            store: capabilities.store,
            platform: capabilities.platform.clone(),
        })
    }

    async fn publish(
        &self,
        request: &BuildRequest,
        registry: &dyn WriteRepository,
    ) -> Result<Digest, BuildError> {
        let engine = self.engine().await?;
        match engine.capabilities.store {
            ImageStore::Containerd => self.publish_from_engine(engine, request).await,
            ImageStore::Classic => self.publish_from_archive(engine, request, registry).await,
        }
    }
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "EngineBuilder({} for {})",
            self.host.as_deref().unwrap_or("default socket"),
            self.image
        )
    }
}
