//! Builds an image and publishes nothing.

use std::sync::Arc;

use super::build_watch::BuildWatch;
use super::commit_naming::CommitNaming;
use super::connection::runner_at;
use super::from_cache::add_bases;
use super::frontend_call::answered;
use super::git_context::fetched;
use super::measure::measure_and_compare;
use super::result_files::{check_files, prepare_files, write_files};
use super::source::source;
use super::version::OfForge;
use super::{Outcome, RunError};
use crate::aws::Ecr;
use crate::clock::SystemClock;
use crate::engine::Spread;
use crate::logins::Logins;
use crate::pipeline::{Ledger, PipelineError};
use crate::ports::{FindLogin, RegistryLogin, Reporter, Stage};
use crate::settings::{CacheWish, Destination, Settings};
use tagship_domain::build::{BuildOutput, BuildRequest};
use tagship_domain::event::RepositoryInfo;
use tagship_domain::reference::{ImageName, Tag};
use tagship_domain::tags::{ListingError, TagSet};

/// Builds the working tree, whatever it is, and brings the result to each output. No registry is asked for anything but
/// base images and caches. A plan ends when the engine has said that it can do it.
pub async fn build(
    settings: &Settings,
    reporter: Arc<dyn Reporter>,
    ledger: &Ledger,
    is_plan: bool,
) -> Result<Outcome, RunError> {
    let is_dry = settings.dry_run || is_plan;
    if is_dry {
        check_files(&settings.files)?;
    } else {
        prepare_files(&settings.files)?;
    }
    ledger.enter(Stage::Read, &*reporter);
    let fetched = fetched(settings, &reporter).await?;
    let settings = &*fetched;
    let naming = CommitNaming::of(settings, source(settings).await?, OfForge::default(), &*reporter).await?;
    let unknown = naming.repository(RepositoryInfo::default());
    let mut made = settings.lists.evaluate(&naming.tag_context(&unknown))?;
    if let Some(mismatch) = &naming.mismatch {
        made = made.without_event(mismatch);
    }
    let wanted = TagSet::of(&made).map_err(|source| ListingError { list: "tags", source })?;
    let tags: Vec<Tag> = wanted.tags.into_iter().map(|wanted| wanted.tag).collect();
    let mut request = BuildRequest {
        labels: naming.labels(&made, &unknown)?,
        ..naming.build.clone()
    };
    let image = image(settings);
    keep_cache(&settings.build.cache, image, &mut request);
    ledger.unpublished(image, naming.source.revision(), naming.version.clone());

    let watch = BuildWatch::new(&settings.build, &reporter);
    let ecr = identity(settings, image, &reporter).await;
    let registry = image.map(|image| &image.registry).zip(ecr.as_ref());
    add_bases(settings, &mut request, registry, &*reporter).await?;
    let logins: Arc<dyn FindLogin> = Arc::new(Logins::new(
        settings.build.logins.clone(),
        ecr.clone().map(|ecr| ecr as Arc<dyn RegistryLogin>),
        Arc::clone(&reporter),
    ));
    let runner = Spread::new(&settings.build.builders, &watch.reporter(), |place, reporter| {
        let name = match &settings.build.git {
            Some(git) => git.address.to_string(),
            None => settings.workspace.display().to_string(),
        };
        runner_at(place, settings, Arc::clone(&logins), reporter, name)
    });
    ledger.enter(Stage::Build, &*reporter);
    let outputs = named(settings, &tags);
    let engine = runner
        .check(&request, &outputs)
        .await
        .map_err(PipelineError::from)?;
    ledger.engine(engine);
    if is_dry {
        ledger.dry_run();
        return Ok(Outcome::of_build(ledger));
    }
    if let Some(asked) = settings.call {
        let answer = Box::pin(watch.guard(runner.call(&request, asked))).await;
        let answer = answer.map_err(PipelineError::from)?;
        return Ok(answered(asked, &answer, &settings.shown_dockerfile(), &*reporter));
    }
    let built = watch.guard(runner.build_outputs(&request, &outputs)).await;
    ledger.built(built.map_err(PipelineError::from)?);
    measure_and_compare(settings, &request, image.zip(ecr), ledger, &reporter).await;
    write_files(&settings.files, &ledger.report(), None)?;
    Ok(Outcome::of_build(ledger))
}

fn image(settings: &Settings) -> Option<&ImageName> {
    match &settings.destination {
        Destination::Registry(image) => Some(image),
        Destination::Nowhere { image, .. } => image.as_ref(),
        Destination::Local { .. } => None,
    }
}

/// The run's identity for base images in ECR, where there is one. A pull request from a fork has none, and needs none for
/// public images.
async fn identity(
    settings: &Settings,
    image: Option<&ImageName>,
    reporter: &Arc<dyn Reporter>,
) -> Option<Arc<Ecr>> {
    let clock = Arc::new(SystemClock);
    let ecr = Ecr::connect(&settings.identity, &image?.registry, clock, Arc::clone(reporter)).await;
    match ecr {
        Ok(ecr) => Some(Arc::new(ecr)),
        Err(error) => {
            tracing::debug!(%error, "the build has no identity towards AWS");
            None
        }
    }
}

/// A cache may be read and written as in a run that publishes; where it is not known which, none is kept.
fn keep_cache(wish: &CacheWish, image: Option<&ImageName>, request: &mut BuildRequest) {
    let options = &mut request.options;
    match (wish, image) {
        (CacheWish::Registry { .. }, Some(image)) => options.keep_cache_in(image, true),
        (
            CacheWish::Lines {
                from,
                to,
                is_optional,
            },
            _,
        ) => {
            options.cache_from.push(from.clone());
            options.cache_to.push(to.clone());
            options.is_cache_optional = *is_optional;
        }
        (CacheWish::None, _) | (CacheWish::Registry { .. }, None) => {}
    }
}

/// The outputs, with names of the image where none is given: those that it would be published under.
fn named(settings: &Settings, tags: &[Tag]) -> Vec<BuildOutput> {
    let name = match &settings.destination {
        Destination::Nowhere {
            image: Some(image), ..
        } => Some(image.to_string()),
        Destination::Nowhere { name, .. } => name.as_ref().map(ToString::to_string),
        Destination::Registry(_) | Destination::Local { .. } => None,
    };
    let names = || match &name {
        Some(name) => tags.iter().map(|tag| format!("{name}:{tag}")).collect(),
        None => Vec::new(),
    };
    let with_names = |output: &BuildOutput| match output {
        BuildOutput::Store(given) if given.is_empty() => BuildOutput::Store(names()),
        other => other.clone(),
    };
    settings.outputs.iter().map(with_names).collect()
}
