//! What an engine or a daemon can do: found out once, before anything is built, because engines silently ignore what they
//! cannot.

mod daemon;

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{ListWorkersRequest, types::WorkerRecord};
use tonic::transport::Channel;

use super::connect::{BuildKit, Connection, called};
use crate::error::Error;
use tagship_domain::capability::{EngineVersion, ImageStore};
use tagship_domain::content::Platform;
use tagship_domain::error::cleaned;

/// The worker's label that only an engine with containerd's store has. Source: moby, `builder-next/worker/label`.
const CONTAINERD_LABEL: &str = "org.mobyproject.buildkit.worker.snapshotter";

/// The first engines whose builder says itself that a base image is of another platform: BuildKit 0.14, the check
/// `InvalidBaseImagePlatform`.
const SAYS_WRONG_BASES: EngineVersion = (27, 0);

/// What an engine or a daemon is.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// The engine's version, such as `28.5.2`; that of BuildKit where it is a daemon.
    pub version: String,
    /// How it stores images.
    pub store: ImageStore,
    /// Its own platform, such as `linux/amd64`.
    pub platform: String,
    major_and_minor: (u32, u32),
    platforms: Vec<Platform>,
}

impl Capabilities {
    /// Asks, and refuses what nothing can be built on.
    pub async fn read(buildkit: &BuildKit) -> Result<Self, Error> {
        match buildkit {
            BuildKit::Engine(connection) => Self::of_engine(connection).await,
            BuildKit::Daemon(daemon) => Self::of_daemon(daemon).await,
        }
    }

    async fn of_engine(connection: &Connection) -> Result<Self, Error> {
        let not_an_engine = |message: String| Error::NotAnEngine {
            address: connection.address().to_string(),
            message,
        };
        let answer = connection.docker().version().await;
        let answer = answer.map_err(|error| not_an_engine(cleaned(&error.to_string())))?;
        let text = cleaned(&answer.version.unwrap_or_default());
        let version =
            major_and_minor(&text).ok_or_else(|| not_an_engine(format!("its version is `{text}`")))?;
        let os = answer.os.unwrap_or_default();
        if os != "linux" {
            return Err(Error::NotLinux { os: cleaned(&os) });
        }
        if version < (20, 10) {
            return Err(Error::TooOld { version: text });
        }
        let mut control = connection.control().await?;
        let asked = async { Ok::<_, std::convert::Infallible>(workers(&mut control).await) };
        let workers = connection.in_time(asked).await??;
        let is_containerd = workers
            .iter()
            .any(|worker| worker.labels.contains_key(CONTAINERD_LABEL));
        Ok(Self {
            version: text,
            store: if is_containerd {
                ImageStore::Containerd
            } else {
                ImageStore::Classic
            },
            platform: format!("{os}/{}", cleaned(&answer.arch.unwrap_or_default())),
            major_and_minor: version,
            platforms: workers
                .iter()
                .flat_map(|worker| &worker.platforms)
                .map(platform_of)
                .collect(),
        })
    }

    /// What decides what the engine can do: its store, and the beginning of its version, `(28, 5)` of `28.5.2`.
    pub fn facts(&self) -> (ImageStore, EngineVersion) {
        (self.store, self.major_and_minor)
    }

    /// Whether a build says itself that it began with an image of another platform.
    pub fn says_wrong_bases(&self) -> bool {
        self.store == ImageStore::None || self.major_and_minor >= SAYS_WRONG_BASES
    }

    /// Whether programs of a platform run there: it is of that platform or knows an emulation for it, or does not say what it
    /// runs.
    pub fn runs(&self, platform: &Platform) -> bool {
        let is_same =
            |known: &Platform| known.os == platform.os && known.architecture == platform.architecture;
        self.platforms.is_empty() || self.platforms.iter().any(is_same)
    }
}

async fn workers(control: &mut ControlClient<Channel>) -> Result<Vec<WorkerRecord>, Error> {
    let asked = control.list_workers(ListWorkersRequest::default());
    match called("ListWorkers", asked).await {
        Ok(answer) => Ok(answer.into_inner().record),
        Err(status) => Err(Error::NoBuildKit {
            message: cleaned(status.message()),
        }),
    }
}

fn platform_of(platform: &bollard_buildkit_proto::pb::Platform) -> Platform {
    Platform {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: Some(platform.variant.clone()).filter(|variant| !variant.is_empty()),
    }
}

/// The beginning of `28.5.2+dfsg4`.
fn major_and_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests;
