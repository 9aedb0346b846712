//! Runs builds on one engine or daemon.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use buildkit_session::{
    BuildKit, Capabilities, Connection, Daemon, DaemonPlace, DockerfileName, EnginePlace, ExporterResponse,
    Progress, Provisions, Session, random_id, solve,
};
use tokio::sync::OnceCell;

use super::base_platform::{self, BasePlatform};
use super::destination::Destination;
use super::session::{self, BuildDisplay, BuildLogins, PushTarget};
use super::{emulation, failure, folder_cache, free_space, order};
use crate::ports::{BuildError, EngineSummary, FindLogin, ImageStore, Reporter, RunEvent, Warning};
use tagship_domain::build::{BuildOutput, BuildRequest, unused_arguments};
use tagship_domain::capability::UnsupportedFeature;
use tagship_domain::reference::{Digest, ImageName};

/// The most bytes of a Dockerfile that are looked at.
const MAX_DOCKERFILE_BYTES: u64 = 1024 * 1024;

/// One engine or daemon, and what every build on it needs.
pub struct BuildRunner {
    place: EnginePlace,
    daemon: Option<DaemonPlace>,
    logins: Arc<dyn FindLogin>,
    reporter: Arc<dyn Reporter>,
    workspace: PathBuf,
    /// Keeps this program's builds of one repository apart from those of others.
    name: String,
    target: Option<PushTarget>,
    engine: OnceCell<Engine>,
}

/// An engine or a daemon that answers.
pub(super) struct Engine {
    pub(super) connection: BuildKit,
    pub(super) capabilities: Capabilities,
}

impl BuildRunner {
    /// Takes what builds need; contacts nothing.
    ///
    /// `place` is the engine's. Paths in messages are shown relative to `workspace`. `name` keeps builds of one repository apart from those of others.
    pub fn new(
        place: EnginePlace,
        logins: Arc<dyn FindLogin>,
        reporter: Arc<dyn Reporter>,
        workspace: PathBuf,
        name: String,
    ) -> Self {
        Self {
            place,
            daemon: None,
            logins,
            reporter,
            workspace,
            name,
            target: None,
            engine: OnceCell::new(),
        }
    }

    /// This runner on a BuildKit daemon instead of an engine.
    #[must_use]
    pub fn on_daemon(self, daemon: DaemonPlace) -> Self {
        Self {
            daemon: Some(daemon),
            ..self
        }
    }

    /// This runner with a registry that the engine may push to.
    pub(super) fn with_target(self, target: PushTarget) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// An argument that nothing takes is a misspelt one.
    fn warn_of_unused(&self, request: &BuildRequest) {
        let mut text = String::new();
        let read = File::open(&request.dockerfile)
            .and_then(|file| file.take(MAX_DOCKERFILE_BYTES).read_to_string(&mut text));
        if read.is_err() {
            return;
        }
        let file = self.dockerfile(request).shown_own();
        for name in unused_arguments(&request.build_args, &text) {
            self.reporter.event(RunEvent::Warning(&Warning {
                message: format!("build argument `{name}` is taken by no `ARG` of the Dockerfile"),
                file: Some(file.clone()),
                line: None,
            }));
        }
    }

    fn image(&self) -> Option<&ImageName> {
        self.target.as_ref().map(|target| &target.image)
    }

    /// Finds out whether the engine answers and can do all that is asked.
    pub async fn check(
        &self,
        request: &BuildRequest,
        outputs: &[BuildOutput],
    ) -> Result<EngineSummary, BuildError> {
        order::folders(request)?;
        free_space::check_outputs(outputs)?;
        let capabilities = &self.engine().await?.capabilities;
        let (store, version) = capabilities.facts();
        let refusals = UnsupportedFeature::all(request, outputs, store, version);
        if !refusals.is_empty() {
            return Err(BuildError::Unsupported {
                version: capabilities.version.clone(),
                store: capabilities.store,
                refusals,
            });
        }
        let stays = outputs
            .iter()
            .any(|output| matches!(output, BuildOutput::Store(_)));
        if stays && store == ImageStore::None {
            return Err(BuildError::NoStore);
        }
        self.base(request)?;
        self.warn_of_unused(request);
        emulation::check(request, &self.dockerfile(request), capabilities, &*self.reporter)?;
        Ok(EngineSummary {
            version: capabilities.version.clone(),
            store: capabilities.store,
            platform: capabilities.platform.clone(),
            builders: Vec::new(),
        })
    }

    /// The engine, which is contacted when it is first needed.
    pub(super) async fn engine(&self) -> Result<&Engine, BuildError> {
        self.engine
            .get_or_try_init(|| async {
                let engine = async || Connection::open(&self.place).await;
                let connection = match &self.daemon {
                    None => BuildKit::Engine(engine().await?),
                    Some(DaemonPlace {
                        container: Some(spec),
                        ..
                    }) => {
                        let daemon =
                            Daemon::in_container(engine().await?, spec.clone(), &self.logins()).await;
                        BuildKit::Daemon(daemon.map_err(session::failure)?)
                    }
                    Some(DaemonPlace { address, tls, .. }) => {
                        BuildKit::Daemon(Daemon::open(address.clone(), tls.as_ref()).await?)
                    }
                };
                let capabilities = Capabilities::read(&connection).await?;
                Ok(Engine {
                    connection,
                    capabilities,
                })
            })
            .await
    }

