//! Inputs: the one table of them, where their values come from, and how they become [`Settings`].
//!
//! Every input has one name. It is the flag `--name`, the action input `name`, the variable `TAGSHIP_NAME` and the
//! key `name` of `tagship.yaml`; the first of these that is set and not empty counts, in this order.
//! All problems are found before anything runs, and are reported together.

mod agents;
mod attestations;
mod build;
mod builders;
mod cache;
mod changed;
mod container;
mod creation;
mod deploy;
mod destination;
mod docker_context;
mod ecr_public;
mod entries;
mod environment;
mod event;
mod fork;
mod further_targets;
mod gate;
mod github;
mod identity;
mod images;
mod lists;
mod logins;
mod naming;
mod network;
mod notify;
mod options;
mod outputs;
mod paths;
mod places;
mod problem;
mod publishing;
mod quoted;
mod raw;
mod release;
mod repositories;
mod revision;
mod role;
mod several;
mod signing;
mod soci;
mod standard_input;
mod targets;
mod trust;
mod written;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::settings::{
    EngineSettings, GateSettings, IdentitySettings, LoginSettings, RepositorySettings, Settings,
};

pub use changed::changed;
pub use environment::{ActionVariables, Environment, NoNumber};
pub use event::{job_event, read_bounded};
pub use github::forge;
pub use naming::list_inputs;
pub use network::network;
pub use problem::{Origin, Problem, SettingsError};
pub use raw::{RawArguments, RawInputs};
pub use release::{ReleaseInputs, release};
pub use repositories::{list_of_branches, registry};
pub use several::{SeveralWish, several, several_wish};
pub use signing::verification;
pub use standard_input::stop_reading;
pub use targets::{declared_targets, is_public, targets};

use destination::ResolvedDestination;
use problem::Problems;
use tagship_domain::findings::ScanMode;

/// The settings of a run, and what the user should know about how they came to be.
#[derive(Debug)]
pub struct ResolvedSettings {
    /// The settings.
    pub settings: Settings,
    /// One sentence each.
    pub notes: Vec<String>,
    /// Every input that is given, and by what: one clause each.
    pub given: Vec<String>,
}

/// Parses and checks all inputs; gives either the settings or every problem. The log says what counts, and by what.
pub fn resolve(raw: RawInputs, environment: &Environment) -> Result<ResolvedSettings, SettingsError> {
    let given = raw.given();
    for input in given.iter().chain(&raw.defaults()) {
        tracing::info!("{input}");
    }
    let resolved = resolve_given(raw, environment)?;
    Ok(ResolvedSettings { given, ..resolved })
}

