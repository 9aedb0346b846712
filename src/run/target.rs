//! Where the image goes: a registry, or the embedded ECR, started for this run when no process serves its data.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::RunError;
use super::local_server::quoted;
use crate::pipeline::Ledger;
use crate::settings::{AccessKey, Destination, IdentitySettings, LOCAL_PORT, Settings};
use ecr_local::{Access, LocalEcr, LocalError, Options};
use tagship_domain::reference::{AccountId, Digest, ImageName, Region, RegistryHost, RepositoryName};
use tagship_domain::repositories::DeclaredRepository;

/// How often an embedded ECR is looked for that another run starts; for ten seconds.
const STARTING_TRIES: u32 = 100;

/// Where the image goes, and the identity to use there.
pub(super) struct Target {
    pub(super) image: ImageName,
    pub(super) identity: IdentitySettings,
    /// How the embedded ECR is reached, if the repository is there.
    access: Option<Access>,
    /// Whether its tags may move there, if an input says so.
    is_mutable: Option<bool>,
    emulator: Option<(LocalEcr, EmulatorShare)>,
    /// Its folder, where an input names it.
    named_data: Option<PathBuf>,
    /// Held while another run's embedded ECR is used, which ends only then.
    _guest: Option<EmulatorShare>,
}

impl Target {
    pub(super) async fn of(destination: &Destination, identity: &IdentitySettings) -> Result<Self, RunError> {
        match destination {
            Destination::Registry(image) => Ok(Self {
                image: image.clone(),
                identity: identity.clone(),
                access: None,
                is_mutable: None,
                emulator: None,
                named_data: None,
                _guest: None,
            }),
            Destination::Local {
                repository,
                data,
                is_data_named,
                is_mutable,
                named,
            } => {
                let mut target = Self::local(repository, data, *is_mutable).await?;
                target.named_data = is_data_named.then(|| data.clone());
                if let Some(other) = named.as_ref().and_then(|named| target.other_than_served(named)) {
                    target.close().await;
                    return Err(other);
                }
                Ok(target)
            }
            Destination::Nowhere { .. } => Err(RunError::Broken("nothing is to be published".to_owned())),
        }
    }

