//! Where the image goes: a registry, or the embedded ECR, started for this run when no process serves its data.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::{RunError, local_client};
use crate::settings::{AccessKey, Destination, IdentitySettings, Settings};
use ecr_local::{Access, LocalEcr, LocalError, Options};
use tagship_domain::reference::{AccountId, ImageName, Region, RepositoryName};

/// Where the embedded ECR listens when it can, so that references to its images stay the same.
const PORT: u16 = 5510;

/// Where the image goes, and whom to be there.
pub(super) struct Place {
    pub(super) image: ImageName,
    pub(super) identity: IdentitySettings,
    emulator: Option<LocalEcr>,
}

impl Place {
    pub(super) async fn of(settings: &Settings) -> Result<Self, RunError> {
        match &settings.destination {
            Destination::Registry(image) => Ok(Self {
                image: image.clone(),
                identity: settings.identity.clone(),
                emulator: None,
            }),
            Destination::Local { repository, data } => Self::local(repository, data).await,
        }
    }

    async fn local(repository: &RepositoryName, data: &Path) -> Result<Self, RunError> {
        let (access, emulator) = if let Some(access) = LocalEcr::access_at(data).await {
            (access, None)
        } else {
            let emulator = start(data).await?;
            (emulator.access().clone(), Some(emulator))
        };
        local_client::ensure_repository(&access, repository).await?;
        Ok(Self {
            image: ImageName {
                registry: access.registry.clone(),
                repository: repository.clone(),
            },
            identity: administrator(&access),
            emulator,
        })
    }

    /// Ends the embedded ECR, if this run started it.
    pub(super) async fn close(self) {
        if let Some(emulator) = self.emulator {
            emulator.stop().await;
        }
    }
}

async fn start(data: &Path) -> Result<LocalEcr, LocalError> {
    let options = |port| Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        ..Options::new(data, AccountId::emulated(), Region::emulated())
    };
    match LocalEcr::start(options(PORT)).await {
        Err(LocalError::AddressInUse { .. }) => LocalEcr::start(options(0)).await,
        started => started,
    }
}

fn administrator(access: &Access) -> IdentitySettings {
    IdentitySettings {
        access_key: Some(AccessKey {
            id: access.administrator.id.clone(),
            secret: access.administrator.secret.clone(),
        }),
        region: Some(access.region.clone()),
        endpoint_url: Some(access.endpoint.clone()),
        ..IdentitySettings::default()
    }
}
