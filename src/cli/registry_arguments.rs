//! The flags that say which registry a command is about.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::arguments::{argument, given};
use crate::inputs::{self, Environment, RawArguments, SettingsError};
use crate::schema::{INPUTS, Input, Section};
use crate::settings::RegistrySettings;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::reference::{InvalidName, RepositoryName};

/// The flags cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RepoArgumentError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("no rule says which images may go")]
    NoRule,
    #[error("file `{path}` {problem}")]
    Branches { path: String, problem: String },
    #[error("`--force` removes repository `{0}` with all its images, and its name was not typed once more")]
    Unconfirmed(RepositoryName),
}

impl Diagnose for RepoArgumentError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::NoRule => Some(
                "give `--keep-releases`, `--branch-tags` with `--branches`, `--keep-last` or `--untagged-days`".into(),
            ),
            Self::Branches { .. } => {
                Some("write it with `git ls-remote --heads origin > branches`".into())
            }
            Self::Unconfirmed(name) => Some(format!("give `--confirm {name}` too").into()),
        }
    }
}

/// Reads the name of a repository.
pub(super) fn repository_name(text: &str) -> Result<RepositoryName, InvalidName> {
    RepositoryName::parse(text)
}

/// The inputs that say which registry is meant and by which identity, as flags, made from the table.
#[derive(Debug)]
pub(super) struct RegistryArguments(BTreeMap<&'static str, Vec<String>>);

impl RegistryArguments {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        INPUTS.iter().filter(|input| {
            let is_of_place = matches!(input.section, Section::Destination | Section::Identity);
            let is_of_image = ["repository", "images", "targets", "local-mutability"].contains(&input.name);
            (is_of_place && !is_of_image) || input.name == "config"
        })
    }

    pub(super) fn into_settings(self, environment: &Environment) -> Result<RegistrySettings, SettingsError> {
        inputs::registry(RawArguments::by_flags(self.0), environment)
    }
}

impl Args for RegistryArguments {
    fn augment_args(command: Command) -> Command {
        command.args(Self::inputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for RegistryArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(Self::inputs(), matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
