//! Everything up to the plan. Nothing here writes.

use std::sync::Arc;
use std::time::Duration;

use semver::Version;

use super::RunError;
use super::history::History;
use super::local::Place;
use crate::aws::Ecr;
use crate::clock::SystemClock;
use crate::domain;
use crate::domain::build::BuildRequest;
use crate::domain::event::RepositoryInfo;
use crate::domain::facts::{Facts, Source};
use crate::domain::labels::{LICENCES, labels};
use crate::domain::plan::{Content, Plan, Wish, revision};
use crate::domain::reference::ImageName;
use crate::domain::tags::{Flavor, Given, Mode, Wanted, evaluate};
use crate::domain::version::{from_git_tag, greatest};
use crate::git::GixCheckout;
use crate::github::GithubForge;
use crate::pipeline::{PipelineError, gather};
use crate::ports::{
    Checkout as _, Clock as _, ControlPlane, Event, ReadForge as _, RegistryLogin, Reporter, Warning,
};
use crate::registry::{Client, Repository, http_client};
use crate::settings::Settings;

/// The longest that a build waits for one optional label.
const LICENCE_PATIENCE: Duration = Duration::from_secs(5);

/// What is known before the registry is asked.
pub(super) struct Scene<'a> {
    settings: &'a Settings,
    reporter: Arc<dyn Reporter>,
    place: Place,
    source: Source,
    version: Option<Version>,
    wanted: Wanted,
}

impl<'a> Scene<'a> {
    /// Reads the checkout and finds out where the image goes.
    pub(super) async fn read(settings: &'a Settings, reporter: Arc<dyn Reporter>) -> Result<Self, RunError> {
        let source = source(settings).await?;
        let version = version(settings, &source);
        let wanted = wanted(settings, &source, version.as_ref())?;
        let place = Place::of(settings).await?;
        Ok(Self {
            settings,
            reporter,
            place,
            source,
            version,
            wanted,
        })
    }

    /// The way to the registry. Contacts nobody.
    pub(super) async fn connect(&self) -> Result<RegistryConnection, RunError> {
        let (clock, reporter) = (Arc::new(SystemClock), Arc::clone(&self.reporter));
        let ecr = Ecr::connect(&self.place.identity, &self.place.image.registry, clock, reporter).await?;
        let http = http_client().map_err(|error| RunError::Http(error.to_string()))?;
        let (image, reporter) = (self.place.image.clone(), Arc::clone(&self.reporter));
        Ok(RegistryConnection {
            image,
            ecr: Arc::new(ecr),
            http,
            reporter,
        })
    }

    /// What the registry says of the wanted tags, and what lies around them.
    pub(super) async fn facts(&self, connection: &RegistryConnection) -> Result<Facts, RunError> {
        let history = History::of(self.settings, Arc::clone(&self.reporter));
        Ok(gather(&connection.repository()?, &history, &self.wish()).await?)
    }

    /// The plan, from what the registry says or from why it could not be asked.
    pub(super) async fn plan(&self, facts: Result<&Facts, String>) -> Plan {
        let mut plan = Plan::new(self.wish(), facts);
        // Asked only for an image that is built: a second run contacts nobody but the registry.
        if let Content::Build { request } = &mut plan.content
            && !request.labels.contains_key(LICENCES)
            && let Some(licence) = self.licence().await
        {
            request.labels.insert(LICENCES.to_owned(), licence);
        }
        plan
    }

    /// Ends what was started for this run alone.
    pub(super) async fn close(self) {
        self.place.close().await;
    }

    fn wish(&self) -> Wish {
        Wish {
            image: self.place.image.clone(),
            source: self.source.clone(),
            version: self.version.clone(),
            wanted: self.wanted.clone(),
            rebuild: self.settings.rebuild,
            build: self.build_request(),
        }
    }

