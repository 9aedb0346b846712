//! What a BuildKit daemon is, by its own words.

use bollard_buildkit_proto::moby::buildkit::v1::{InfoRequest, types::WorkerRecord};
use tonic::Code;

use super::{Capabilities, SAYS_WRONG_BASES, major_and_minor, platform_of, workers};
use crate::connect::{Daemon, called};
use crate::error::Error;
use tagship_domain::capability::{EngineVersion, ImageStore};
use tagship_domain::error::cleaned;

/// The first daemons that say when a base image is of another platform than asked for. Without that an image could be
/// published that says another platform than it holds.
const FIRST: EngineVersion = (0, 14);
/// What labels of a worker begin with that is a part of a Docker Engine. Source: moby, `builder/builder-next/worker/label`.
const OF_ENGINE: &str = "org.mobyproject.buildkit.worker.moby.";

impl Capabilities {
    pub(super) async fn of_daemon(daemon: &Daemon) -> Result<Self, Error> {
        let unusable = |problem: String| Error::NotABuilder {
            address: daemon.address().to_string(),
            problem,
        };
        let mut control = daemon.control().await?;
        let asked = async {
            let info = called("Info", control.info(InfoRequest::default())).await;
            Ok::<_, std::convert::Infallible>((info, workers(&mut control).await))
        };
        let (info, workers) = daemon.in_time(asked).await?;
        let info = match info {
            Ok(info) => info.into_inner(),
            // Older than 0.11.
            Err(status) if status.code() == Code::Unimplemented => {
                return Err(unusable(too_old("its version is unknown")));
            }
            // What breaks below the API has a cause on this side.
            Err(status) if std::error::Error::source(&status).is_some() => {
                return Err(daemon.unreachable(&status));
            }
            Err(status) => return Err(unusable(cleaned(status.message()))),
        };
        let version = cleaned(&info.buildkit_version.unwrap_or_default().version);
        let version = version.trim_start_matches('v').to_owned();
        // A daemon that was built without a version is one of a developer, and newer than the floor.
        let numbers = major_and_minor(&version).filter(|numbers| *numbers != (0, 0));
        if numbers.is_some_and(|numbers| numbers < FIRST) {
            return Err(unusable(too_old(&format!("it is BuildKit {version}"))));
        }
        let workers = workers.map_err(|error| unusable(error.to_string()))?;
        let first = workers
            .first()
            .ok_or_else(|| unusable("it has no worker".to_owned()))?;
        let store = store(first).ok_or_else(|| {
            unusable(
                "it is a part of a Docker Engine with the classic image store, which pushes nothing"
                    .to_owned(),
            )
        })?;
        let platforms: Vec<_> = workers
            .iter()
            .flat_map(|worker| &worker.platforms)
            .map(platform_of)
            .collect();
        Ok(Self {
            version,
            store,
            platform: platforms
                .first()
                .map_or_else(|| "unknown/unknown".to_owned(), ToString::to_string),
            // The engines of that BuildKit.
            major_and_minor: SAYS_WRONG_BASES,
            platforms,
        })
    }
}

fn too_old(what: &str) -> String {
    let (major, minor) = FIRST;
    format!(
        "{what}, and BuildKit {major}.{minor} is the first that says when a base image is of another platform"
    )
}

/// How it stores images; `None` where it cannot push them. A daemon's own worker has labels, and none of an engine's.
fn store(worker: &WorkerRecord) -> Option<ImageStore> {
    let has = |prefix: &str| worker.labels.keys().any(|label| label.starts_with(prefix));
    match (worker.labels.is_empty(), has(OF_ENGINE)) {
        (true, _) => None,
        (false, true) => Some(ImageStore::Containerd),
        (false, false) => Some(ImageStore::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_a_worker_say_whose_it_is() {
        let worker = |labels: &[&str]| WorkerRecord {
            labels: labels
                .iter()
                .map(|label| ((*label).to_owned(), String::new()))
                .collect(),
            ..WorkerRecord::default()
        };
        // As BuildKit's own documentation has them, and as engines were seen to answer.
        let own = [
            "org.mobyproject.buildkit.worker.executor",
            "org.mobyproject.buildkit.worker.snapshotter",
        ];
        let of_engine = [own[1], "org.mobyproject.buildkit.worker.moby.host-gateway-ip"];
        assert_eq!(store(&worker(&own)), Some(ImageStore::None));
        assert_eq!(store(&worker(&of_engine)), Some(ImageStore::Containerd));
        assert_eq!(store(&worker(&[])), None);
    }
}
