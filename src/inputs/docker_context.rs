//! The engine that the docker command would take: the context that it uses.
//!
//! Source: docker/cli, `cli/context/store` and `cli/command/context`; docker CLI reference, "Environment variables".

use std::io;
use std::path::{Path, PathBuf};

use buildkit_session::TlsOptions;
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

/// How an address ends at which an engine speaks TLS. What a context says of itself does not name its certificates. Sources: IANA,
/// "Service Name and Transport Protocol Port Number Registry", `docker-s`; docker docs, "Protect the Docker daemon socket".
const TLS_PORT: &str = ":2376";

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
    #[serde(default, rename = "SkipTLSVerify")]
    is_unchecked: bool,
}

/// What the connection to an engine at `host` is protected by, as variables say it: TLS at a `tcp://` address.
///
/// Source: docker CLI reference, "Environment variables": `DOCKER_TLS_VERIFY`, `DOCKER_TLS`, `DOCKER_CERT_PATH`.
pub(super) fn tls(host: &str, environment: &Environment, problems: &mut Problems) -> Option<TlsOptions> {
    if !host.starts_with("tcp://") {
        return None;
    }
    let verify = Origin::Variable("DOCKER_TLS_VERIFY".to_owned());
    if environment.get("DOCKER_TLS_VERIFY").is_some() {
        let given = environment.get("DOCKER_CERT_PATH");
        let given = given.map(|folder| environment.working_directory().join(folder));
        let folder = given.or_else(|| folder(environment))?;
        let hint = "set `DOCKER_CERT_PATH` to the folder of `ca.pem`, `cert.pem` and `key.pem`";
        return certificates(&folder, &verify, hint, problems);
    }
    if environment.get("DOCKER_TLS").is_some() {
        let message = "asks for TLS with an engine whose certificate is not checked";
        let hint = "set `DOCKER_TLS_VERIFY=1` in its place, or take it away".to_owned();
        let origin = Origin::Variable("DOCKER_TLS".to_owned());
        return problems.add(&origin, message, hint);
    }
    None
}

/// Reads the certificates of a folder, by the names that the docker command gives them: those of the authority, and of a client
/// with its key if the engine is shown one. `hint` says how they come there.
fn certificates(folder: &Path, origin: &Origin, hint: &str, problems: &mut Problems) -> Option<TlsOptions> {
    let file = |name: &str| cleaned(&folder.join(name).display().to_string());
    let read = |name: &str| {
        let bytes = read_bounded(&folder.join(name), MAX_BYTES)?;
        String::from_utf8(bytes).map_err(io::Error::other)
    };
    let unreadable = |name: &str, error: &io::Error| format!("`{}` cannot be read: {error}", file(name));
    let optional = |name: &str| match read(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|error| unreadable(name, &error)),
    };
    let half =
        |there: &str, missing: &str| format!("`{}` is there, and `{}` is not", file(there), file(missing));
    let all = || {
        let authority = read("ca.pem").map_err(|error| unreadable("ca.pem", &error))?;
        let identity = match (optional("cert.pem")?, optional("key.pem")?) {
            (Some(certificate), Some(key)) => Some((certificate, key.into())),
            (None, None) => None,
            (Some(_), None) => return Err(half("cert.pem", "key.pem")),
            (None, Some(_)) => return Err(half("key.pem", "cert.pem")),
        };
        Ok(TlsOptions {
            authority,
            identity,
            server_name: None,
        })
    };
    match all() {
        Ok(options) => Some(options),
        Err(problem) => problems.add(origin, format!("asks for TLS, and {problem}"), hint.to_owned()),
    }
}

/// The engine of the context that the docker command uses, where no address is given: its address, and the context's own TLS.
///
/// A container action has neither the command nor its files: there a context that is asked for is refused.
pub(super) fn host(
    face: Face,
    environment: &Environment,
    problems: &mut Problems,
) -> Option<(InputText, Option<TlsOptions>)> {
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
    let Endpoint {
        host: text,
        is_unchecked,
    } = context.endpoints.docker;
    let certificates_of = contexts.join("tls").join(&id).join("docker");
    let is_tcp = text.starts_with("tcp://");
    if is_tcp && is_unchecked {
        let message = format!("docker's context `{shown}` does not check its engine's certificate");
        let hint = "make the context without `skip-tls-verify=true`".to_owned();
        return problems.add(&origin, message, hint);
    }
    let hint = format!(
        "give the context its certificates: docker context update {shown} --docker 'host={},ca=ca.pem,cert=cert.pem,key=key.pem'",
        cleaned(&text)
    );
    let tls = if is_tcp && certificates_of.is_dir() {
        Some(certificates(&certificates_of, &origin, &hint, problems)?)
    } else if is_tcp && text.trim_end_matches('/').ends_with(TLS_PORT) {
        let message = format!(
            "docker's context `{shown}` is at the port for TLS, and its certificates are gone from `{}`",
            cleaned(&certificates_of.display().to_string())
        );
        return problems.add(&origin, message, hint);
    } else {
        None
    };
    (!text.is_empty()).then_some((InputText { text, origin }, tls))
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
