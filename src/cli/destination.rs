//! The flags that say where images go, for commands that publish none.

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::arguments::{argument, given};
use crate::inputs::RawArguments;
use crate::schema::{INPUTS, Input, Section};

/// The inputs of the destination, and those that choose an image of the file.
#[derive(Debug)]
pub(super) struct DestinationArguments(RawArguments);

impl DestinationArguments {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        INPUTS
            .iter()
            .filter(|input| input.section == Section::Destination || matches!(input.name, "config" | "only"))
    }

    /// Returns what the flags give.
    pub(super) fn into_given(self) -> RawArguments {
        self.0
    }
}

impl Args for DestinationArguments {
    fn augment_args(command: Command) -> Command {
        command.args(Self::inputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for DestinationArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(RawArguments::by_flags(given(Self::inputs(), matches))))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
