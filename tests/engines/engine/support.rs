//! Engines, contexts and a reporter that remembers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use tagship::engine::{BuildRunner, EngineBuilder};
use tagship::logins::Logins;
use tagship::ports::{BuildError, FindLogin, LoginError, RegistryError};
use tagship::ports::{
    Builder as _, RegistryCredential, RegistryLogin, Reporter, RunEvent, StepOutcome, Warning,
};
use tagship::registry::{BaseRegistries, http_client};
use tagship::settings::LoginSettings;
use tagship_domain::build::BuildRequest;
use tagship_domain::content::Manifest;
use tagship_domain::reference::{Digest, ImageName, RegistryHost, RepositoryName};
use tempfile::TempDir;

use test_support::fake::{Fake, REPOSITORY};

/// An engine under test.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) name: String,
    /// As `unix:///path`.
    pub(crate) address: String,
}

impl Engine {
    pub(crate) fn is_containerd(&self) -> bool {
        self.name.ends_with("-containerd")
    }

    pub(crate) fn is_20(&self) -> bool {
        self.name.starts_with("docker20-")
    }

    /// Runs the docker client against this engine.
    pub(crate) async fn docker(&self, arguments: &[&str]) -> Vec<u8> {
        let output = tokio::process::Command::new("docker")
            .args(["--host", &self.address])
            .args(arguments)
            .output()
            .await
            .expect("`docker` is on the PATH");
        assert!(
            output.status.success(),
            "docker {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

/// The engines that the environment names. Tests without them would prove nothing, so that they fail.
#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a test that covers nothing must not pass"
)]
pub(crate) fn engines() -> Vec<Engine> {
    let engines = std::env::var("TAGSHIP_TEST_ENGINES")
        .expect("TAGSHIP_TEST_ENGINES names no engines: run scripts/test, which starts them");
    let engines: Vec<Engine> = engines
        .split_whitespace()
        .map(|pair| {
            let (name, address) = pair.split_once('=').expect("`name=unix:///path` pairs");
            Engine {
                name: name.to_owned(),
                address: address.to_owned(),
            }
        })
        .collect();
    assert!(
        !engines.is_empty(),
        "TAGSHIP_TEST_ENGINES is empty: run scripts/test"
    );
    engines
}

/// A folder with files, by path; a path that ends with `/` is a folder.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    folder
}

pub(crate) fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.to_str().unwrap().ends_with('/') {
            std::fs::create_dir_all(path).unwrap();
        } else {
            std::fs::write(path, content).unwrap();
        }
    }
}

/// A request for the Dockerfile in a context.
pub(crate) fn request(context: &Path) -> BuildRequest {
    BuildRequest {
        context: context.to_owned(),
        dockerfile: context.join("Dockerfile"),
        committed_at: 1_700_000_000,
        ..BuildRequest::default()
    }
}

/// An engine, a registry to publish to, and everything that was reported.
pub(crate) struct Bench {
    pub(crate) registry: Fake,
    pub(crate) builder: EngineBuilder,
    pub(crate) heard: Arc<RecordedEvents>,
    repository: &'static str,
}

impl Bench {
    pub(crate) async fn new(engine: &Engine) -> Self {
        Self::in_workspace(engine, PathBuf::from("/")).await
    }

    pub(crate) async fn in_workspace(engine: &Engine, workspace: PathBuf) -> Self {
        Self::with(engine, Fake::start().await, REPOSITORY, Login(true), workspace)
    }

    /// With the registry at an address of this machine.
    pub(crate) async fn at(engine: &Engine, address: &str) -> Self {
        Self::with(
            engine,
            Fake::start_at(address).await,
            REPOSITORY,
            Login(true),
            PathBuf::from("/"),
        )
    }

    pub(crate) async fn with_repository(engine: &Engine, repository: &'static str) -> Self {
        Self::with(
            engine,
            Fake::start().await,
            repository,
            Login(true),
            PathBuf::from("/"),
        )
    }

    /// Without a way to log in.
    pub(crate) async fn without_login(engine: &Engine) -> Self {
        Self::with(
            engine,
            Fake::start().await,
            REPOSITORY,
            Login(false),
            PathBuf::from("/"),
        )
    }

    fn with(
        engine: &Engine,
        registry: Fake,
        repository: &'static str,
        login: Login,
        workspace: PathBuf,
    ) -> Self {
        let heard = Arc::new(RecordedEvents::default());
        Self::made(
            engine,
            registry,
            repository,
            login,
            workspace,
            heard,
            Arc::new(NoLogins),
        )
    }

    fn made(
        engine: &Engine,
        registry: Fake,
        repository: &'static str,
        login: Login,
        workspace: PathBuf,
        heard: Arc<RecordedEvents>,
        logins: Arc<dyn FindLogin>,
    ) -> Self {
        registry.state().password = Some(PASSWORD.to_owned());
        let name = RepositoryName::parse(repository).unwrap();
        let image = ImageName {
            registry: registry.host(),
            repository: name,
        };
        let runner = BuildRunner::new(
            buildkit_session::EnginePlace {
                address: Some(engine.address.clone()),
                tls: None,
            },
            logins,
            heard.clone(),
            workspace,
            image.to_string(),
        );
        let builder = EngineBuilder::new(runner, Arc::new(login), image, heard.clone());
        Self {
            registry,
            builder,
            heard,
            repository,
        }
    }

