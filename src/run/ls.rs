//! `tagship ls`: what a repository holds. Nothing is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::connection::RegistryConnection;
use super::target::Target;
use super::{Outcome, RunError};
use crate::clock::SystemClock;
use crate::pipeline::image_facts;
use crate::ports::{Clock as _, ReadInventory, RegistryError, Reporter, RunEvent};
use crate::report::{ImageListing, ImageRow, listing_text};
use crate::settings::RepositorySettings;
use tagship_domain::content::Manifest;
use tagship_domain::facts::Unknown;
use tagship_domain::inventory::{Inventory, ListedImage};
use tagship_domain::reference::{Digest, Tag};

/// How many images are described at the same time.
const PARALLEL: usize = 8;

/// What is to be listed.
#[derive(Debug, Clone)]
pub struct LsRequest {
    /// The repository.
    pub settings: RepositorySettings,
    /// Whether images without tags of their own are listed too.
    pub all: bool,
    /// The most images that are shown; all when absent.
    pub limit: Option<usize>,
}

/// Lists a repository's images, those with the greatest versions first.
pub async fn ls(request: &LsRequest, reporter: Arc<dyn Reporter>) -> Result<Outcome, RunError> {
    let settings = &request.settings;
    let place = Target::of(&settings.destination, &settings.identity).await?;
    let listing = listing(request, &place, reporter).await;
    place.close().await;
    let listing = listing?;
    Ok(Outcome {
        text: listing_text(&listing, SystemClock.now()),
        json: serde_json::json!(listing),
        ..Outcome::default()
    })
}

async fn listing(
    request: &LsRequest,
    place: &Target,
    reporter: Arc<dyn Reporter>,
) -> Result<ImageListing, RunError> {
    let connection = RegistryConnection::open(place, Arc::clone(&reporter)).await?;
    let repository = connection.repository()?;
    let mut inventory = Inventory::new(repository.images().await?, request.all);
    let count = inventory.images.len();
    let shown: Vec<ListedImage> = inventory
        .images
        .drain(..request.limit.map_or(count, |limit| limit.min(count)))
        .collect();
    let manifests = manifests(&repository, &shown).await?;
    let rows = shown.into_iter().map(|image| {
        let (manifests, inventory, repository) = (&manifests, &inventory, &repository);
        async move {
            let facts = match manifests.get(&image.digest) {
                Some(manifest) => Some(image_facts(manifest, repository).await?),
                // It went away meanwhile.
                None => None,
            };
            let signed = inventory.is_signed(&image.digest);
            let unread = facts.as_ref().and_then(|facts| facts.unread.clone());
            Ok::<_, RegistryError>((ImageRow::new(image, facts, signed), unread))
        }
    });
    let rows: Vec<(ImageRow, Option<Unknown>)> = stream::iter(rows).buffered(PARALLEL).try_collect().await?;
    if let Some(unread) = rows.iter().find_map(|(_, unread)| unread.as_ref()) {
        let note = format!("versions and commits are not known: {unread}");
        reporter.event(RunEvent::Note(&note));
    }
    Ok(ImageListing {
        image: place.image.clone(),
        images: rows.into_iter().map(|(row, _)| row).collect(),
        more: inventory.images.len(),
    })
}

/// The manifests of images: of those with tags in few requests, of others one by one.
async fn manifests(
    repository: &dyn ReadInventory,
    images: &[ListedImage],
) -> Result<BTreeMap<Digest, Manifest>, RegistryError> {
    let tags: Vec<Tag> = images
        .iter()
        .filter_map(|image| image.tags.first().cloned())
        .collect();
    let resolved = repository.resolve(&tags).await?;
    let mut manifests: BTreeMap<Digest, Manifest> = resolved
        .into_values()
        .map(|manifest| (manifest.digest(), manifest))
        .collect();
    let unread = images
        .iter()
        .map(|image| image.digest)
        .filter(|digest| !manifests.contains_key(digest));
    let unread: Vec<Digest> = unread.collect();
    let read: Vec<Option<Manifest>> = stream::iter(unread)
        .map(|digest| async move { repository.manifest(&digest).await })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    manifests.extend(
        read.into_iter()
            .flatten()
            .map(|manifest| (manifest.digest(), manifest)),
    );
    Ok(manifests)
}
