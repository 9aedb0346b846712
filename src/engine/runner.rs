//! Runs builds on one engine.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use buildkit_session::{
    Capabilities, Connection, DockerfileName, EngineAddress, Export, ExporterResponse, Progress, Provisions,
    Session, random_id, solve,
};
use tokio::sync::OnceCell;

use super::base_platform::{self, BasePlatform};
use super::session::{self, BuildDisplay, BuildLogins, PushTarget};
use super::{failure, order};
use crate::ports::{BuildError, EngineSummary, FindLogin, Reporter, RunEvent, Warning};
use tagship_domain::build::{BuildOutput, BuildRequest, unused_arguments};
use tagship_domain::capability::UnsupportedFeature;
use tagship_domain::reference::{Digest, ImageName};

/// The most bytes of a Dockerfile that are looked at.
const MAX_DOCKERFILE_BYTES: u64 = 1024 * 1024;

/// One engine, and what every build on it needs.
pub struct BuildRunner {
    host: Option<String>,
    logins: Arc<dyn FindLogin>,
    reporter: Arc<dyn Reporter>,
    workspace: PathBuf,
    /// Keeps this program's builds of one repository apart from those of others.
    name: String,
    target: Option<PushTarget>,
    engine: OnceCell<Engine>,
}

/// An engine that answers.
pub(super) struct Engine {
    pub(super) connection: Connection,
    pub(super) capabilities: Capabilities,
}

/// Where the result of one build goes.
#[derive(Debug, Default)]
pub(super) struct Destination {
    /// To the engine's exporters; nowhere when empty.
    pub(super) exports: Vec<Export>,
    /// The file that an exporter's bytes go to.
    pub(super) file: Option<File>,
}

impl Destination {
    /// To one exporter, which sends nothing here.
    pub(super) fn export(export: Export) -> Self {
        Self {
            exports: vec![export],
            file: None,
        }
    }

    /// Takes back what was written.
    fn empty(&self) -> Result<(), BuildError> {
        let emptied = self.file.as_ref().map(|mut file| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))
        });
        let failed = |error: std::io::Error| buildkit_session::Error::Output {
            problem: error.to_string(),
        };
        emptied.transpose().map_err(failed)?;
        Ok(())
    }

    /// The same, for a second try.
    fn again(&self) -> Result<Self, BuildError> {
        let file = self.file.as_ref().map(File::try_clone).transpose();
        Ok(Self {
            exports: self.exports.clone(),
            file: file.map_err(|error| buildkit_session::Error::Output {
                problem: error.to_string(),
            })?,
        })
    }
}

impl BuildRunner {
    /// Takes what builds need; contacts nothing.
    ///
    /// `host` is the engine's address in the form of `DOCKER_HOST`, the default socket when absent. Paths in
    /// messages are shown relative to `workspace`. `name` keeps builds of one repository apart from those of others.
    pub fn new(
        host: Option<&str>,
        logins: Arc<dyn FindLogin>,
        reporter: Arc<dyn Reporter>,
        workspace: PathBuf,
        name: String,
    ) -> Self {
        Self {
            host: host.map(str::to_owned),
            logins,
            reporter,
            workspace,
            name,
            target: None,
            engine: OnceCell::new(),
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
        let file = DockerfileName::new(&request.dockerfile, &self.workspace).shown_own();
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
        self.base(request)?;
        self.warn_of_unused(request);
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

    /// The engine, which is contacted when it is first needed.
    pub(super) async fn engine(&self) -> Result<&Engine, BuildError> {
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

    fn logins(&self) -> BuildLogins {
        BuildLogins {
            target: self.target.clone(),
            others: Arc::clone(&self.logins),
        }
    }

    /// What the built stage begins with, where its platform counts.
    pub(super) fn base(&self, request: &BuildRequest) -> Result<Option<BasePlatform>, BuildError> {
        BasePlatform::of(
            request,
            &DockerfileName::new(&request.dockerfile, &self.workspace),
        )
    }

    /// Refuses to publish an image without a layer.
    pub(super) fn refuse_nothing(&self, request: &BuildRequest) -> Result<(), BuildError> {
        base_platform::refuse_nothing(
            request,
            &DockerfileName::new(&request.dockerfile, &self.workspace),
        )
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
        let dockerfile = DockerfileName::new(&request.dockerfile, &self.workspace);
        Progress::new(
            Arc::new(BuildDisplay(Arc::clone(&self.reporter))),
            dockerfile,
            request.build_args.clone(),
        )
    }

    /// Runs one build to its end; without writing caches, where the engine fails a build for one.
    pub(super) async fn build(
        &self,
        engine: &Engine,
        request: &BuildRequest,
        destination: Destination,
        progress: &mut Progress,
    ) -> Result<ExporterResponse, BuildError> {
        let mut request = self.fitted(engine, request);
        let again = destination.again()?;
        let built = self.build_once(engine, &request, destination, progress).await;
        if built.is_ok() || request.options.cache_to.is_empty() || !progress.has_unwritten_cache() {
            return built;
        }
        // What was built is in the engine's own cache.
        request.options.cache_to.clear();
        request.no_cache = false;
        again.empty()?;
        self.build_once(engine, &request, again, progress).await
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
        let (folders, name) = order::folders(request)?;
        let provisions = Provisions {
            folders,
            secrets: &request.secrets,
            agents: request.options.agents.clone(),
            output: destination.file,
            auth: Arc::new(self.logins()),
            sink: Arc::new(BuildDisplay(Arc::clone(&self.reporter))),
        };
        let key = self.shared_key(request);
        let session = Session::open(&engine.connection, "tagship", &key, provisions).await?;
        let control = engine.connection.control().await?;
        let order = order::order(request, &name, destination.exports);
        solve(control, random_id()?, session.id(), order, progress)
            .await
            .map_err(
                |status| match (session.failure(), std::error::Error::source(&status)) {
                    (Some(error), _) => session::failure(error),
                    // What the engine says has no cause on this side of the connection.
                    (None, Some(broken)) => engine.connection.unreachable(broken).into(),
                    (None, None) => failure::classify(&status, progress, request, self.image()),
                },
            )
    }

    /// Names what the engine keeps of the context until the next build. It knows files by size and time, so that
    /// another repository's checkout in the same place must have another name.
    fn shared_key(&self, request: &BuildRequest) -> String {
        Digest::of(format!("{}\n{}", self.name, request.context.display()).as_bytes()).hex()
    }
}

impl std::fmt::Debug for BuildRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "BuildRunner({})",
            self.host.as_deref().unwrap_or("default socket")
        )
    }
}
