//! The inputs as flags.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::inputs::RawArguments;
use crate::schema::{Faces, INPUTS, Input, InputKind};

/// The command that takes inputs as flags: `ship`.
pub(super) const SHIP: u8 = 0;
/// `plan`.
pub(super) const PLAN: u8 = 1;
/// Another one, which has no flags of its own.
pub(super) const OTHER: u8 = 2;

/// The inputs as flags, made from the table; those of one command alone only for that.
#[derive(Debug)]
pub struct InputArguments<const COMMAND: u8>(RawArguments);

impl<const COMMAND: u8> InputArguments<COMMAND> {
    fn inputs() -> impl Iterator<Item = &'static Input> {
        INPUTS.iter().filter(|input| match input.faces {
            Faces::Plan => COMMAND == PLAN,
            Faces::Ship => COMMAND == SHIP,
            Faces::ShipAndPlan => COMMAND != OTHER,
            Faces::All | Faces::NotFile | Faces::Secret => true,
        })
    }

    /// What the flags give.
    pub fn into_given(self) -> RawArguments {
        self.0
    }
}

impl<const COMMAND: u8> Args for InputArguments<COMMAND> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::inputs().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const COMMAND: u8> FromArgMatches for InputArguments<COMMAND> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(RawArguments::by_flags(given(Self::inputs(), matches))))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What the flags of `inputs` give.
pub(super) fn given(
    inputs: impl Iterator<Item = &'static Input>,
    matches: &ArgMatches,
) -> BTreeMap<&'static str, Vec<String>> {
    inputs
        .filter_map(|input| {
            let values = matches.get_many::<String>(input.name)?;
            Some((input.name, values.cloned().collect()))
        })
        .collect()
}

/// Returns the flag of an input.
pub(super) fn argument(input: &'static Input) -> Arg {
    let argument = Arg::new(input.name)
        .long(input.name)
        .value_name(input.placeholder)
        .help(help(input))
        .help_heading(input.section.heading())
        // A secret has no flag; who tries one gets the reason.
        .hide(!input.faces.has_flag());
    let argument = match other_name(input.name) {
        Some(name) => argument.alias(name),
        None => argument,
    };
    match input.kind {
        InputKind::Flag | InputKind::FlagOr(_) => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .action(ArgAction::Set),
        InputKind::Entries | InputKind::Records { .. } => argument.action(ArgAction::Append),
        // A number that is too small is judged as one, and not as a flag that is unknown.
        InputKind::Text | InputKind::Integer { .. } | InputKind::Secret => {
            argument.action(ArgAction::Set).allow_negative_numbers(true)
        }
    }
}

/// The name that a list's flag has in `tagship tags`, which takes one entry and several by flags of their own.
fn other_name(input: &str) -> Option<&'static str> {
    match input {
        "tags" => Some("tag"),
        "labels" => Some("label"),
        "images" => Some("image"),
        "annotations" => Some("annotation"),
        "flavor" => Some("flavors"),
        _ => None,
    }
}

/// The help with the default behind it.
fn help(input: &Input) -> String {
    let default = match (input.default, input.default_note) {
        (_, Some(note)) => format!(" [default: {note}]"),
        (Some(value), None) if !input.is_flag() => {
            format!(" [default: {}]", value.replace('\n', " and "))
        }
        _ => String::new(),
    };
    format!("{}{default}", input.help)
}