    async fn local(
        repository: &RepositoryName,
        data: &Path,
        is_mutable: Option<bool>,
    ) -> Result<Self, RunError> {
        // Held first: what is served then is served until this run lets go.
        let guest = EmulatorShare::take(data).await?;
        let mut tries = 0..STARTING_TRIES;
        let (access, emulator, guest) = loop {
            if let Some(access) = LocalEcr::access_at(data).await {
                break (access, None, Some(guest));
            }
            match start(data).await {
                Ok(emulator) => break (emulator.access().clone(), Some((emulator, guest)), None),
                // Another run is starting it at this moment.
                Err(LocalError::Locked { .. }) if tries.next().is_some() => {
                    tokio::time::sleep(EmulatorShare::PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        Ok(Self {
            image: ImageName {
                registry: access.registry.clone().emulated_in(&access.region),
                repository: repository.clone(),
            },
            identity: administrator(&access),
            access: Some(access),
            is_mutable,
            emulator,
            named_data: None,
            _guest: guest,
        })
    }

    /// Refuses an address on this machine that is another server's, which an image would be thought to be at.
    fn other_than_served(&self, named: &RegistryHost) -> Option<RunError> {
        let access = self.access.as_ref()?;
        let public = access.public_registry.as_deref();
        let public = public.and_then(|public| public.split('/').next());
        let port = port(named.as_str());
        (port != self::port(access.registry.as_str())).then(|| RunError::NotEmbedded {
            named: named.clone(),
            served: access.registry.clone(),
            is_its_public: port.is_some() && public.is_some_and(|public| self::port(public) == port),
        })
    }

    /// Returns what the repository is made as in the embedded ECR; `None` where it belongs elsewhere.
    pub(super) fn embedded(&self) -> Option<DeclaredRepository> {
        self.access.as_ref()?;
        let is_mutable = self.is_mutable.unwrap_or_default();
        Some(DeclaredRepository::embedded(
            self.image.repository.clone(),
            is_mutable,
        ))
    }

    /// Whether an input says of a repository in the embedded ECR which of its tags may move.
    pub(super) fn has_own_mutability(&self) -> bool {
        self.is_mutable.is_some()
    }

    /// How to run an image that was shipped to the embedded ECR, for people; `None` where it is elsewhere.
    pub(super) fn way_to_run(&self, digest: Digest) -> Option<String> {
        self.access.as_ref()?;
        let (host, image) = (&self.image.registry, self.image.at(digest));
        let serving = match (&self.emulator, &self.named_data) {
            (None, _) => String::new(),
            (Some(_), None) => {
                "  # in another terminal: it ended with this run\n  tagship local serve\n".to_owned()
            }
            (Some(_), Some(data)) => format!(
                "  # in another terminal: it ended with this run\n  tagship local serve --data {}\n",
                quoted(&data.display().to_string())
            ),
        };
        Some(format!(
            "to run it:\n{serving}  # with the `registry-password` that `tagship local serve` prints\n  docker login --username AWS {host}\n  docker run --rm {image}\n"
        ))
    }

    /// Ends the embedded ECR, if this run started it; not before the runs that use it, too, have ended.
    pub(super) async fn close(self) {
        if let Some((emulator, in_use)) = self.emulator {
            let _alone = in_use.alone().await;
            emulator.stop().await;
        }
    }
}

/// The port of `host:port`; `localhost` and an address of this machine are one place.
fn port(host: &str) -> Option<&str> {
    Some(host.rsplit_once(':')?.1)
}

/// A run's share in the embedded ECR that serves a folder: a lock on a file there, which ends with the process at the latest.
struct EmulatorShare(File);

impl EmulatorShare {
    /// How often it is tried again.
    const PAUSE: Duration = Duration::from_millis(100);

    /// Takes a share; waits while the embedded ECR is being ended.
    async fn take(data: &Path) -> Result<Self, LocalError> {
        let failed = |source: io::Error| LocalError::Data {
            path: data.to_owned(),
            source,
        };
        let file = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .and_then(|()| {
                let mut options = OpenOptions::new();
                options.create(true).truncate(false).write(true).mode(0o600);
                options.open(data.join("in-use"))
            })
            .map_err(failed)?;
        loop {
            match file.try_lock_shared() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Self::PAUSE).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Waits until no other run has a share, and lets none in.
    async fn alone(self) -> Self {
        // A share does not turn into the whole while others wait for the same.
        self.0.unlock().ok();
        while let Err(TryLockError::WouldBlock) = self.0.try_lock() {
            tokio::time::sleep(Self::PAUSE).await;
        }
        self
    }
}

/// Notes where the image goes, for a run that fails before anything is read. The embedded ECR has an address only when it
/// runs.
pub(super) fn note_destination(settings: &Settings, ledger: &Ledger) {
    if let Destination::Registry(image) = &settings.destination {
        ledger.destination(image);
    }
}

async fn start(data: &Path) -> Result<LocalEcr, LocalError> {
    let options = |port| Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        ..Options::new(data, AccountId::emulated(), Region::emulated())
    };
    match LocalEcr::start(options(LOCAL_PORT)).await {
        Err(LocalError::AddressInUse { .. }) => LocalEcr::start(options(0)).await,
        started => started,
    }
}

fn administrator(access: &Access) -> IdentitySettings {
    IdentitySettings {
        access_key: Some(AccessKey {
            id: access.administrator.id.clone(),
            secret: access.administrator.secret.clone(),
            session_token: None,
        }),
        region: Some(access.region.clone()),
        endpoint_url: Some(access.endpoint.clone()),
        ..IdentitySettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_started_the_embedded_ecr_waits_for_its_guests() {
        let folder = tempfile::tempdir().unwrap();
        let host = EmulatorShare::take(folder.path()).await.unwrap();
        let guest = EmulatorShare::take(folder.path()).await.unwrap();
        let mut closing = Box::pin(host.alone());
        tokio::select! {
            biased;
            _ = &mut closing => panic!("it does not wait"),
            () = tokio::time::sleep(2 * EmulatorShare::PAUSE) => {}
        }
        drop(guest);
        let alone = closing.await;
        tokio::select! {
            biased;
            _ = EmulatorShare::take(folder.path()) => panic!("it ends with a guest in it"),
            () = tokio::time::sleep(2 * EmulatorShare::PAUSE) => {}
        }
        drop(alone);
        EmulatorShare::take(folder.path()).await.unwrap();
    }
}
