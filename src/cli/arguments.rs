use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::inputs::{Given, INPUTS, Input, Kind};

/// The inputs as flags, made from the table.
#[derive(Debug)]
pub struct InputArguments(Given);

impl InputArguments {
    /// What the flags give.
    pub fn into_given(self) -> Given {
        self.0
    }
}

impl Args for InputArguments {
    fn augment_args(command: Command) -> Command {
        command.args(INPUTS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for InputArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given: BTreeMap<&'static str, Vec<String>> = INPUTS
            .iter()
            .filter_map(|input| {
                let values = matches.get_many::<String>(input.name)?;
                Some((input.name, values.cloned().collect()))
            })
            .collect();
        Ok(Self(Given::by_flags(given)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(input: &'static Input) -> Arg {
    let argument = Arg::new(input.name)
        .long(input.name)
        .value_name(input.placeholder)
        .help(help(input))
        .help_heading(input.section.heading())
        // A secret has no flag; whoever tries one is told why by name.
        .hide(!input.faces.has_flag());
    match input.kind {
        Kind::Flag => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .action(ArgAction::Set),
        Kind::Entries => argument.action(ArgAction::Append),
        Kind::Text | Kind::Integer { .. } | Kind::Secret => argument.action(ArgAction::Set),
    }
}

/// The help with the default behind it.
fn help(input: &Input) -> String {
    let default = match (input.default, input.default_note) {
        (_, Some(note)) => format!(" [default: {note}]"),
        (Some(value), None) if input.kind != Kind::Flag => {
            format!(" [default: {}]", value.replace('\n', " and "))
        }
        _ => String::new(),
    };
    format!("{}{default}", input.help)
}