fn resolve_given(mut raw: RawInputs, environment: &Environment) -> Result<ResolvedSettings, SettingsError> {
    let mut problems = Problems::new(raw.take_problems());
    if raw.lacks_image() {
        return Err(problems.finish().err().unwrap_or_else(SettingsError::incomplete));
    }
    let paths = paths::Paths::new(raw.face(), environment);

    let push = raw.flag("push", &mut problems);
    let place = destination(&raw, environment, push, &mut problems);
    // Who is nowhere needs no identity: whatever the step says of one is another job's.
    let identity = if place.as_ref().is_some_and(ResolvedDestination::is_unknown) {
        Some(IdentitySettings::default())
    } else {
        identity::read(&raw, environment, place.as_ref(), &mut problems)
    };
    let mut left_out = Vec::new();
    let targets = further_targets::read(
        &raw,
        place.as_ref(),
        identity.as_ref(),
        push,
        &mut left_out,
        &mut problems,
    );
    let mut build = build::read(&raw, environment, &paths, &mut problems);
    let (outputs, call) = outputs::read_with_call(&raw, &paths, push, &mut problems);
    let publishing = publishing::publishing(&raw, &paths, push, &mut problems);
    soci::read_into(&mut build, &raw, environment, (&publishing, push), &mut problems);
    let files = publishing::files(&raw, &paths, &mut problems);
    let waits_for_replication =
        publishing::waits_for_replication(&raw, place.as_ref(), push, &mut left_out, &mut problems);
    let max_size = publishing::max_size(&raw, &mut problems);
    let test = publishing::test(&raw, &mut problems);
    let github = github::read(&raw, environment, &mut problems);
    let release = release::read(&raw, &paths, push, &mut problems);
    let deploy_files = deploy::read(&raw, &paths, push, &mut problems);
    let naming = naming::read(&raw, environment, &mut problems);
    let gate = gate::read(&raw, &paths, push, &mut problems);
    let sign = signing::read(&raw, environment, &paths, push, &targets, &mut problems);
    let rebuild = naming::rebuild(&raw, build.as_ref(), push, &mut problems);
    let base_changed = naming::base_changed(&raw, build.as_ref(), &publishing, &mut problems);
    let (create_repository, is_declared) = creation::read(&raw, environment, place.as_ref(), &mut problems);
    let [allow_dirty, dry_run, offline] =
        ["allow-dirty", "dry-run", "offline"].map(|name| raw.flag(name, &mut problems));

    let notify = notify::read(&raw, environment, &mut left_out, &mut problems);

    written::check(&raw, environment, &paths, &mut problems);
    let exports = identity::exports(&raw, environment, place.as_ref(), &mut left_out, &mut problems);
    let masks_accounts = raw.flag("mask-aws-account-id", &mut problems);
    let mut notes = paths.into_notes();
    notes.append(&mut left_out);
    notes.extend(publishing::untested(test.is_some(), push));
    notes.extend(naming::left_out(base_changed, push));
    notes.extend(raw.provenance());
    let is_local = place.as_ref().is_some_and(ResolvedDestination::is_local);
    notes.extend(raw.registry_beaten().filter(|_| is_local));
    let event = job_event(environment, false, &mut notes);
    let revision = revision::read(&raw, environment, &mut problems);
    notes.extend(of_file(&raw, environment));
    match (problems.finish(), place, identity, build) {
        (Ok(()), Some(place), Some(identity), Some(build)) => Ok(fork::checked(ResolvedSettings {
            settings: Settings {
                destination: place.into_destination(),
                targets,
                identity,
                exports,
                masks_accounts,
                build,
                outputs,
                call,
                publishing,
                files,
                waits_for_replication,
                max_size,
                test,
                version: naming.version,
                needs_version: naming.needs_version,
                event,
                revision,
                tag_prefix: naming.tag_prefix,
                paths: naming.paths,
                lists: naming.lists,
                release,
                deploy_files,
                short_digits: naming.short_digits,
                create_repository,
                is_declared,
                rebuild,
                base_changed,
                allow_dirty,
                dry_run,
                offline,
                workspace: workspace(raw.face(), environment),
                github,
                gate,
                sign,
                notify,
            },
            notes,
            given: Vec::new(),
        })),
        (Err(error), ..) => Err(error),
        // Each part is absent only together with a problem; this keeps the promise without a panic.
        (Ok(()), ..) => Err(SettingsError::incomplete()),
    }
}

/// Says which file is read, where relative paths begin there and not where the user is.
fn of_file(raw: &RawInputs, environment: &Environment) -> Option<String> {
    let folder = environment.project().filter(|_| raw.has_file())?;
    Some(format!(
        "`{}` is read, and relative paths begin there; those of flags begin here",
        folder.join(crate::config::FILE_NAME).display()
    ))
}

/// Where the image goes; what it would be called if it were published.
fn destination(
    raw: &RawInputs,
    environment: &Environment,
    push: bool,
    problems: &mut Problems,
) -> Option<ResolvedDestination> {
    if !push {
        return ResolvedDestination::unpublished(raw, environment, problems);
    }
    let place = ResolvedDestination::read(raw, environment, problems);
    let image = place.as_ref().and_then(ResolvedDestination::image);
    ecr_public::check(raw, image, problems);
    place
}

