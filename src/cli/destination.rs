//! The flags that say where images go, for commands that publish none.

use std::collections::BTreeMap;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::arguments::{argument, given};
use crate::inputs::RawArguments;
use crate::schema::{INPUTS, Input, Section};

/// The inputs of the destination, and those that choose an image of the file.
#[derive(Debug)]
pub(super) struct DestinationArguments(BTreeMap<&'static str, Vec<String>>);

impl DestinationArguments {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        INPUTS
            .iter()
            .filter(|input| input.section == Section::Destination || matches!(input.name, "config" | "only"))
    }

    /// Returns what the flags give.
    pub(super) fn given(&self) -> RawArguments {
        RawArguments::by_flags(self.0.clone())
    }

    /// Takes the answer to a question for an input that no flag gives.
    pub(super) fn answer(&mut self, input: &'static str, ask: impl FnOnce() -> Option<String>) {
        if !self.0.contains_key(input)
            && let Some(answer) = ask().filter(|answer| !answer.is_empty())
        {
            self.0.insert(input, vec![answer]);
        }
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
        Ok(Self(given(Self::inputs(), matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
