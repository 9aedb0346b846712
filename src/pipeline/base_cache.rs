//! Base images by way of the registry's pull-through cache: which copies a build is to read, found out before it begins.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::ports::{ReadBaseCache, RegistryError};
use tagship_domain::base_cache::{UnusableRule, UpstreamImage, base_images};
use tagship_domain::build::{BaseImage, BuildRequest};
use tagship_domain::facts::Unknown;
use tagship_domain::plan::Note;
use tagship_domain::reference::RegistryHost;
use tagship_domain::registry_settings::{PullThroughRule, RegistrySetting, WantedSettings};

/// How many images are looked for at the same time.
const AT_ONCE: usize = 8;

/// Why base images cannot come from the cache.
#[derive(Debug, thiserror::Error)]
pub enum BaseCacheError {
    /// The registry did not answer.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// An image is not cached, and its rule cannot import it.
    #[error(transparent)]
    Rule(#[from] UnusableRule),
}

/// Finds out which images of a Dockerfile come from the cache. Nothing is read through a rule: that would import the image.
///
/// Gives what could not be checked.
pub async fn read_through_cache(
    request: &mut BuildRequest,
    dockerfile: &str,
    registry: &RegistryHost,
    cache: &dyn ReadBaseCache,
) -> Result<Vec<Note>, BaseCacheError> {
    let images = base_images(dockerfile, request);
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = WantedSettings::only(RegistrySetting::PullThroughCache);
    let rules = cache.settings(&wanted).await?.pull_through.unwrap_or_default();
    let found = stream::iter(images)
        .map(|image| find(image, &rules, registry, cache))
        .buffered(AT_ONCE);
    let found: Vec<(BaseImage, Vec<Note>)> = found.try_collect().await?;
    let mut notes = Vec::new();
    for (image, said) in found {
        request.base_images.push(image);
        notes.extend(said);
    }
    notes.dedup();
    Ok(notes)
}

/// The same where the registry is not asked.
pub fn read_through_unknown(request: &mut BuildRequest, dockerfile: &str) {
    let images = base_images(dockerfile, request);
    request.base_images = images.into_iter().map(UpstreamImage::unasked).collect();
}

async fn find(
    image: UpstreamImage,
    rules: &[PullThroughRule],
    registry: &RegistryHost,
    cache: &dyn ReadBaseCache,
) -> Result<(BaseImage, Vec<Note>), BaseCacheError> {
    let Some(cached) = image.cached(rules) else {
        return Ok((image.from_upstream(registry), Vec::new()));
    };
    let mut notes = Vec::new();
    let known = cache.cached_digest(&cached.repository, &cached.reference).await;
    let known = unless_forbidden(known, &mut notes)?;
    // What is cached serves also where upstream does not.
    if known.is_none() {
        let problem = cache.upstream_problem(&cached.rule.prefix).await;
        if let Some(problem) = unless_forbidden(problem, &mut notes)? {
            return Err(image.unusable(&cached, problem).into());
        }
    }
    Ok((image.from_cache(registry, &cached, known), notes))
}

/// What may not be asked is not known, and is no obstacle.
fn unless_forbidden<T>(
    answer: Result<Option<T>, RegistryError>,
    notes: &mut Vec<Note>,
) -> Result<Option<T>, RegistryError> {
    match answer {
        Err(RegistryError::NotPermitted { action, .. }) => {
            notes.push(Note::CacheUnchecked(Unknown::NotPermitted { action }));
            Ok(None)
        }
        answer => answer,
    }
}
