//! A BuildKit daemon in a container on an engine: made when it is first needed, kept, and found again by the next run.
//!
//! 1. Look for a container of the name. One that others made is taken as it is.
//! 2. Make it: pull the image unless the engine has it, with a volume of its own for the daemon's state.
//! 3. Start it, unless it runs.
//! 4. Speak with the daemon by `buildctl dial-stdio` in it.
//!
//! Source: buildx, `driver/docker-container`; BuildKit, `cmd/buildctl/dialstdio.go`.

use std::collections::HashMap;
use std::io;

use bollard::auth::DockerCredentials;
use bollard::body_full;
use bollard::errors::Error as EngineError;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, ExecConfig, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptions, CreateImageOptions, InspectContainerOptions, StartContainerOptions,
    UploadToContainerOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use tokio_util::io::StreamReader;

use super::Connection;
use super::stream::EngineStream;
use crate::error::Error;
use crate::limits;
use crate::session::RegistryAuth;
use tagship_domain::error::{cleaned, innermost};
use tagship_domain::reference::Digest;

/// The label that says what a container was made of.
const MADE_OF: &str = "dev.tagship.builder";
/// Where the daemon keeps what it built. Source: buildkitd reference, `--root`.
const STATE: &str = "/var/lib/buildkit";
/// Where the daemon reads its configuration. Source: BuildKit, `docs/buildkitd.toml.md`.
const CONFIG: &str = "etc/buildkit/buildkitd.toml";
/// The most bytes of output that wait to be read.
const WAITING_BYTES: usize = 1 << 20;

/// What a container is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// The text of `buildkitd.toml`; the daemon's defaults when absent.
    pub config: Option<String>,
}

impl ContainerSpec {
    /// Names what it is made of.
    fn made_of(&self) -> String {
        let config = self.config.as_deref().unwrap_or_default();
        Digest::of(format!("{}\n{config}", self.image).as_bytes()).hex()
    }

    /// Finds the container or makes it, and starts it. `auth` knows the login of the image's registry.
    pub(super) async fn start(&self, engine: &Connection, auth: &dyn RegistryAuth) -> Result<(), Error> {
        let docker = engine.docker();
        let failed = |error: EngineError| self.failed(&error);
        let found = docker
            .inspect_container(&self.name, None::<InspectContainerOptions>)
            .await;
        let found = match found {
            Ok(found) => Some(found),
            Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => None,
            Err(error) => return Err(failed(error)),
        };
        let made_of = found.as_ref().map(|found| {
            let labels = found.config.as_ref().and_then(|config| config.labels.as_ref());
            labels.and_then(|labels| labels.get(MADE_OF)).cloned()
        });
        match made_of {
            // Another run may build there, so that it is not replaced.
            Some(Some(made_of)) if made_of != self.made_of() => {
                return Err(Error::OtherContainer {
                    name: self.name.clone(),
                });
            }
            Some(_) => {}
            None => self.create(engine, auth).await?,
        }
        docker
            .start_container(&self.name, None::<StartContainerOptions>)
            .await
            .map_err(failed)
    }

