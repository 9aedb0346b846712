//! Errors of the command line, in the shape of all errors.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;

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
    arguments: &[OsString],
    environment: io::Result<Environment>,
) -> ExitCode {
    let options = OutputOptions {
        is_json: arguments.iter().any(|argument| argument == "--json"),
        ..OutputOptions::default()
    };
    let ui = Ui::new(options, &environment.unwrap_or_default());
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match ui.output().data(&error.render().to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => super::session::fail(&ui, &error),
        };
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        ui.show_help(&error.render().to_string());
        return ExitCode::from(FailureKind::Usage.exit_code());
    }
    let error = translate(error);
    if ui.is_json() {
        // What stdout does not take is said on stderr as well.
        let diagnosis = Diagnosis::of(&error);
        let outcome = Outcome::of_failure(&Ledger::default(), &diagnosis.plain());
        let json = outcome.json_line(diagnosis.exit_code(), Some(diagnosis.json()));
        ui.output().data(&json).ok();
    }
    super::session::fail(&ui, &error)
}

/// Takes clap's text apart: `error: <message>`, lines of `tip: <hint>`, usage.
pub(super) fn translate(error: &clap::Error) -> UsageError {
    let text = error.render().to_string().replace('\'', "`");
    let (body, usage) = text
        .split_once("\nUsage: ")
        .map_or((text.as_str(), None), |(body, rest)| (body, Some(rest)));
    let mut message: Vec<&str> = Vec::new();
    let mut tips: Vec<&str> = Vec::new();
    for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("tip: ") {
            Some(tip) => tips.push(tip),
            None if line.starts_with("For more information") => {}
            None => message.push(line),
        }
    }
    let message = message.join(" ");
    // The usage begins with the command's path: `tagship ship [OPTIONS]`.
    let command: Vec<&str> = usage
        .and_then(|usage| usage.lines().next())
        .unwrap_or("tagship")
        .split_whitespace()
        .take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase()))
        .collect();
    let hint = if tips.is_empty() {
        format!("`{} --help` lists the options", command.join(" "))
    } else {
        tips.join("; ")
    };
    UsageError {
        message: message.strip_prefix("error: ").unwrap_or(&message).to_owned(),
        hint,
    }
}
