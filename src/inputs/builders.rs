//! Builders beside the engine, with the certificates that they are reached by.

use buildkit_session::{ContainerSpec, DaemonPlace, TlsOptions};
use secrecy::SecretString;

use super::entries::stays;
use super::event::read_bounded;
use super::lists::checked;
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, RawInputs};
use tagship_domain::build::{BuilderAddress, BuilderLine, BuilderTls, PemSource};
use tagship_domain::untrusted::cleaned;

/// The most bytes of a file of certificates.
const MAX_BYTES: usize = 1024 * 1024;
/// The image of a container where none is named. Source: buildx, `driver/bkimage`.
const IMAGE: &str = "moby/buildkit:buildx-stable-1";

/// Reads `builders`: one for each address, with all platforms that lines name it for.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> Vec<DaemonPlace> {
    let mut lines: Vec<BuilderLine> = Vec::new();
    let mut builders: Vec<DaemonPlace> = Vec::new();
    for (index, entry) in raw.entries("builders", problems).iter().enumerate() {
        let Some(line) = checked(entry, index, BuilderLine::parse(&entry.text), problems) else {
            continue;
        };
        if is_engine(&line.address) {
            let message = format!(
                "`{}` is an engine's socket, and no BuildKit daemon's",
                line.address
            );
            let hint = "name the engine by `docker-host`; `docker-container://NAME` runs BuildKit in a container on it";
            problems.add::<()>(&entry.origin, message, hint.to_owned());
            continue;
        }
        if let Some(message) = repeated(&lines, &line) {
            problems.add::<()>(&entry.origin, message, None);
            continue;
        }
        let of_address = builders
            .iter_mut()
            .find(|builder| builder.address == line.address);
        if let Some(builder) = of_address {
            builder.platforms.extend(line.platform.clone());
        } else {
            let files = Files {
                raw,
                environment,
                paths,
            };
            let tls = line.tls.as_ref().map(|tls| files.options(entry, tls, problems));
            // What cannot be read is a problem already.
            if let Some(None) = tls {
                continue;
            }
            let Ok(container) = files.container(entry, &line, problems) else {
                continue;
            };
            builders.push(DaemonPlace {
                platforms: line.platform.iter().cloned().collect(),
                address: line.address.clone(),
                tls: tls.flatten(),
                container,
            });
        }
        lines.push(line);
    }
    builders
}

/// Whether an address is where engines listen. Source: Docker and Podman documentation, default sockets.
fn is_engine(address: &BuilderAddress) -> bool {
    let address = address.to_string();
    let path = address.strip_prefix("unix://").unwrap_or_default();
    matches!(path.rsplit('/').next(), Some("docker.sock" | "podman.sock"))
}

/// Why a line does not go together with those before it.
fn repeated(lines: &[BuilderLine], line: &BuilderLine) -> Option<String> {
    for known in lines {
        match (&known.platform, &line.platform) {
            (None, None) => {
                return Some("has two builders without a platform, for all that are left".to_owned());
            }
            (Some(known), Some(platform)) if known.is_same(platform) => {
                return Some(format!("has two builders for {platform}"));
            }
            _ => {}
        }
        if known.address != line.address {
            continue;
        }
        if (&known.tls, &known.image, &known.config) != (&line.tls, &line.image, &line.config) {
            return Some(format!(
                "says of `{}` in two ways how it is reached",
                known.address
            ));
        }
        // One for all needs no other name.
        if known.platform.is_none() || line.platform.is_none() {
            return Some(format!(
                "names `{}` with a platform and without one",
                known.address
            ));
        }
    }
    None
}

/// Where certificates are looked for.
struct Files<'a> {
    raw: &'a RawInputs,
    environment: &'a Environment,
    paths: &'a Paths,
}

impl Files<'_> {
    fn options(&self, entry: &InputText, tls: &BuilderTls, problems: &mut Problems) -> Option<TlsOptions> {
        let authority = self.text("ca", entry, &tls.authority, problems);
        let identity = match &tls.identity {
            None => None,
            Some((certificate, key)) => {
                let certificate = self.text("cert", entry, certificate, problems);
                let key = self.text("key", entry, key, problems).map(SecretString::from);
                Some(certificate.zip(key)?)
            }
        };
        Some(TlsOptions {
            authority: authority?,
            identity,
            server_name: tls.server_name.clone(),
        })
    }

    /// The container that a line names; an error where its file cannot be read.
    fn container(
        &self,
        entry: &InputText,
        line: &BuilderLine,
        problems: &mut Problems,
    ) -> Result<Option<ContainerSpec>, ()> {
        let BuilderAddress::Container(name) = &line.address else {
            return Ok(None);
        };
        let config = match &line.config {
            None => None,
            Some(file) => {
                let file = PemSource::File(file.clone());
                Some(self.text("config", entry, &file, problems).ok_or(())?)
            }
        };
        Ok(Some(ContainerSpec {
            name: name.clone(),
            image: line.image.clone().unwrap_or_else(|| IMAGE.to_owned()),
            config,
        }))
    }

    /// The text of a file or a variable.
    fn text(
        &self,
        option: &str,
        entry: &InputText,
        source: &PemSource,
        problems: &mut Problems,
    ) -> Option<String> {
        match source {
            PemSource::Variable(name) => {
                let value = self.environment.get(name).map(str::to_owned);
                value.or_else(|| {
                    let message = format!(
                        "`{option}` comes from variable `{}`, which is not set",
                        cleaned(name)
                    );
                    let hint = "set it with `env:`, from a secret of the repository".to_owned();
                    problems.add(&entry.origin, message, hint)
                })
            }
            PemSource::File(name) => {
                let path = self.paths.resolve(name);
                if !stays(self.raw, entry, &path, self.paths, problems) {
                    return None;
                }
                let read = read_bounded(&path, MAX_BYTES).ok();
                let text = read.and_then(|bytes| String::from_utf8(bytes).ok());
                text.or_else(|| {
                    let message = format!(
                        "`{option}` comes from `{}`, which cannot be read as text",
                        path.display()
                    );
                    let hint = "give a path relative to the workspace".to_owned();
                    problems.add(&entry.origin, message, hint)
                })
            }
        }
    }
}