    fn logins(&self) -> BuildLogins {
        BuildLogins {
            target: self.target.clone(),
            others: Arc::clone(&self.logins),
        }
    }

    /// What the built stage begins with, where its platform counts.
    pub(super) fn base(&self, request: &BuildRequest) -> Result<Option<BasePlatform>, BuildError> {
        BasePlatform::of(request, &self.dockerfile(request))
    }

    /// Refuses to publish an image without a layer.
    pub(super) fn refuse_nothing(&self, request: &BuildRequest) -> Result<(), BuildError> {
        base_platform::refuse_nothing(request, &self.dockerfile(request))
    }

    /// Refuses a build that began with an image of another platform than it says.
    pub(super) async fn check_base(
        &self,
        engine: &Engine,
        base: &BasePlatform,
        progress: &Progress,
    ) -> Result<(), BuildError> {
        base.check(&engine.connection, &engine.capabilities, progress, &self.logins())
            .await
    }

    /// Nothing has happened yet.
    pub(super) fn progress(&self, request: &BuildRequest) -> Progress {
        let display = Arc::new(BuildDisplay(Arc::clone(&self.reporter)));
        Progress::new(display, self.dockerfile(request), request.build_args.clone())
    }

    /// How the Dockerfile is called towards the user.
    fn dockerfile(&self, request: &BuildRequest) -> DockerfileName {
        DockerfileName::new(&request.dockerfile, &self.workspace)
    }

    /// Runs one build to its end; without the caches that it fails for.
    pub(super) async fn build(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        destination: Destination,
        progress: &mut Progress,
    ) -> Result<ExporterResponse, BuildError> {
        let mut request = self.fitted(engine, request);
        folder_cache::find(&mut request.options, &*self.reporter);
        let again = destination.again()?;
        let mut built = self.build_once(engine, &request, destination, progress).await;
        if built.is_err() && !request.options.cache_to.is_empty() && progress.has_unwritten_cache() {
            // What was built is in the engine's own cache.
            request.options.cache_to.clear();
            request.no_cache = false;
            again.empty()?;
            built = self.build_once(engine, &request, again, progress).await;
        }
        if let Ok(response) = &built {
            folder_cache::name_written(&request.options, response, &*self.reporter);
        }
        built
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
        destination: Destination,
        progress: &mut Progress,
    ) -> Result<ExporterResponse, BuildError> {
        let exports = destination.exports.clone();
        let (session, name) = self.session(engine, request, destination).await?;
        let control = engine.connection.control().await?;
        let order = order::order(request, &name, exports);
        let lost = engine.connection.lost(control.clone());
        let solved = solve(control, random_id()?, session.id(), order, progress);
        let solved = tokio::select! {
            biased;
            solved = solved => solved,
            lost = lost => return Err(lost.into()),
        };
        solved.map_err(
            |status| match (session.failure(), std::error::Error::source(&status)) {
                (Some(error), _) => session::failure(error),
                // What the engine says has no cause on this side of the connection.
                (None, Some(broken)) => engine.connection.unreachable(broken).into(),
                (None, None) => failure::classify(&status, progress, request, self.image()),
            },
        )
    }

    /// A session that serves what one build reads, and the Dockerfile's name in it.
    pub(super) async fn session(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        destination: Destination,
    ) -> Result<(Session, String), BuildError> {
        let (folders, name) = order::folders(request)?;
        let provisions = Provisions {
            folders,
            secrets: &request.secrets,
            agents: request.options.agents.clone(),
            caches: folder_cache::stores(&request.options),
            output: destination.file,
            auth: Arc::new(self.logins()),
            sink: Arc::new(BuildDisplay(Arc::clone(&self.reporter))),
        };
        let key = self.shared_key(request);
        let session = Session::open(&engine.connection, "tagship", &key, provisions).await?;
        Ok((session, name))
    }

    /// Names what the engine keeps of the context until the next build. It knows files by size and time, so that
    /// another repository's checkout in the same place must have another name. What is fetched from an address is written anew,
    /// with new times, wherever that is.
    fn shared_key(&self, request: &BuildRequest) -> String {
        Digest::of(format!("{}\n{}", self.name, request.shown_context()).as_bytes()).hex()
    }
}

impl std::fmt::Debug for BuildRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.daemon {
            Some(daemon) => write!(f, "BuildRunner({})", daemon.address),
            None => write!(
                f,
                "BuildRunner({})",
                self.place.address.as_deref().unwrap_or("default socket")
            ),
        }
    }
}
