//! The flags of `tagship scan`.

use std::collections::BTreeMap;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::arguments::{argument, given};
use super::repository::{RepositoryArgumentError, RepositoryArguments};
use crate::inputs::{self, Environment, SettingsError};
use crate::run::{ScanRequest, ScannedImage};
use crate::schema::{INPUTS, Input, Section};
use crate::settings::GateSettings;
use tagship_domain::findings::ScanMode;
use tagship_domain::reference::PartialRef;

/// The flags of `tagship scan`.
#[derive(Debug, Args)]
pub(super) struct ScanArguments {
    /// The image: `[HOST/]REPOSITORY:TAG`, the same with `@DIGEST`, or a tag or digest alone in the repository of the
    /// settings [default: the image of the commit, by its tag `sha-…`]
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
    /// Begin a basic scan where the registry begins none, or where the last one is older than a day
    #[arg(long, help_heading = "Scan gate")]
    start: bool,
    #[command(flatten)]
    gate: GateArguments,
    #[command(flatten)]
    repository: RepositoryArguments,
}

/// The inputs that judge findings as flags, made from the table.
#[derive(Debug)]
pub(super) struct GateArguments(BTreeMap<&'static str, Vec<String>>);

impl GateArguments {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        let of_gate =
            |input: &&Input| input.section == Section::Gate && !matches!(input.name, "scan" | "upload-sarif");
        INPUTS.iter().filter(of_gate)
    }

    /// Returns one of the flags that are given.
    pub(super) fn first(&self) -> Option<&'static str> {
        self.0.keys().next().copied()
    }

    /// How findings are judged: by the flags, and what the file of the same name says.
    pub(super) fn into_settings(
        mut self,
        repository: &RepositoryArguments,
        named: Option<&PartialRef>,
        scan: ScanMode,
        environment: &Environment,
    ) -> Result<GateSettings, SettingsError> {
        // Files may say which image they are about.
        if let Some(name) = named.and_then(|named| named.repository.as_ref()) {
            self.0.insert("repository", vec![name.to_string()]);
        }
        inputs::gate(repository.with(self.0, environment), environment, scan)
    }
}

impl ScanArguments {
    /// What is asked for.
    pub(super) fn into_request(
        self,
        environment: &Environment,
    ) -> Result<ScanRequest, RepositoryArgumentError> {
        let named = self.image.as_deref().map(PartialRef::parse).transpose()?;
        let image = match (&named, self.image) {
            (Some(named), Some(text)) => {
                let reference = named.reference.clone();
                ScannedImage::Named(reference.ok_or(RepositoryArgumentError::NoReference(text))?)
            }
            _ => ScannedImage::OfCommit(environment.working_directory().to_owned()),
        };
        let mode = if self.start {
            ScanMode::Start
        } else {
            ScanMode::Wait
        };
        Ok(ScanRequest {
            image,
            gate: self
                .gate
                .into_settings(&self.repository, named.as_ref(), mode, environment)?,
            settings: self
                .repository
                .into_settings(&named.unwrap_or_default(), environment)?,
        })
    }
}

impl Args for GateArguments {
    fn augment_args(command: Command) -> Command {
        command.args(Self::inputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GateArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(Self::inputs(), matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
