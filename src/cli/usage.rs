//! Errors of the command line, in the shape of all errors.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Command;
use clap::error::ErrorKind;

use super::session::NoCommand;
use crate::inputs::Environment;
use crate::pipeline::Ledger;
use crate::run::Outcome;
use crate::ui::{Diagnosis, OutputOptions, Ui};
use tagship_domain::error::{Diagnose, FailureKind};

/// The command line is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct UsageError {
    message: String,
    hint: String,
}

impl UsageError {
    pub(super) fn new(message: String, hint: &str) -> Self {
        let hint = hint.to_owned();
        Self { message, hint }
    }
}

impl Diagnose for UsageError {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(self.hint.clone().into())
    }
}

/// Shows help and version on stdout, and everything else as an error.
pub(super) fn show(
    error: &clap::Error,
    command: &Command,
    arguments: &[OsString],
    environment: io::Result<Environment>,
) -> ExitCode {
    let ui = ui(arguments, environment);
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match ui.output().data(&error.render().to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => super::session::fail(&ui, &error),
        };
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !ui.is_json() {
        ui.show_help(&error.render().to_string());
        return ExitCode::from(FailureKind::Usage.exit_code());
    }
    let called = called(command, arguments);
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return super::session::fail_with(&ui, &NoCommand(called), &Outcome::of_failed_command());
    }
    fail(&ui, &translate(error, &called), &called)
}

/// Shows what is wrong with arguments that clap takes.
pub(super) fn refuse(
    error: &UsageError,
    command: &Command,
    arguments: &[OsString],
    environment: io::Result<Environment>,
) -> ExitCode {
    fail(&ui(arguments, environment), error, &called(command, arguments))
}

fn ui(arguments: &[OsString], environment: io::Result<Environment>) -> Ui {
    let options = OutputOptions {
        is_json: ask_for_json(arguments),
        ..OutputOptions::default()
    };
    Ui::new(options, &environment.unwrap_or_default())
}

/// Whether arguments that may be wrong ask for JSON.
fn ask_for_json(arguments: &[OsString]) -> bool {
    let is_pair = |pair: &[OsString]| pair[0] == "--progress" && pair[1] == "json";
    arguments
        .iter()
        .any(|argument| argument == "--json" || argument == "--progress=json")
        || arguments.windows(2).any(is_pair)
}

fn fail(ui: &Ui, error: &UsageError, called: &str) -> ExitCode {
    let outcome = if has_report(called) {
        Outcome::of_failure(&Ledger::default(), &Diagnosis::of(error).plain())
    } else {
        Outcome::of_failed_command()
    };
    super::session::fail_with(ui, error, &outcome)
}

/// Takes clap's text apart: `error: <message>`, lines of `tip: <hint>`, usage.
fn translate(error: &clap::Error, called: &str) -> UsageError {
    let text = error.render().to_string().replace('\'', "`");
    let body = text
        .split_once("\nUsage: ")
        .map_or(text.as_str(), |(body, _)| body);
    let mut message: Vec<&str> = Vec::new();
    let mut tips: Vec<&str> = Vec::new();
    for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("tip: ") {
            // Who misspells a flag does not mean a value.
            Some(tip) if tip.starts_with("to pass `--") => {}
            Some(tip) => tips.push(tip),
            None if line.starts_with("For more information") => {}
            None => message.push(line),
        }
    }
    let message = message.join(" ");
    let hint = if tips.is_empty() {
        format!("`{called} --help` lists the options")
    } else {
        tips.join("; ")
    };
    UsageError {
        message: message.strip_prefix("error: ").unwrap_or(&message).to_owned(),
        hint,
    }
}

/// Whether a command ends with a report.
fn has_report(path: &str) -> bool {
    matches!(path, "tagship ship" | "tagship build" | "tagship plan")
}

/// The command that was called, with those above it: `tagship local serve`.
fn called(command: &Command, arguments: &[OsString]) -> String {
    let mut path = command.get_name().to_owned();
    let mut command = command;
    for argument in arguments.iter().skip(1) {
        if let Some(below) = command.find_subcommand(argument) {
            command = below;
            path = format!("{path} {}", below.get_name());
        }
    }
    path
}
