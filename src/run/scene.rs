//! Everything up to the plan. Nothing here writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::RunError;
use super::called::Called;
use super::history::History;
use super::local::Place;
use super::naming::asked;
use crate::aws::Ecr;
use crate::clock::SystemClock;
use crate::engine::ContextInputs;
use crate::git::GixCheckout;
use crate::pipeline::{PipelineError, gather};
use crate::ports::{BuildError, Checkout as _, ControlPlane, Event, RegistryLogin, Reporter, Warning};
use crate::registry::{self, Repository, http_client};
use crate::settings::Settings;
use tagship_domain::build::BuildRequest;
use tagship_domain::event::RepositoryInfo;
use tagship_domain::facts::{Facts, Source};
use tagship_domain::plan::{Content, Plan, Unknown, Wish};
use tagship_domain::reference::ImageName;
use tagship_domain::tags::{Evaluation, ListingError, Wanted};

/// What is known before the registry is asked.
pub(super) struct Scene<'a> {
    settings: &'a Settings,
    reporter: Arc<dyn Reporter>,
    place: Place,
    called: Called<'a>,
    made: Evaluation,
    wanted: Wanted,
    labels: BTreeMap<String, String>,
}

impl<'a> Scene<'a> {
    /// Reads the checkout and finds out where the image goes.
    pub(super) async fn read(settings: &'a Settings, reporter: Arc<dyn Reporter>) -> Result<Self, RunError> {
        let source = source(settings).await?;
        let called = Called::of(settings, source, &*reporter).await?;
        let unknown = called.repository(RepositoryInfo::default());
        let mut made = settings.lists.evaluate(&called.given(&unknown))?;
        if let Some(mismatch) = &called.mismatch {
            if made.has_release_of_event() {
                return Err(mismatch.clone().into());
            }
            made = made.without_event(mismatch);
        }
        let wanted = Wanted::of(&made).map_err(|source| ListingError { list: "tags", source })?;
        for note in wanted.notes.iter().filter(|note| note.is_warning()) {
            reporter.event(Event::Warning(&Warning {
                message: note.to_string(),
                file: None,
                line: None,
            }));
        }
        // What is wrong with labels is told also when nothing is built.
        let labels = called.labels(&made, &unknown)?;
        let place = Place::of(settings).await?;
        Ok(Self {
            settings,
            reporter,
            place,
            called,
            made,
            wanted,
            labels,
        })
    }

    /// Returns where the image goes.
    pub(super) fn image(&self) -> &ImageName {
        &self.place.image
    }

    /// Returns the way to the registry; contacts no server.
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
    pub(super) async fn plan(&self, facts: Result<&Facts, Unknown>) -> Result<Plan, RunError> {
        let mut plan = Plan::new(self.wish(), facts);
        // Asked only for an image that is built: a second run contacts nobody but the registry.
        if let Content::Build { request } = &mut plan.content {
            let known = if self.settings.offline {
                RepositoryInfo::default()
            } else {
                asked(&self.settings.github, &*self.reporter).await
            };
            request.labels = self.called.labels(&self.made, &self.called.repository(known))?;
        }
        Ok(plan)
    }

    /// Ends what was started for this run alone.
    pub(super) async fn close(self) {
        self.place.close().await;
    }

    fn wish(&self) -> Wish {
        Wish {
            image: self.place.image.clone(),
            source: self.called.source.clone(),
            version: self.called.version.clone(),
            wanted: self.wanted.clone(),
            also: self.called.usual_tags(),
            request: self.called.request.clone(),
            rebuild: self.settings.rebuild,
            build: self.build_request(),
        }
    }

    fn build_request(&self) -> BuildRequest {
        BuildRequest {
            labels: self.labels.clone(),
            ..self.called.build.clone()
        }
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
        let client = registry::client(
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
    let (workspace, build) = (settings.workspace.clone(), settings.build.clone());
    let in_job = settings.identity.in_actions;
    let read = tokio::task::spawn_blocking(move || {
        let checkout = GixCheckout::at(workspace);
        // Whether there is a repository at all is known before a folder is walked.
        checkout
            .source(&build.context)
            .map_err(|error| error.told_in(in_job))?;
        let inputs = ContextInputs::read(&build.context, &build.dockerfile).map_err(BuildError::from)?;
        Ok::<_, PipelineError>(checkout.compared_source(&inputs)?)
    });
    let mut source = read
        .await
        .map_err(|error| RunError::Broken(error.to_string()))??;
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
