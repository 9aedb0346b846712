//! Which repository a command is about: by a name, or by the inputs that `ship` takes too.

use std::collections::BTreeMap;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::arguments::{argument, given};
use crate::inputs::{self, Environment, RawArguments, RawInputs, SettingsError};
use crate::schema::{INPUTS, Input, Section};
use crate::settings::{LOCAL_PORT, RepositoryPlace, RepositorySettings};
use ecr_local::LocalEcr;
use tagship_domain::error::{Diagnose, FailureKind, cleaned};
use tagship_domain::reference::{ImageName, InvalidName, PartialRef, RegistryHost};
use tagship_domain::repositories::RepositoryCreation;

/// The inputs about destination and identity as flags, made from the table.
#[derive(Debug)]
pub(super) struct RepositoryArguments(BTreeMap<&'static str, Vec<String>>);

/// A name cannot be read, or contradicts the flags.
#[derive(Debug, thiserror::Error)]
pub(super) enum RepositoryArgumentError {
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("`{name}` names the {input}, and `--{input}` another")]
    Twice { name: String, input: &'static str },
    #[error("`{0}` names no image")]
    NoReference(String),
    #[error("`{0}` names a digest, which what is pushed has already")]
    DigestTarget(String),
    #[error("`--{0}` says how findings are judged, and no scan is required")]
    Unscanned(&'static str),
    #[error("`{0}` names one image, and `--all-tags` or `--tag-pattern` several")]
    OneOfMany(String),
    #[error("`{0}` names no layout")]
    Layout(String),
    #[error("`{}` is no name of an engine's image", cleaned(.0))]
    EngineImage(String),
    #[error("`{0}` names a `docker save` archive, which is only read")]
    ReadOnly(String),
    #[error("list `{file}`: {problem}")]
    List { file: String, problem: String },
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Diagnose for RepositoryArgumentError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<std::borrow::Cow<'static, str>> {
        match self {
            Self::Name(_) => Some("write it as `[HOST/]REPOSITORY[:TAG][@DIGEST]`".into()),
            Self::Twice { input, .. } => Some(format!("leave `--{input}` out").into()),
            Self::NoReference(_) => Some("add a tag, as `team/app:1.4.0`, or a digest".into()),
            Self::DigestTarget(_) => Some("name the repository alone, or with a tag".into()),
            Self::Unscanned(_) => Some("give `--require-scan` too".into()),
            Self::OneOfMany(_) => Some("name the repository alone".into()),
            Self::EngineImage(_) => {
                Some("write it as `team/app:1.4.0` or `docker://team/app:1.4.0`, or take its id".into())
            }
            Self::Layout(_) => Some("write it as `oci:FOLDER[:TAG]` or `oci-archive:FILE[:TAG]`".into()),
            Self::ReadOnly(_) => {
                Some("write an `oci-archive:`, which `docker load` of Docker 25 takes too".into())
            }
            Self::List { .. } => {
                Some("name a file of at most 1 MiB with a source and a target on each line".into())
            }
            Self::Settings(error) => error.hint(),
        }
    }
}

impl RepositoryArguments {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        INPUTS.iter().filter(|input| {
            let is_about_repository = matches!(input.section, Section::Destination | Section::Identity);
            let is_of_ship = matches!(
                input.name,
                "images" | "targets" | "mask-aws-account-id" | "export-credentials" | "export-docker-login"
            );
            (is_about_repository && !is_of_ship) || matches!(input.name, "config" | "only")
        })
    }

    /// The same flags for another repository: those that name this one's place do not count where the other says its own.
    pub(super) fn for_target(&self, named: &PartialRef, role: Option<&str>) -> Self {
        let mut given = self.0.clone();
        given.remove("repository");
        if let Some(registry) = &named.registry {
            for input in ["registry", "account-id", "aws-region", "endpoint-url"] {
                given.remove(input);
            }
            if registry.is_plain_http() {
                given.insert("endpoint-url", vec![format!("http://{registry}")]);
            }
        }
        if let Some(role) = role {
            given.insert("role-to-assume", vec![role.to_owned()]);
        }
        Self(given)
    }

    /// Where a name leads: to ECR where the host is ECR's, the emulator's or left out, else to any registry. From ECR Public
    /// everybody pulls, and a login is for who pushes.
    pub(super) fn place(
        &self,
        named: &PartialRef,
        is_written: bool,
        environment: &Environment,
    ) -> Result<RepositoryPlace, RepositoryArgumentError> {
        let named = &self.here(named, environment);
        if let (Some(registry), Some(repository)) = (&named.registry, &named.repository)
            && registry.region().is_none()
            && !(is_written && registry.is_public_ecr())
            && !self.is_emulator(registry, environment)
        {
            return Ok(RepositoryPlace::Other(ImageName {
                registry: registry.clone(),
                repository: repository.clone(),
            }));
        }
        let settings = self.for_target(named, None).into_settings(named, environment)?;
        Ok(RepositoryPlace::Ecr(Box::new(settings)))
    }

    /// What these flags and others give together.
    pub(super) fn with(
        &self,
        more: BTreeMap<&'static str, Vec<String>>,
        environment: &Environment,
    ) -> RawInputs {
        let mut given = self.0.clone();
        given.extend(more);
        RawInputs::of_repository(RawArguments::by_flags(given), environment)
    }

    /// Whether the settings say that AWS's APIs are at this host.
    fn is_emulator(&self, registry: &RegistryHost, environment: &Environment) -> bool {
        let flag = self.0.get("endpoint-url").and_then(|texts| texts.first());
        let endpoint = flag
            .map(String::as_str)
            .or(environment.get("TAGSHIP_ENDPOINT_URL"));
        let host = endpoint.and_then(|url| url.split("//").nth(1));
        host.is_some_and(|host| host.trim_end_matches('/') == registry.as_str())
    }

    /// The name without the host at which the embedded ECR listens, where the settings say that it is used.
    pub(super) fn here(&self, named: &PartialRef, environment: &Environment) -> PartialRef {
        let flag = self.0.get("local").and_then(|texts| texts.first());
        let local = flag.map(String::as_str).or(environment.get("TAGSHIP_LOCAL"));
        let is_local = local.is_some_and(|local| local.eq_ignore_ascii_case("true"));
        // It listens elsewhere where that port was taken, or another was asked for.
        let usual = format!("127.0.0.1:{LOCAL_PORT}");
        let flag = self.0.get("local-data").and_then(|texts| texts.first());
        let data = flag.map(String::as_str).or(environment.get("TAGSHIP_LOCAL_DATA"));
        let served = || {
            let data = match data {
                Some(data) => environment.working_directory().join(data),
                None => inputs::local_data_folder(environment),
            };
            LocalEcr::registry_at(&data)
        };
        let is_there = |registry: &RegistryHost| {
            is_local
                && registry.is_plain_http()
                && (registry.as_str() == usual || served().is_some_and(|host| host == *registry))
        };
        PartialRef {
            registry: named.registry.clone().filter(|registry| !is_there(registry)),
            ..named.clone()
        }
    }

    /// These flags and more.
    #[must_use]
    pub(super) fn and(mut self, more: BTreeMap<&'static str, Vec<String>>) -> Self {
        self.0.extend(more);
        self
    }

    /// The settings for the repository that `named` names, as far as it does.
    pub(super) fn into_settings(
        self,
        named: &PartialRef,
        environment: &Environment,
    ) -> Result<RepositorySettings, RepositoryArgumentError> {
        Ok(inputs::repository(
            self.into_raw(named, environment)?,
            environment,
        )?)
    }

    /// The inputs, with those that `named` names, as far as it does.
    pub(super) fn into_raw(
        mut self,
        named: &PartialRef,
        environment: &Environment,
    ) -> Result<RawInputs, RepositoryArgumentError> {
        let registry = named.registry.as_ref().map(ToString::to_string);
        let repository = named.repository.as_ref().map(ToString::to_string);
        for (input, name) in [("registry", registry), ("repository", repository)] {
            let Some(name) = name else { continue };
            if self.0.get(input).is_some_and(|given| *given != [name.as_str()]) {
                return Err(RepositoryArgumentError::Twice { name, input });
            }
            self.0.insert(input, vec![name]);
        }
        Ok(RawInputs::of_repository(
            RawArguments::by_flags(self.0),
            environment,
        ))
    }
}

impl Args for RepositoryArguments {
    fn augment_args(command: Command) -> Command {
        command.args(Self::inputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RepositoryArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(Self::inputs(), matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The flag that has a missing repository made.
#[derive(Debug, Args)]
pub(super) struct CreationArgument {
    /// Make the repository in ECR, if it is missing; its tags are immutable, but for `latest`. With `template` ECR makes it, as
    /// the registry's creation template for pushes says
    #[arg(
        long,
        value_name = "BOOL",
        value_parser = creation,
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true
    )]
    pub(super) create_repository: RepositoryCreation,
}

fn creation(text: &str) -> Result<RepositoryCreation, &'static str> {
    RepositoryCreation::parse(text).ok_or("it is none of `true`, `false` and `template`")
}