    async fn create(&self, engine: &Connection, auth: &dyn RegistryAuth) -> Result<(), Error> {
        let docker = engine.docker();
        if let Err(EngineError::DockerResponseServerError { status_code: 404, .. }) =
            docker.inspect_image(&self.image).await
        {
            self.pull(engine, auth).await?;
        }
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            // Whether a build may use it is asked for with `allow`.
            cmd: Some(vec!["--allow-insecure-entitlement=network.host".to_owned()]),
            labels: Some(HashMap::from([(MADE_OF.to_owned(), self.made_of())])),
            host_config: Some(HostConfig {
                privileged: Some(true),
                init: Some(true),
                // Registries are where they are for the engine.
                network_mode: Some("host".to_owned()),
                mounts: Some(vec![Mount {
                    typ: Some(MountType::VOLUME),
                    source: Some(format!("{}_state", self.name)),
                    target: Some(STATE.to_owned()),
                    ..Mount::default()
                }]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptions {
            name: Some(self.name.clone()),
            ..CreateContainerOptions::default()
        };
        match docker.create_container(Some(options), body).await {
            // Another run was faster.
            Err(EngineError::DockerResponseServerError { status_code: 409, .. }) => return Ok(()),
            created => created.map_err(|error| self.failed(&error))?,
        };
        let Some(config) = &self.config else {
            return Ok(());
        };
        let options = UploadToContainerOptions {
            path: "/".to_owned(),
            ..UploadToContainerOptions::default()
        };
        let archive = archive(config).map_err(|error| self.failed(&error))?;
        docker
            .upload_to_container(&self.name, Some(options), body_full(archive.into()))
            .await
            .map_err(|error| self.failed(&error))
    }

    async fn pull(&self, engine: &Connection, auth: &dyn RegistryAuth) -> Result<(), Error> {
        let host = registry_of(&self.image);
        let credential = auth.credential(host).await;
        let credential = credential.map_err(|source| Error::Login {
            host: host.to_owned(),
            source,
        })?;
        let credential = credential.map(|credential| DockerCredentials {
            username: Some(credential.username),
            password: Some(credential.password.expose_secret().to_owned()),
            serveraddress: Some(host.to_owned()),
            ..DockerCredentials::default()
        });
        let options = CreateImageOptions {
            from_image: Some(self.image.clone()),
            ..CreateImageOptions::default()
        };
        let mut pulled = engine.docker().create_image(Some(options), None, credential);
        loop {
            let Ok(news) = timeout(limits::PULL, pulled.next()).await else {
                let problem = format!("the pull says nothing for {} s", limits::PULL.as_secs());
                return Err(self.failed(&io::Error::other(problem)));
            };
            let Some(news) = news else { break };
            let news = news.map_err(|error| self.failed(&error))?;
            if let Some(error) = news.error_detail.and_then(|detail| detail.message) {
                return Err(self.failed(&io::Error::other(error)));
            }
        }
        Ok(())
    }

    /// A connection to the daemon: the standard streams of a command in the container.
    pub(super) async fn dial(&self, engine: &Connection) -> io::Result<EngineStream> {
        let command = ExecConfig {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(vec!["buildctl".to_owned(), "dial-stdio".to_owned()]),
            ..ExecConfig::default()
        };
        let docker = engine.docker();
        let made = docker
            .create_exec(&self.name, command)
            .await
            .map_err(io::Error::other)?;
        let options = StartExecOptions {
            output_capacity: Some(WAITING_BYTES),
            ..StartExecOptions::default()
        };
        let started = docker
            .start_exec(&made.id, Some(options))
            .await
            .map_err(io::Error::other)?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(io::Error::from(io::ErrorKind::NotConnected));
        };
        let output = output.map_err(io::Error::other).try_filter_map(async |piece| {
            Ok(match piece {
                bollard::container::LogOutput::StdErr { message } => {
                    tracing::debug!(message = %cleaned(&String::from_utf8_lossy(&message)), "buildctl says");
                    None
                }
                other => Some(other.into_bytes()),
            })
        });
        Ok(EngineStream::over(tokio::io::join(
            StreamReader::new(Box::pin(output)),
            input,
        )))
    }

    pub(super) fn failed(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        Error::Container {
            name: self.name.clone(),
            message: cleaned(&innermost(error)),
        }
    }
}

/// The configuration, where the daemon looks for it.
fn archive(config: &str) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut folder = tar::Header::new_gnu();
    folder.set_entry_type(tar::EntryType::Directory);
    folder.set_mode(0o755);
    folder.set_size(0);
    archive.append_data(&mut folder, "etc/buildkit/", io::empty())?;
    let mut file = tar::Header::new_gnu();
    file.set_mode(0o644);
    file.set_size(config.len() as u64);
    archive.append_data(&mut file, CONFIG, config.as_bytes())?;
    archive.into_inner()
}

/// The registry of an image, as an engine names it. Source: distribution, `reference/normalize.go`, `splitDockerDomain`.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "registry-1.docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_a_host_is_docker_hubs() {
        for (image, host) in [
            ("moby/buildkit:buildx-stable-1", "registry-1.docker.io"),
            ("buildkit", "registry-1.docker.io"),
            ("mirror.example/moby/buildkit", "mirror.example"),
            ("localhost/buildkit", "localhost"),
            ("host:5000/buildkit", "host:5000"),
        ] {
            assert_eq!(registry_of(image), host);
        }
    }

    #[test]
    fn another_image_or_configuration_is_another_container() {
        let spec = |image: &str, config: Option<&str>| ContainerSpec {
            name: "b".to_owned(),
            image: image.to_owned(),
            config: config.map(str::to_owned),
        };
        let own = spec("a", None).made_of();
        assert_ne!(own, spec("b", None).made_of());
        assert_ne!(own, spec("a", Some("debug = true")).made_of());
        let text = archive("debug = true").unwrap();
        let mut read = tar::Archive::new(text.as_slice());
        let paths: Vec<_> = read
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(paths, ["etc/buildkit/", "etc/buildkit/buildkitd.toml"]);
    }
}
