//! What inputs resolve to.

mod build;
mod builders;
mod container;
mod destination;
mod further_targets;
mod gate;
mod github;
mod identity;
mod naming;
mod notify;
mod options;
mod other_ci;
mod publishing;
mod signing;
mod trust;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::settings::{BaseChanged, Destination, OidcToken};
use tagship_domain::build::SecretSource;

const REGISTRY: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

/// A workspace with a Dockerfile, and what is said around it.
struct Case {
    folder: TempDir,
    flags: BTreeMap<&'static str, Vec<String>>,
    variables: Vec<(OsString, OsString)>,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Dockerfile"), "FROM scratch\n").unwrap();
        Self {
            folder,
            flags: BTreeMap::new(),
            variables: Vec::new(),
        }
    }

    /// With what every run needs.
    fn complete() -> Self {
        Self::new()
            .flag("repository", "team/app")
            .flag("registry", REGISTRY)
    }

    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.flags.entry(name).or_default().push(value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.flags.remove(name);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn environment(&self) -> Environment {
        Environment::new(self.variables.clone(), self.path().canonicalize().unwrap())
    }

    fn resolve(&self) -> Result<ResolvedSettings, SettingsError> {
        let environment = self.environment();
        resolve(
            RawInputs::gather(RawArguments::by_flags(self.flags.clone()), &environment),
            &environment,
        )
    }

    fn resolve_action(&self) -> Result<ResolvedSettings, SettingsError> {
        let environment = self.environment();
        resolve(
            RawInputs::gather(RawArguments::by_action(&environment), &environment),
            &environment,
        )
    }

    fn settings(&self) -> Settings {
        self.resolve().unwrap_or_else(|error| panic!("{error}")).settings
    }

    /// The one problem, as `origin: message` and hint.
    fn problem(&self) -> (String, Option<String>) {
        let error = self.resolve().unwrap_err();
        let [problem] = error.problems() else {
            panic!("{error}")
        };
        (
            format!("{}: {}", problem.origin, problem.message),
            problem.hint.clone(),
        )
    }
}

#[test]
fn flag_then_variable_then_file_then_standard_variable_then_default() {
    let case = Case::complete()
        .file(
            "tagship.yaml",
            "role-session-name: of-file\naudience: of-file\ndocker-host: unix:///of/file\n",
        )
        .variable("TAGSHIP_ROLE_SESSION_NAME", "of-variable")
        .variable("TAGSHIP_AUDIENCE", "")
        .variable("DOCKER_HOST", "unix:///of/standard")
        .flag("role-session-name", "of-flag");
    let settings = case.settings();
    assert_eq!(settings.identity.session_name, "of-flag");
    assert_eq!(
        settings.identity.audience, "of-file",
        "an empty variable is unset"
    );
    assert_eq!(settings.build.engine.address.as_deref(), Some("unix:///of/file"));
    let plain = Case::complete()
        .variable("DOCKER_HOST", "unix:///of/standard")
        .settings();
    assert_eq!(plain.build.engine.address.as_deref(), Some("unix:///of/standard"));
    assert_eq!(plain.identity.session_name, "tagship");
    assert_eq!(plain.identity.duration_seconds, 3600);
    assert_eq!(plain.lists.rules, tagship_domain::tags::TagRule::defaults());
    assert!(!plain.rebuild && !plain.allow_dirty && !plain.dry_run && !plain.build.no_cache);
}

#[test]
fn the_runner_gives_inputs_with_their_dashes_and_empty_ones_are_unset() {
    let case = Case::new()
        .variable("INPUT_REPOSITORY", "team/app\n")
        .variable("INPUT_REGISTRY", REGISTRY)
        .variable("INPUT_ROLE-TO-ASSUME", "publish")
        .variable("INPUT_TARGET", "")
        .variable("INPUT_DRY-RUN", "True")
        .variable("INPUT_GITHUB-TOKEN", "a-token")
        .variable("INPUT_NOT-OURS", "anything");
    let settings = case.resolve_action().unwrap().settings;
    assert_eq!(
        settings.identity.role.as_deref(),
        Some("arn:aws:iam::123456789012:role/publish")
    );
    assert_eq!(settings.build.target, None);
    assert!(settings.dry_run);
    assert_eq!(settings.github.token.unwrap().expose_secret(), "a-token");
    // A command does not read the action's variables.
    assert!(case.resolve().is_err());
}

#[test]
fn every_problem_is_reported_at_once_with_its_origin() {
    let case = Case::new()
        .file(
            "tagship.yaml",
            "repository: Team/App\ntags:\n  - type=semver,pattern=x\n  - \"1.2.3+b\"\n",
        )
        .flag(
            "registry",
            "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/team",
        )
        .flag("role-duration-seconds", "60")
        .flag("no-cache", "yes")
        .flag("context", "missing")
        .flag("version", "1.2")
        .variable("TAGSHIP_PLATFORMS", "linux")
        .variable(
            "TAGSHIP_ROLE_TO_ASSUME",
            "arn:aws:sts::123456789012:assumed-role/publish/x",
        )
        .flag("github-token", "do-not-print");
    let error = case.resolve().unwrap_err();
    let text = error.to_string().replace(
        &case.path().canonicalize().unwrap().display().to_string(),
        "/workspace",
    );
    insta::assert_snapshot!(text);
    assert!(!text.contains("do-not-print"));
    assert_eq!(tagship_domain::error::Diagnose::kind(&error).exit_code(), 2);
}
