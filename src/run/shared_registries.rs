//! The registries that the images of one run go to, each with one login.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::connection::say_how_narrow;
use super::error::RunError;
use super::target::Target;
use crate::aws::{Ecr, IdentityError};
use crate::clock::SystemClock;
use crate::ports::Reporter;
use crate::settings::{CacheWish, Destination, IdentitySettings, Settings};
use tagship_domain::build::CacheEntry;
use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::{ImageName, PartialRef, RegistryHost, Tag};

/// The registries that the images of one run go to.
pub(super) struct SharedRegistries {
    registries: Vec<SharedRegistry>,
    /// The embedded ECR, which serves until the last image is done.
    local: Option<Target>,
    /// The tags that images of the run make.
    claimed: Mutex<HashSet<(ImageName, Tag)>>,
}

/// One of them, for the images that go there with the same identity.
struct SharedRegistry {
    host: RegistryHost,
    identity: IdentitySettings,
    ecr: Arc<Ecr>,
}

/// What the images of one registry need together.
struct Needs {
    host: RegistryHost,
    identity: IdentitySettings,
    written: Vec<ImageName>,
    makes_repository: bool,
}

impl SharedRegistries {
    /// Opens them; contacts no server. What cannot be opened is left out: each image then says why in its own run.
    pub(super) async fn open<'a>(
        images: impl Iterator<Item = &'a Settings>,
        reporter: &Arc<dyn Reporter>,
    ) -> Self {
        let mut local = None;
        let mut needs: Vec<Needs> = Vec::new();
        for settings in images {
            let (image, identity) = match &settings.destination {
                Destination::Registry(image) => (image.clone(), settings.identity.clone()),
                Destination::Local { .. } => {
                    if local.is_none() {
                        local = Target::of(&settings.destination, &settings.identity).await.ok();
                    }
                    continue;
                }
                Destination::Nowhere { .. } => continue,
            };
            let options = &settings.build.options;
            let named = match &settings.build.cache {
                CacheWish::Lines { to, .. } => Some(to),
                CacheWish::None | CacheWish::Registry { .. } => None,
            };
            let caches = options.cache_to.iter().chain(named).filter_map(repository_of);
            let mut written: Vec<ImageName> = caches.collect();
            written.push(image.clone());
            let makes_repository = settings.makes_repository();
            let same =
                |known: &&mut Needs| known.host == image.registry && known.identity.is_same_as(&identity);
            if let Some(known) = needs.iter_mut().find(same) {
                known.written.extend(written);
                known.makes_repository |= makes_repository;
            } else {
                needs.push(Needs {
                    host: image.registry,
                    identity,
                    written,
                    makes_repository,
                });
            }
        }
        let mut registries = Vec::new();
        for needs in needs {
            registries.extend(needs.open(reporter).await.ok());
        }
        Self {
            registries,
            local,
            claimed: Mutex::default(),
        }
    }

    /// Claims the tags that one image makes: of two that make one tag, the slower would take it from the other.
    pub(super) fn claim<'a>(
        &self,
        image: &ImageName,
        tags: impl Iterator<Item = &'a Tag>,
    ) -> Result<(), RunError> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        for tag in tags {
            let (image, tag) = (image.clone(), tag.clone());
            if !claimed.insert((image.clone(), tag.clone())) {
                return Err(RunError::TagOfTwoImages { tag, image });
            }
        }
        Ok(())
    }

    /// Takes back what an image has claimed.
    pub(super) fn give_back(&self, image: &ImageName, tags: &[Tag]) {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        for tag in tags {
            claimed.remove(&(image.clone(), tag.clone()));
        }
    }

    /// Returns the login of the images that go to `host` with this identity.
    pub(super) fn ecr(&self, host: &RegistryHost, identity: &IdentitySettings) -> Option<Arc<Ecr>> {
        let same = |known: &&SharedRegistry| known.host == *host && known.identity.is_same_as(identity);
        self.registries
            .iter()
            .find(same)
            .map(|known| Arc::clone(&known.ecr))
    }

    /// Ends what was started for this run alone.
    pub(super) async fn close(self) {
        if let Some(local) = self.local {
            local.close().await;
        }
    }
}

impl Needs {
    async fn open(self, reporter: &Arc<dyn Reporter>) -> Result<SharedRegistry, IdentityError> {
        let mut narrowed = self.identity.clone();
        if narrowed.role.is_some() && narrowed.narrows_session {
            let policy = if self.makes_repository {
                SessionPolicy::of_maker(&self.written)
            } else {
                SessionPolicy::of(&self.written)
            };
            say_how_narrow(policy.as_ref(), &**reporter);
            narrowed.session_policy = policy;
        }
        let ecr = Ecr::connect(&narrowed, &self.host, Arc::new(SystemClock), Arc::clone(reporter)).await?;
        Ok(SharedRegistry {
            host: self.host,
            identity: self.identity,
            ecr: Arc::new(ecr),
        })
    }
}

/// The repository that a cache is written to, if it names one in a registry.
pub(super) fn repository_of(cache: &CacheEntry) -> Option<ImageName> {
    let (_, reference) = cache.exposed().find(|(key, _)| *key == "ref")?;
    let named = PartialRef::parse_name(reference).ok()?;
    Some(ImageName {
        registry: named.registry?,
        repository: named.repository?,
    })
}
