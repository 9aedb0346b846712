//! Logins of the registries that base images and caches come from.

use std::path::PathBuf;

use super::docker_context;
use super::lists::each;
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::{Environment, Face, RawInputs, container};
use crate::settings::{LoginSettings, RegistryLoginSettings};
use tagship_domain::build::registry_login;
use tagship_domain::untrusted::cleaned;

/// Reads `registry-auth` and `use-docker-config`.
pub(super) fn read(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> LoginSettings {
    LoginSettings {
        lines: lines(raw, environment, problems),
        docker_config: docker_config(raw, environment, paths, problems),
        may_run_helpers: raw.face() == Face::Command,
    }
}

fn lines(raw: &RawInputs, environment: &Environment, problems: &mut Problems) -> Vec<RegistryLoginSettings> {
    let read = each(raw, "registry-auth", registry_login, problems);
    let Some(origin) = raw.list("registry-auth", problems).map(|list| list.origin) else {
        return Vec::new();
    };
    let mut lines: Vec<RegistryLoginSettings> = Vec::new();
    for line in read {
        let (host, variable) = (cleaned(&line.host), cleaned(&line.password_env));
        let Some(password) = environment
            .get(&line.password_env)
            .filter(|text| !text.is_empty())
        else {
            let message = format!("the password for `{host}` is in variable `{variable}`, which is not set");
            let hint = "set it with `env:`, from a secret of the repository".to_owned();
            problems.add::<()>(&origin, message, hint);
            continue;
        };
        if lines.iter().any(|known| known.host == line.host) {
            problems.add::<()>(&origin, format!("the login for `{host}` is given twice"), None);
            continue;
        }
        lines.push(RegistryLoginSettings {
            host: line.host,
            username: line.username,
            password: password.to_owned().into(),
        });
    }
    lines
}

/// The folder of the docker command's configuration. An action's container sees it only where the runner maps it.
fn docker_config(
    raw: &RawInputs,
    environment: &Environment,
    paths: &Paths,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let wish: Option<InputText> = raw.text("use-docker-config", problems);
    if wish.is_some() && !raw.flag("use-docker-config", problems) {
        return None;
    }
    match raw.face() {
        Face::Command => docker_context::folder(environment),
        Face::Action => {
            let folder = environment
                .get("DOCKER_CONFIG")
                .filter(|folder| !paths.is_of_host(folder));
            if let (None, Some(wish)) = (folder, wish) {
                let message = "the action's container sees no docker configuration: `DOCKER_CONFIG` names no folder below \
                               the workspace or `RUNNER_TEMP`";
                problems.add::<()>(&wish.origin, message, container::HINT.to_owned());
            }
            folder.map(|folder| paths.resolve(folder))
        }
    }
}
