//! What to build.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::agents;
use super::attestations;
use super::cache;
use super::docker_context;
use super::entries::{self, stays};
use super::logins;
use super::options;
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Face, RawInputs};
use crate::settings::BuildSettings;
use tagship_domain::untrusted::cleaned;

/// Reads the inputs about the build; `None` only with a problem.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> Option<BuildSettings> {
    let context = raw
        .text("context", problems)
        .filter(|value| stays(raw, value, &paths.resolve(&value.text), paths, problems))
        .and_then(|value| context(&value, paths, problems));
    let dockerfile = match (raw.text("file", problems), &context) {
        (Some(value), _) => {
            let path = paths.resolve(&value.text);
            stays(raw, &value, &path, paths, problems)
                .then(|| dockerfile(&value, path, problems))
                .flatten()
        }
        (None, Some((folder, value))) => dockerfile(value, folder.join("Dockerfile"), problems),
        (None, None) => None,
    };
    let target = raw
        .text("target", problems)
        .and_then(|value| options::stage(value, problems));
    let args = entries::build_args(raw, environment, problems);
    let secrets = entries::secrets(raw, environment, paths, problems);
    let platforms = options::platforms(raw, problems);
    let mut options = options::read(raw, environment, paths, problems);
    options.agents = agents::read(raw, environment, paths, problems);
    options.attestations = attestations::read(raw, &args, problems);
    let logins = logins::read(raw, environment, paths, problems);
    let cache = cache::wish(raw, environment, problems);
    let no_cache = raw.flag("no-cache", problems);
    let reproducible = raw.flag("reproducible", problems);
    let seconds = |input, problems: &mut Problems| {
        let seconds = raw.integer(input, problems)?;
        Some(Duration::from_secs(seconds.into()))
    };
    let timeout = seconds("timeout", problems);
    let silence = seconds("stall-timeout", problems);
    let docker_host = raw
        .text("docker-host", problems)
        .or_else(|| docker_context::host(raw.face(), environment, problems))
        .and_then(|value| docker_host(value, problems));
    docker_context::refuse_tls(docker_host.as_deref(), environment, problems);
    Some(BuildSettings {
        context: context?.0,
        dockerfile: dockerfile?,
        target,
        args,
        secrets,
        platforms,
        no_cache,
        reproducible,
        options,
        cache,
        logins,
        layer_cache: layer_cache(raw.face(), environment),
        timeout,
        silence: silence?,
        docker_host,
    })
}

/// The file of the layer cache. The action keeps none: its container's home is the job's, and ends with it.
/// Source: XDG Base Directory Specification, `XDG_STATE_HOME`.
fn layer_cache(face: Face, environment: &Environment) -> Option<PathBuf> {
    if face == Face::Action {
        return None;
    }
    let folder = |name: &str| environment.get(name).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    state.is_absolute().then(|| state.join("tagship/layers"))
}

/// The context folder, with links followed, so that the Dockerfile's place in it follows from the path alone.
fn context(value: &InputText, paths: &Paths, problems: &mut Problems) -> Option<(PathBuf, InputText)> {
    if value.text.contains("://") || value.text.starts_with("git@") {
        return problems.add(
            &value.origin,
            format!(
                "context `{}` is not a folder but an address",
                cleaned(&value.text)
            ),
            "check the repository out and give the folder".to_owned(),
        );
    }
    let path = paths.resolve(&value.text);
    match fs::canonicalize(&path) {
        Ok(folder) if folder.is_dir() => Some((folder, value.clone())),
        Ok(_) => problems.add(
            &value.origin,
            format!("context `{}` is not a folder", path.display()),
            "give the folder, and the Dockerfile with `file`".to_owned(),
        ),
        Err(error) => problems.add(
            &value.origin,
            format!("context `{}` cannot be read: {}", path.display(), reason(&error)),
            "give a folder relative to the workspace".to_owned(),
        ),
    }
}

fn dockerfile(value: &InputText, path: PathBuf, problems: &mut Problems) -> Option<PathBuf> {
    let shown_path = path.display().to_string();
    let hint = || "name the Dockerfile with `file`, relative to the workspace".to_owned();
    // The last part may be a link on purpose; the folders before it are followed, as those of the context are.
    let path = match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    };
    let readable = fs::metadata(&path).and_then(|metadata| {
        if metadata.is_file() {
            fs::File::open(&path).map(|_| true)
        } else {
            Ok(false)
        }
    });
    match readable {
        Ok(true) => Some(path),
        Ok(false) => problems.add(
            &value.origin,
            format!("Dockerfile `{shown_path}` is not a file"),
            hint(),
        ),
        Err(error) => problems.add(
            &value.origin,
            format!("Dockerfile `{shown_path}` cannot be read: {}", reason(&error)),
            hint(),
        ),
    }
}

/// The operating system's words, in the form of a message.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        _ => error.to_string(),
    }
}

fn docker_host(value: InputText, problems: &mut Problems) -> Option<String> {
    let takes = ["unix://", "tcp://", "ssh://"].iter().any(|scheme| {
        value
            .text
            .strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty())
    });
    if takes {
        return Some(value.text);
    }
    problems.add(
        &value.origin,
        format!("`{}` is not the address of a Docker Engine", cleaned(&value.text)),
        "write `unix:///path`, `tcp://host:port` or `ssh://user@host`".to_owned(),
    )
}
