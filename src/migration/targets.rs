//! The repositories that one build step goes to: the first is the run's own, the others are its targets.

use std::collections::BTreeSet;

use super::image::{Named, Registry, resolved};
use super::job::{Job, Step, StepKind};
use super::needs::{is_kept_build, uses_login};

/// The images of one build step, sorted by what becomes of them.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// The tags of the first repository of ECR.
    pub(super) first: Vec<(Named, Registry)>,
    /// The lines of `targets`.
    pub(super) targets: Vec<String>,
    /// The logins of targets in other registries.
    pub(super) logins: Vec<TargetLogin>,
    /// Names that have other tags than the first, or that no target can say.
    pub(super) left: Vec<String>,
    /// Names in registries that nothing logs in to.
    pub(super) elsewhere: Vec<String>,
}

/// A login of `docker/login-action` that a target needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetLogin {
    pub(super) host: String,
    pub(super) username: String,
    pub(super) password: String,
}

/// One line of `tags` or `images`, with its name taken apart.
pub(super) type Line = (String, Option<(Named, Registry)>);

impl Images {
    /// Sorts the lines. Of metadata-action, every name has the same tags.
    pub(super) fn of(lines: Vec<Line>, job: &Job, build: &Step) -> Self {
        let mut groups: Vec<((String, String), Vec<Line>)> = Vec::new();
        let mut images = Self::default();
        for line in lines {
            let Some((named, _)) = &line.1 else {
                images.elsewhere.push(line.0);
                continue;
            };
            let key = (named.host.clone(), named.repository.clone());
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, group)) => group.push(line),
                None => groups.push((key, vec![line])),
            }
        }
        let is_of_ecr = |group: &[Line]| {
            let registry = group.first().and_then(|(_, named)| named.as_ref());
            registry.is_some_and(|(_, registry)| *registry != Registry::Other)
        };
        let Some(at) = groups.iter().position(|(_, group)| is_of_ecr(group)) else {
            return images;
        };
        let (first_key, first) = groups.remove(at);
        let first_tags = tags(&first);
        images.first = first.into_iter().filter_map(|(_, named)| named).collect();
        for (key, group) in groups {
            let text = || group.iter().map(|(line, _)| line.clone());
            let login = login_of(&key.0, job, build);
            if !is_of_ecr(&group) && login.is_none() {
                images.elsewhere.extend(text());
            } else if tags(&group) != first_tags {
                images.left.extend(text());
            } else if key.0 == first_key.0 {
                images.targets.push(key.1);
            } else if key.0.contains("outputs") {
                // The host that a login gave cannot be named after that step is gone.
                images.left.extend(text());
            } else {
                images
                    .targets
                    .push(format!("{}/{}", resolved(&key.0, &job.variables), key.1));
                images.logins.extend(login.filter(|_| !is_of_ecr(&group)));
            }
        }
        images
    }
}

fn tags(group: &[Line]) -> BTreeSet<Option<String>> {
    let named = group.iter().filter_map(|(_, named)| named.as_ref());
    named.map(|(named, _)| named.tag.clone()).collect()
}

/// The login of a host before the build, where its user and password are said.
fn login_of(host: &str, job: &Job, build: &Step) -> Option<TargetLogin> {
    let before = job.steps.iter().take_while(|step| !std::ptr::eq(*step, build));
    let mut logins = before.filter(|step| step.kind == StepKind::DockerLogin);
    let login = logins.find(|step| step.text("if").is_none() && registry_of(step) == host)?;
    Some(TargetLogin {
        host: host.to_owned(),
        username: login.input("username")?.to_owned(),
        password: login.input("password")?.to_owned(),
    })
}

/// Source: `docker/login-action`, "inputs": Docker Hub is what is meant without one.
fn registry_of(login: &Step) -> &str {
    login.input("registry").map_or("docker.io", str::trim)
}

/// Whether a login became one of a target, and no other step uses it.
pub(super) fn is_taken_over(login: &Step, job: &Job, logins: &[TargetLogin]) -> bool {
    let is_kept = |step: &&Step| step.kind == StepKind::Other || is_kept_build(step);
    logins.iter().any(|taken| taken.host == registry_of(login))
        && !job.steps.iter().filter(is_kept).any(uses_login)
}
