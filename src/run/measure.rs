//! Holds an image that is built and not published against that of the branch it goes to.
//!
//! 1. Look for the branch's image; without one there is nothing to compare.
//! 2. Build once more, from the cache that the build left, as for a push, and take what would be pushed.
//! 3. Compare its config and layers. It has no findings: ECR scans what is pushed.

use std::sync::Arc;

use secrecy::SecretString;

use super::RunError;
use super::build_watch::BuildWatch;
use super::compare::{compare_unpublished, content};
use super::connection::{RegistryConnection, runner_at};
use crate::aws::Ecr;
use crate::engine::{EngineBuilder, Spread};
use crate::pipeline::{Ledger, PipelineError};
use crate::ports::{Builder as _, OpenBase, ReadRepository as _, RegistryError, Reporter, RunEvent};
use crate::registry::MeasuringRepository;
use crate::settings::Settings;
use tagship_domain::build::BuildRequest;
use tagship_domain::comparison::{Comparison, ImageContent};
use tagship_domain::event::Event;
use tagship_domain::plan::Note;
use tagship_domain::reference::ImageName;

/// Passes on secrets alone: what a build has to say was said by the one before.
struct Quiet(Arc<dyn Reporter>);

impl Reporter for Quiet {
    fn mask(&self, secret: &SecretString) {
        self.0.mask(secret);
    }

    fn event(&self, _: RunEvent<'_>) {}
}

/// Adds the comparison to the report, or why there is none, where a comment was asked for. It is no reason to fail.
pub(super) async fn measure_and_compare(
    settings: &Settings,
    request: &BuildRequest,
    place: Option<(&ImageName, Arc<Ecr>)>,
    ledger: &Ledger,
    reporter: &Arc<dyn Reporter>,
) {
    let (Some(_), Some(event)) = (&settings.notify.comment, &settings.event) else {
        return;
    };
    let compared = match place {
        Some((image, ecr)) => comparison(settings, event, request, (image, ecr), reporter)
            .await
            .map_err(|error| error.reason()),
        None => Err("the run has no credentials for a registry, or names none".to_owned()),
    };
    match compared {
        Ok(comparison) => ledger.compared(comparison),
        Err(problem) => {
            let note = Note::NotCompared { problem };
            reporter.event(RunEvent::Note(&note.to_string()));
            ledger.note(note);
        }
    }
}

async fn comparison(
    settings: &Settings,
    event: &Event,
    request: &BuildRequest,
    (image, ecr): (&ImageName, Arc<Ecr>),
    reporter: &Arc<dyn Reporter>,
) -> Result<Option<Comparison>, RunError> {
    let quiet: Arc<dyn Reporter> = Arc::new(Quiet(Arc::clone(reporter)));
    let connection = RegistryConnection::over(ecr, image.clone(), Arc::clone(&quiet))?;
    let repository = connection.repository()?;
    let measure = async {
        let measuring = MeasuringRepository::of(&repository);
        measured(settings, request, &connection, image, &measuring, &quiet).await
    };
    compare_unpublished(event, &repository, measure).await
}

/// What the image would be in the registry.
async fn measured(
    settings: &Settings,
    request: &BuildRequest,
    connection: &RegistryConnection,
    image: &ImageName,
    measuring: &MeasuringRepository<'_>,
    quiet: &Arc<dyn Reporter>,
) -> Result<ImageContent, RunError> {
    let mut request = request.clone();
    // All steps ran a moment ago, and caches are written.
    request.no_cache = false;
    request.options.no_cache_filters.clear();
    request.options.cache_to.clear();
    let logins = connection.logins(settings);
    let bases: Arc<dyn OpenBase> = Arc::new(connection.bases(Arc::clone(&logins)));
    let watch = BuildWatch::new(&settings.build, quiet);
    let builder = Spread::new(&settings.build.builders, &watch.reporter(), |place, reporter| {
        let (logins, name) = (Arc::clone(&logins), image.to_string());
        let runner = runner_at(place, settings, logins, Arc::clone(&reporter), name);
        EngineBuilder::new(runner, connection.login(), image.clone(), reporter)
            .with_layer_cache(settings.build.layer_cache.clone())
            .with_bases(Arc::clone(&bases))
            .measuring()
    });
    let built = watch.guard(builder.publish(&request, measuring)).await;
    let digest = built.map_err(PipelineError::from)?;
    let missing = RegistryError::ContentMissing { digest };
    let manifest = measuring.manifest(&digest).await?.ok_or(missing)?;
    Ok(content(&manifest, measuring).await?.0)
}