/// Parses and checks how findings are judged; what else is given is not looked at.
pub fn gate(
    mut raw: RawInputs,
    environment: &Environment,
    scan: ScanMode,
) -> Result<GateSettings, SettingsError> {
    let mut problems = Problems::new(raw.take_problems());
    let paths = paths::Paths::new(raw.face(), environment);
    let settings = gate::settings(&raw, &paths, scan, &mut problems);
    written::check(&raw, environment, &paths, &mut problems);
    problems.finish()?;
    settings.ok_or_else(SettingsError::incomplete)
}

/// Reads the logins of registries that are not the run's own: `registry-auth`, and the docker command's configuration.
pub fn logins(environment: &Environment) -> Result<LoginSettings, SettingsError> {
    let given = RawArguments::by_flags(std::collections::BTreeMap::new());
    let raw = RawInputs::gather(given, environment);
    let paths = paths::Paths::new(raw.face(), environment);
    let mut problems = Problems::new(Vec::new());
    let logins = logins::read(&raw, environment, &paths, &mut problems);
    problems.finish()?;
    Ok(logins)
}

/// Reads which engine an image is taken from; what else is given is not looked at.
pub fn engine(raw: &RawInputs, environment: &Environment) -> Result<EngineSettings, SettingsError> {
    let mut problems = Problems::new(Vec::new());
    let settings = build::engine(raw, environment, &mut problems);
    problems.finish()?;
    Ok(settings)
}

/// Parses and checks the inputs about destination and identity; what else is given is not looked at.
pub fn repository(
    mut raw: RawInputs,
    environment: &Environment,
) -> Result<RepositorySettings, SettingsError> {
    let mut problems = Problems::new(raw.take_problems());
    if raw.lacks_image() {
        return Err(problems.finish().err().unwrap_or_else(SettingsError::incomplete));
    }
    let place = destination::ResolvedDestination::read(&raw, environment, &mut problems);
    let identity = identity::read(&raw, environment, place.as_ref(), &mut problems);
    match (problems.finish(), place, identity) {
        (Ok(()), Some(place), Some(identity)) => Ok(RepositorySettings {
            destination: place.into_destination(),
            identity,
        }),
        (Err(error), ..) => Err(error),
        // Each part is absent only together with a problem; this keeps the promise without a panic.
        (Ok(()), ..) => Err(SettingsError::incomplete()),
    }
}

/// Where relative paths begin: the checkout in the action; elsewhere the folder of `tagship.yaml`, or the current one.
fn workspace(face: Face, environment: &Environment) -> PathBuf {
    match (face, environment.get("GITHUB_WORKSPACE")) {
        (Face::Action, Some(workspace)) => environment.working_directory().join(workspace),
        (Face::Command, _) => environment
            .project()
            .unwrap_or(environment.working_directory())
            .to_owned(),
        (Face::Action, None) => environment.working_directory().to_owned(),
    }
}

/// Where the embedded ECR keeps its state when nothing else is said.
///
/// Source: XDG Base Directory Specification, `XDG_STATE_HOME`; in a job the runner's own temporary folder, which
/// old runners name without mounting it into a container action.
pub fn local_data_folder(environment: &Environment) -> PathBuf {
    let runner_temp = environment
        .in_actions()
        .then(|| environment.get("RUNNER_TEMP"))
        .flatten()
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    let state = || {
        environment
            .get("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
    };
    let home = || {
        environment
            .get("HOME")
            .map(|home| PathBuf::from(home).join(".local/state"))
    };
    environment.working_directory().join(
        runner_temp
            .or_else(state)
            .or_else(home)
            .unwrap_or_else(|| PathBuf::from(".tagship"))
            .join("tagship/local"),
    )
}

/// Which way the program was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// As a command, with flags.
    Command,
    /// As a GitHub action, with `INPUT_*` variables.
    Action,
}
