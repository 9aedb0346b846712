//! The engine that the docker command would take: the context that it uses.
//!
//! Source: docker/cli, `cli/context/store` and `cli/command/context`; docker CLI reference, "Environment variables".

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::event::read_bounded;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Face, Origin};
use tagship_domain::reference::Digest;
use tagship_domain::untrusted::cleaned;

/// The most bytes of a file that says what a context is.
const MAX_BYTES: usize = 1024 * 1024;
/// The context that is no file: what `DOCKER_HOST` says, else the default socket.
const DEFAULT: &str = "default";

/// What `config.json` says of contexts.
#[derive(Default, Deserialize)]
struct DockerConfig {
    #[serde(default, rename = "currentContext")]
    current_context: String,
}

/// The file of one context.
#[derive(Deserialize)]
struct Context {
    #[serde(rename = "Endpoints")]
    endpoints: Endpoints,
}

#[derive(Deserialize)]
struct Endpoints {
    docker: Endpoint,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(default, rename = "Host")]
    host: String,
}

/// Refuses to speak in the clear with an engine that variables ask to speak TLS with.
pub(super) fn refuse_tls(host: Option<&str>, environment: &Environment, problems: &mut Problems) {
    let is_tcp = host.is_some_and(|host| host.starts_with("tcp://"));
    let tls = ["DOCKER_TLS_VERIFY", "DOCKER_TLS"];
    for variable in tls
        .into_iter()
        .filter(|name| is_tcp && environment.get(name).is_some())
    {
        let hint = "reach the engine as `ssh://user@host`, or take the variable away".to_owned();
        let message = "asks for TLS, which the engine at a `tcp://` address is not spoken to with";
        problems.add::<()>(&Origin::Variable(variable.to_owned()), message, hint);
    }
}

/// The address of the engine of the context that the docker command uses, where no address is given.
///
/// A container action has neither the command nor its files: there a context that is asked for is refused.
pub(super) fn host(face: Face, environment: &Environment, problems: &mut Problems) -> Option<InputText> {
    let variable = environment.get("DOCKER_CONTEXT").map(str::to_owned);
    if face == Face::Action {
        if variable.is_some_and(|name| name != DEFAULT) {
            let message = "names a context of the docker command, which the action's container does not have";
            let hint = "give the context's address as `docker-host`: docker context inspect --format \
                        '{{.Endpoints.docker.Host}}'";
            problems.add::<()>(&of_variable(), message, hint.to_owned());
        }
        return None;
    }
    let folder = folder(environment)?;
    let (name, origin) = if let Some(name) = variable {
        (name, of_variable())
    } else {
        // A damaged file is named where its logins are read.
        let config: DockerConfig = read(&folder.join("config.json"))?;
        (config.current_context, Origin::Default("docker-host"))
    };
    if name.is_empty() || name == DEFAULT {
        return None;
    }
    let shown = cleaned(&name);
    let id = Digest::of(name.as_bytes()).hex();
    let contexts = folder.join("contexts");
    let Some(context) = read::<Context>(&contexts.join("meta").join(&id).join("meta.json")) else {
        let message = format!("`{shown}` is no context that the docker command knows");
        let hint = "`docker context ls` shows those that there are".to_owned();
        return problems.add(&origin, message, hint);
    };
    let text = context.endpoints.docker.host;
    if text.starts_with("tcp://") && contexts.join("tls").join(&id).join("docker").is_dir() {
        let message =
            format!("docker's context `{shown}` asks for TLS, which its engine is not spoken to with");
        let hint = "reach the engine as `ssh://user@host`, with `docker-host`".to_owned();
        return problems.add(&origin, message, hint);
    }
    (!text.is_empty()).then_some(InputText { text, origin })
}

/// The folder of the docker command's configuration. Source: docker CLI reference, "Configuration files".
pub(super) fn folder(environment: &Environment) -> Option<PathBuf> {
    let given = environment.get("DOCKER_CONFIG").map(PathBuf::from);
    let folder = given.or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".docker")))?;
    Some(environment.working_directory().join(folder))
}

fn of_variable() -> Origin {
    Origin::Variable("DOCKER_CONTEXT".to_owned())
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = read_bounded(path, MAX_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}
