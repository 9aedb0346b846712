use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use buildkit_session::{
    Capabilities, Connection, DockerfileName, EngineAddress, Export, ExporterResponse, Folder, Progress,
    Provisions, Session, random_id, solve,
};
use tokio::sync::OnceCell;

use super::archive::{self, ClassicImage, TemporaryImage};
use super::classic::{ImageTimes, LayerCache, push_archive};
use super::failure;
use super::frontend::frontend_options;
use super::session::{self, BuildDisplay, DestinationAuth};
use crate::ports::{
    BuildError, Builder, EngineSummary, ImageStore, RegistryError, RegistryLogin, Reporter, RunEvent,
    WriteRepository,
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

    /// Runs one build to its end, with a session of its own.
    async fn build(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        export: Export,
        progress: &mut Progress,
    ) -> Result<ExporterResponse, BuildError> {
        let context = Folder::context(&request.context)?;
        let (dockerfile, name) = Folder::dockerfile(&request.dockerfile)?;
        let provisions = Provisions {
            folders: BTreeMap::from([("context", context), ("dockerfile", dockerfile)]),
            secrets: &request.secrets,
            auth: Arc::new(DestinationAuth {
                host: self.image.registry.clone(),
                login: Arc::clone(&self.login),
            }),
            sink: Arc::new(BuildDisplay(Arc::clone(&self.reporter))),
        };
        let key = self.shared_key(request);
        let session = Session::open(&engine.connection, "tagship", &key, provisions).await?;
        let control = engine.connection.control().await?;
        solve(
            control,
            random_id()?,
            session.id(),
            frontend_options(request, &name),
            export,
            progress,
        )
        .await
        .map_err(
            |status| match (session.failure(), std::error::Error::source(&status)) {
                (Some(error), _) => session::failure(error, &self.image.registry),
                // What the engine says has no cause on this side of the connection.
                (None, Some(broken)) => engine.connection.unreachable(broken).into(),
                (None, None) => failure::classify(&status, progress, request, &self.image),
            },
        )
    }

    /// Names what the engine keeps of the context until the next build. It tells files by size and time, so that
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
        // One for all tries: what was built is not told again.
        let mut progress = self.progress(&request);
        loop {
            let error = match self
                .build(engine, &request, self.push_by_digest(&request), &mut progress)
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

    /// `BuildKit`'s exporter that pushes without a tag, and keeps no image in the engine.
    /// Source: `BuildKit`, "Exporters", "image"; `docs/build-repro.md`.
    fn push_by_digest(&self, request: &BuildRequest) -> Export {
        let mut options: HashMap<String, String> = [
            ("push", "true"),
            ("push-by-digest", "true"),
            ("name-canonical", "true"),
            ("store", "false"),
            ("oci-mediatypes", "true"),
            ("compression", "gzip"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        options.insert("name".to_owned(), self.image.to_string());
        options.insert("source-date-epoch".to_owned(), request.latest_time().to_string());
        if request.reproducible {
            options.insert("rewrite-timestamp".to_owned(), "true".to_owned());
        }
        if self.image.registry.is_plain_http() {
            options.insert("registry.insecure".to_owned(), "true".to_owned());
        }
        Export {
            kind: "image",
            options,
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
            .build(
                engine,
                request,
                Export {
                    kind: "moby",
                    options: HashMap::new(),
                },
                &mut self.progress(request),
            )
            .await?;
        // Such a store has no manifests: its digest of an image is that of the config.
        let id = digest_of(&response, "containerimage.config.digest")
            .or_else(|_| digest_of(&response, "containerimage.digest"))?;
        let temporary = (!before.contains(&id.to_string())).then(|| TemporaryImage::new(docker, id));
        let image = ClassicImage::find(docker, id).await?;
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

fn digest_of(response: &ExporterResponse, key: &str) -> Result<Digest, BuildError> {
    let text = response.get(key).map(String::as_str).unwrap_or_default();
    Digest::parse(text).map_err(|error| BuildError::Failed {
        message: format!("the engine gives no `{key}`: {error}"),
        location: None,
    })
}

#[async_trait]
impl Builder for EngineBuilder {
    async fn check(&self, request: &BuildRequest) -> Result<EngineSummary, BuildError> {
        Folder::context(&request.context)?;
        Folder::dockerfile(&request.dockerfile)?;
        let capabilities = &self.engine().await?.capabilities;
        let refusals = UnsupportedFeature::all(request, capabilities.store, capabilities.major_and_minor());
        if !refusals.is_empty() {
            return Err(BuildError::Unsupported {
                version: capabilities.version.clone(),
                store: capabilities.store,
                refusals,
            });
        }
        if let Some(reason) = request
            .platform
            .as_ref()
            .and_then(|platform| capabilities.why_not_runnable(platform))
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
