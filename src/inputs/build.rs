//! What to build.

use std::path::PathBuf;
use std::time::Duration;

use buildkit_session::EnginePlace;

use super::agents;
use super::attestations;
use super::builders;
use super::cache;
use super::docker_context;
use super::entries;
use super::logins;
use super::options;
use super::paths::Paths;
use super::places;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Face, RawInputs};
use crate::settings::{BuildSettings, EngineSettings};
use tagship_domain::untrusted::cleaned;

/// Reads the inputs about the build; `None` only with a problem.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> Option<BuildSettings> {
    let places = places::read(raw, paths, problems);
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
    let from_cache = raw.flag("from-cache", problems);
    let reproducible = raw.flag("reproducible", problems);
    let seconds = |input, problems: &mut Problems| {
        let seconds = raw.integer(input, problems)?;
        Some(Duration::from_secs(seconds.into()))
    };
    let timeout = seconds("timeout", problems);
    let silence = seconds("stall-timeout", problems);
    let EngineSettings {
        place: engine,
        layer_cache,
    } = engine(raw, environment, problems);
    let builders = builders::read(raw, environment, paths, problems);
    Some(BuildSettings {
        context: places.as_ref()?.context.clone(),
        dockerfile: places.as_ref()?.dockerfile.clone(),
        git: places.as_ref()?.git.clone(),
        of_standard_input: places.and_then(|places| places.read),
        target,
        args,
        secrets,
        platforms,
        no_cache,
        from_cache,
        reproducible,
        options,
        cache,
        logins,
        layer_cache,
        timeout,
        silence: silence?,
        engine,
        builders,
        soci: None,
    })
}

/// Reads which engine it is, and what is remembered of its layers.
pub(super) fn engine(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> EngineSettings {
    let (address, tls) = match raw.text("docker-host", problems) {
        Some(given) => {
            let address = docker_host(given, problems);
            let tls = |host: &String| docker_context::tls(host, environment, problems);
            let tls = address.as_ref().and_then(tls);
            (address, tls)
        }
        None => match docker_context::host(raw.face(), environment, problems) {
            Some((of_context, tls)) => (docker_host(of_context, problems), tls),
            None => (None, None),
        },
    };
    EngineSettings {
        place: EnginePlace { address, tls },
        layer_cache: layer_cache(raw.face(), environment),
    }
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
