//! How a command talks, by its flags and variables.

use clap::ValueEnum as _;

use super::usage::UsageError;
use super::{Cli, Command};
use crate::inputs::Environment;
use crate::ui::{OutputOptions, ProgressMode, Ui};

/// The variable in place of `--progress`.
const VARIABLE: &str = "TAGSHIP_PROGRESS";

/// Reads how to talk; the flag counts before the variable.
///
/// A step of GitHub's action always talks as its runner understands it.
pub(super) fn options(cli: &Cli, environment: Option<&Environment>) -> Result<OutputOptions, UsageError> {
    let global = &cli.global;
    let given = match (global.progress, environment) {
        _ if matches!(cli.command, Some(Command::Action)) => None,
        (Some(mode), _) => Some((mode, "`--progress`")),
        // A flag of this command counts before a variable of the whole job.
        (None, Some(environment)) if !global.quiet => of_variable(environment)?,
        _ => None,
    };
    if let Some((mode @ (ProgressMode::Plain | ProgressMode::Tty), _)) = given.filter(|_| global.quiet) {
        let mode = if mode == ProgressMode::Tty { "tty" } else { "plain" };
        return Err(UsageError::new(
            format!("`--quiet` and `--progress {mode}` cannot be used together"),
            "leave one of them out",
        ));
    }
    if let Some((_, by)) = given.filter(|(mode, _)| *mode == ProgressMode::Tty && !Ui::has_terminal()) {
        return Err(UsageError::new(
            format!("{by} asks for `tty`, and stderr is no terminal"),
            "take `auto`, which looks for one, or `plain`",
        ));
    }
    let progress = given.map_or(ProgressMode::Auto, |(mode, _)| mode);
    Ok(OutputOptions {
        color: global.color,
        progress,
        is_quiet: global.quiet || progress == ProgressMode::Quiet,
        verbosity: global.verbose,
        is_json: global.json || progress == ProgressMode::Json,
    })
}

fn of_variable(environment: &Environment) -> Result<Option<(ProgressMode, &'static str)>, UsageError> {
    let Some(name) = environment.get(VARIABLE) else {
        return Ok(None);
    };
    match ProgressMode::from_str(name, false) {
        Ok(mode) => Ok(Some((mode, "`TAGSHIP_PROGRESS`"))),
        Err(_) => Err(UsageError::new(
            format!(
                "`{VARIABLE}`: `{}` is no way to show progress",
                name.escape_debug()
            ),
            "set it to `auto`, `plain`, `tty`, `json` or `quiet`",
        )),
    }
}