    fn build_request(&self) -> BuildRequest {
        let build = &self.settings.build;
        BuildRequest {
            context: build.context.clone(),
            dockerfile: build.dockerfile.clone(),
            target: build.target.clone(),
            build_args: build.args.clone(),
            secrets: build.secrets.clone(),
            labels: labels(
                &self.source,
                &revision(&self.source),
                self.version.as_ref(),
                &self.place.image.repository,
                &build.labels,
            ),
            platform: build.platform.clone(),
            no_cache: build.no_cache,
            source_date_epoch: self.source.committed_at.as_second(),
        }
    }

    /// The licence is one label: not to know it is no reason to stop.
    async fn licence(&self) -> Option<String> {
        let asked = async {
            match GithubForge::of(&self.settings.github)? {
                Some(forge) => forge.licence().await,
                None => Ok(None),
            }
        };
        let reason = match tokio::time::timeout(LICENCE_PATIENCE, asked).await {
            Ok(Ok(licence)) => return licence,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!(
                "GitHub does not answer within {} seconds",
                LICENCE_PATIENCE.as_secs()
            ),
        };
        let message = format!("the image gets no licence label: {reason}");
        self.reporter.event(Event::Warning(&Warning {
            message,
            file: None,
            line: None,
        }));
        None
    }
}

/// The way to one repository, and to the login of its registry.
pub(super) struct RegistryConnection {
    image: ImageName,
    ecr: Arc<Ecr>,
    http: reqwest::Client,
    reporter: Arc<dyn Reporter>,
}

impl RegistryConnection {
    /// The repository, over the connections that this way keeps open.
    pub(super) fn repository(&self) -> Result<Repository, RunError> {
        let client = Client::new(
            self.image.clone(),
            self.http.clone(),
            self.login(),
            Arc::clone(&self.reporter),
        )?;
        let control_plane: Arc<dyn ControlPlane> = self.ecr.clone();
        Ok(Repository::new(client, Some(control_plane)))
    }

    /// The registry's credentials.
    pub(super) fn login(&self) -> Arc<dyn RegistryLogin> {
        self.ecr.clone()
    }
}

/// What the checkout says; refused when the working tree is not what the commit says, unless that is allowed.
async fn source(settings: &Settings) -> Result<Source, RunError> {
    let (workspace, context) = (settings.workspace.clone(), settings.build.context.clone());
    let read = tokio::task::spawn_blocking(move || GixCheckout::at(workspace).source(&context));
    let mut source = read
        .await
        .map_err(|error| RunError::Broken(error.to_string()))?
        .map_err(PipelineError::from)?;
    if source.is_dirty() && !settings.allow_dirty {
        let (changes, count) = (source.changes, source.change_count);
        return Err(PipelineError::Dirty { changes, count }.into());
    }
    let github = &settings.github;
    if let (Some(server), Some(repository)) = (&github.server_url, &github.repository) {
        source.url = Some(format!("{}/{repository}", server.as_str().trim_end_matches('/')));
    }
    Ok(source)
}

/// The tags, made as `tagship tags` makes them, but `latest` only where a rule asks for it.
fn wanted(settings: &Settings, source: &Source, version: Option<&Version>) -> Result<Wanted, PipelineError> {
    let mut event = if let Some(event) = &settings.event {
        event.clone()
    } else {
        let branch = GixCheckout::at(&settings.workspace).branch(&settings.build.context)?;
        domain::event::Event::of_checkout(branch.as_deref(), None, source.commit.clone())
    };
    // What is built is what is checked out.
    event.commit = Some(source.commit.clone());
    let given = Given {
        mode: Mode::Strict,
        event: &event,
        repository: &RepositoryInfo::default(),
        version,
        now: SystemClock.now(),
        committed_at: Some(source.committed_at),
        short_digits: None,
        is_dirty: source.is_dirty(),
    };
    Ok(Wanted::of(&evaluate(&settings.tags, &Flavor::plain(), &given)?)?)
}

/// The version: given, or of the git tag that started the run, or of the git tags on the commit.
fn version(settings: &Settings, source: &Source) -> Option<Version> {
    let given = settings.version.clone();
    given.or_else(|| match &settings.github.ref_tag {
        Some(tag) => from_git_tag(tag),
        None => greatest(source.tags.iter().map(String::as_str)),
    })
}