    /// On an engine, with logins of other registries, as settings say them.
    pub(crate) async fn with_logins(engine: &Engine, settings: LoginSettings) -> Self {
        let heard = Arc::new(RecordedEvents::default());
        let logins = Logins::new(settings, None, heard.clone());
        Self::made(
            engine,
            Fake::start().await,
            REPOSITORY,
            Login(true),
            PathBuf::from("/"),
            heard,
            Arc::new(logins),
        )
    }

    /// Where it is published to.
    pub(crate) fn image(&self) -> ImageName {
        ImageName {
            registry: self.registry.host(),
            repository: RepositoryName::parse(self.repository).unwrap(),
        }
    }

    /// A manifest or index that the registry has.
    pub(crate) fn manifest(&self, digest: &Digest) -> Manifest {
        let (media_type, bytes) = self.registry.state().manifests[digest].clone();
        Manifest::new(media_type, bytes)
    }

    /// With a file that remembers layers.
    pub(crate) fn with_layer_cache(self, file: &Path) -> Self {
        let builder = self.builder.with_layer_cache(Some(file.to_owned()));
        Self { builder, ..self }
    }

    /// Whose base images keep their blobs; `settings` are the logins of their registries.
    pub(crate) fn with_bases(self, settings: LoginSettings) -> Self {
        let logins = Arc::new(Logins::new(settings, None, self.heard.clone()));
        let login = Arc::new(Login(true));
        let http = http_client().unwrap();
        let bases = BaseRegistries::new(http, self.registry.host(), login, logins, self.heard.clone());
        let builder = self.builder.with_bases(Arc::new(bases));
        Self { builder, ..self }
    }

    pub(crate) async fn publish(&self, request: &BuildRequest) -> Result<Digest, BuildError> {
        let (repository, _) = self.registry.client_of(self.repository);
        self.builder.publish(request, &repository).await
    }
}

/// No login of any other registry.
pub(crate) struct NoLogins;

#[async_trait]
impl FindLogin for NoLogins {
    async fn find(&self, _: &str) -> Result<Option<RegistryCredential>, LoginError> {
        Ok(None)
    }
}

/// What the registry takes: the first password of its own clients.
const PASSWORD: &str = "secret-1";

/// Whether there is a credential.
struct Login(bool);

#[async_trait]
impl RegistryLogin for Login {
    async fn credential(&self, host: &RegistryHost) -> Result<RegistryCredential, LoginError> {
        if self.0 {
            return Ok(RegistryCredential {
                username: "AWS".to_owned(),
                password: PASSWORD.into(),
            });
        }
        Err(LoginError::new(RegistryError::Unavailable {
            host: host.clone(),
            operation: "logging in".into(),
            message: "no token today".into(),
            was_repeated: true,
        }))
    }

    async fn forget(&self, _: &RegistryHost) {}
}

/// Everything that was reported.
#[derive(Default)]
pub(crate) struct RecordedEvents(Mutex<Log>);

#[derive(Default, Debug, Clone)]
pub(crate) struct Log {
    pub(crate) steps: Vec<Step>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) notes: Vec<String>,
    pub(crate) retries: Vec<String>,
    pub(crate) moved: Vec<String>,
    pub(crate) masked: Vec<String>,
}

#[derive(Default, Debug, Clone)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) output: Vec<u8>,
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done(Duration),
    Cached,
    Failed(String),
}

impl RecordedEvents {
    pub(crate) fn log(&self) -> Log {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn output(&self) -> String {
        let steps = self.log().steps;
        steps
            .iter()
            .map(|step| String::from_utf8_lossy(&step.output).into_owned())
            .collect()
    }
}

impl Reporter for RecordedEvents {
    fn mask(&self, secret: &SecretString) {
        self.0
            .lock()
            .unwrap()
            .masked
            .push(secret.expose_secret().to_owned());
    }

    fn event(&self, event: RunEvent<'_>) {
        let mut log = self.0.lock().unwrap();
        let index = |step: u32| usize::try_from(step).unwrap() - 1;
        match event {
            RunEvent::Stage(_) | RunEvent::Block(_) => {}
            RunEvent::Note(note) => log.notes.push(note.to_owned()),
            RunEvent::Warning(warning) => log.warnings.push(warning.clone()),
            RunEvent::Retry { reason, .. } => log.retries.push(reason.to_owned()),
            RunEvent::StepStarted { step, name } => {
                if step == 1 {
                    log.steps.clear();
                }
                assert_eq!(index(step), log.steps.len(), "steps are numbered as they start");
                log.steps.push(Step {
                    name: name.to_owned(),
                    ..Step::default()
                });
            }
            RunEvent::StepOutput { step, output } => log.steps[index(step)].output.extend(output),
            RunEvent::StepFinished { step, outcome } => {
                let ended = match outcome {
                    StepOutcome::Done(duration) => Outcome::Done(duration),
                    StepOutcome::Cached => Outcome::Cached,
                    StepOutcome::Failed(error) => Outcome::Failed(error.to_owned()),
                };
                assert_eq!(
                    log.steps[index(step)].outcome.replace(ended),
                    None,
                    "a step ends once"
                );
            }
            RunEvent::Progress { what, .. } | RunEvent::Moved { what } => log.moved.push(what.to_owned()),
        }
    }
}
