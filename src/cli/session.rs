//! One run of one command: from its arguments to the exit code.

mod local;
mod publish;
mod queries;
mod registry_commands;
mod repositories;

use std::borrow::Cow;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::CommandFactory as _;

use super::ending;
use super::interrupt::Interrupt;
use super::man;
use super::{Cli, Command, LifecycleCommand, LocalCommand};
use crate::action::ActionFiles;
use crate::inputs::{self, Environment, RawArguments};
use crate::network;
use crate::pipeline::Ledger;
use crate::ports::RunEvent;
use crate::run::{Outcome, RunError};
use crate::ui::{Diagnosis, OutputOptions, Ui};
use tagship_domain::error::{Diagnose, FailureKind};

/// The longest that work on other threads may go on after a run has ended.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// The process has no current folder, so that no path can be understood.
#[derive(Debug, thiserror::Error)]
#[error("the current folder cannot be read: {0}")]
struct NoFolder(io::Error);

impl Diagnose for NoFolder {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }
}

/// How a run ended.
enum End {
    Done(Box<Outcome>),
    Failed(Box<dyn Diagnose>),
    Cancelled,
}

impl From<Result<Outcome, RunError>> for End {
    fn from(result: Result<Outcome, RunError>) -> Self {
        match result {
            Ok(outcome) => Self::Done(Box::new(outcome)),
            Err(error) => Self::Failed(Box::new(error)),
        }
    }
}

pub(super) fn run(cli: Cli, options: OutputOptions, environment: io::Result<Environment>) -> ExitCode {
    let environment = match environment {
        Ok(environment) => environment,
        Err(error) => return fail(&Ui::new(options, &Environment::default()), &NoFolder(error)),
    };
    network::begin(inputs::network(&environment));
    let ui = Arc::new(Ui::new(options, &environment));
    // Before anything else, so that no signal is lost, and none has to wait for what begins here.
    let deaf = || ending::stop(&Diagnosis::cancelled());
    let interrupt = match Interrupt::install(inputs::stop_reading, deaf) {
        Ok(interrupt) => interrupt,
        Err(error) => return fail(&ui, &NoRuntime(error)),
    };
    let interrupt = &interrupt;
    match cli.command {
        Some(Command::Ship(arguments)) => publish::publish(
            &ui,
            interrupt,
            arguments.into_given(),
            &environment,
            publish::Work::Ship,
        ),
        Some(Command::Build(arguments)) => publish::publish(
            &ui,
            interrupt,
            arguments.into_given().without("push"),
            &environment,
            publish::Work::Ship,
        ),
        Some(Command::Plan(arguments)) => publish::publish(
            &ui,
            interrupt,
            arguments.into_given(),
            &environment,
            publish::Work::Plan,
        ),
        Some(Command::Action) => publish::publish(
            &ui,
            interrupt,
            RawArguments::by_action(&environment),
            &environment,
            publish::Work::Action,
        ),
        Some(Command::Tags(arguments)) => queries::list_tags(&ui, interrupt, *arguments, &environment),
        Some(Command::Doctor(arguments)) => {
            queries::examine(&ui, interrupt, arguments.into_given(), &environment)
        }
        Some(Command::Init(arguments)) => queries::set_up(&ui, *arguments, &environment),
        Some(Command::Iam(arguments)) => queries::show_policy(&ui, *arguments, &environment),
        Some(Command::Version(arguments)) => queries::next_version(&ui, interrupt, arguments, &environment),
        Some(Command::Copy(arguments)) => registry_commands::copy(&ui, interrupt, *arguments, &environment),
        Some(Command::Promote(arguments)) => {
            registry_commands::promote(&ui, interrupt, *arguments, &environment)
        }
        Some(Command::Push(arguments)) => registry_commands::push(&ui, interrupt, *arguments, &environment),
        Some(Command::Scan(arguments)) => registry_commands::scan(&ui, interrupt, *arguments, &environment),
        Some(Command::Release(arguments)) => {
            registry_commands::release(&ui, interrupt, *arguments, &environment)
        }
        Some(Command::Ls(arguments)) => registry_commands::ls(&ui, interrupt, *arguments, &environment),
        Some(Command::Inspect(arguments)) => {
            registry_commands::inspect(&ui, interrupt, *arguments, &environment)
        }
        Some(Command::Repo(command)) => repositories::run(&ui, interrupt, command, &environment),
        Some(Command::Prune(arguments)) => repositories::prune(&ui, interrupt, *arguments, &environment),
        Some(Command::Lifecycle(LifecycleCommand::Preview(arguments))) => {
            repositories::preview(&ui, interrupt, arguments, &environment)
        }
        Some(Command::Local(LocalCommand::Serve(arguments))) => {
            local::serve(&ui, interrupt, arguments, &environment)
        }
        Some(Command::Local(LocalCommand::Env { data })) => {
            local::show_environment(&ui, interrupt, data, &environment)
        }
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut visible_commands(), "tagship", &mut script);
            conclude(&ui, ui.output().data(&String::from_utf8_lossy(&script)))
        }
        Some(Command::Man { dir: None }) => conclude(&ui, ui.output().data(&man::page())),
        Some(Command::Man { dir: Some(folder) }) => conclude(&ui, man::write_pages(&folder)),
        None if ui.is_json() => fail_with(
            &ui,
            &NoCommand("tagship".to_owned()),
            &Outcome::of_failed_command(),
        ),
        None => {
            ui.show_help(&Cli::command().render_help().to_string());
            ExitCode::from(FailureKind::Usage.exit_code())
        }
    }
}

/// The command line without what is hidden: the action's own command is not for people.
fn visible_commands() -> clap::Command {
    let command = Cli::command();
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
    clap::Command::new("tagship")
        .args(command.get_arguments().cloned())
        .subcommands(visible.cloned().collect::<Vec<_>>())
}

/// Shows an error, and gives its exit code.
pub(super) fn fail(ui: &Ui, error: &dyn Diagnose) -> ExitCode {
    ui.error(&Diagnosis::of(error));
    ExitCode::from(error.kind().exit_code())
}

/// Shows an error, as JSON too where that is asked for. What stdout does not take is said on stderr as well.
pub(super) fn fail_with(ui: &Ui, error: &dyn Diagnose, outcome: &Outcome) -> ExitCode {
    if ui.is_json() {
        let diagnosis = Diagnosis::of(error);
        let json = outcome.json_line(diagnosis.exit_code(), Some(diagnosis.json()));
        ui.output().data(&json).ok();
    }
    fail(ui, error)
}

fn conclude(ui: &Ui, result: Result<(), impl Diagnose>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(ui, &error),
    }
}

/// Drives a run until it ends or a signal drops it.
fn until_interrupted(interrupt: &Interrupt, work: impl Future<Output = End>) -> End {
    match drive(interrupt, work) {
        Ok(end) => end.unwrap_or(End::Cancelled),
        Err(error) => End::Failed(Box::new(error)),
    }
}

/// Drives work until it ends, or a signal drops it: then there is nothing.
fn drive<T>(interrupt: &Interrupt, work: impl Future<Output = T>) -> Result<Option<T>, NoRuntime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_all().build().map_err(NoRuntime)?;
    let interrupt = interrupt.clone();
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupt.come() => None,
            done = work => Some(done),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN);
    Ok(done)
}

/// Shows how the run ended, in every form that its face asks for; each is tried, whatever became of the others.
///
/// A run that publishes has a ledger, whose report is shown after a failure too.
fn show(ui: &Ui, end: End, ledger: Option<&Ledger>, files: Option<&ActionFiles>) -> ExitCode {
    let of_failure = |failure: &str| {
        ledger.map_or_else(Outcome::of_failed_command, |ledger| {
            Outcome::of_failure(ledger, failure)
        })
    };
    show_with(ui, end, of_failure, files)
}

/// The same; `of_failure` says what is true of a run that did not come to its end.
fn show_with(
    ui: &Ui,
    end: End,
    of_failure: impl FnOnce(&str) -> Outcome,
    files: Option<&ActionFiles>,
) -> ExitCode {
    ending::revoke();
    let diagnosis = match &end {
        End::Done(outcome) => outcome.failure.as_ref().map(|failure| Diagnosis::of(&**failure)),
        End::Failed(error) => Some(Diagnosis::of(&**error)),
        End::Cancelled => Some(Diagnosis::cancelled()),
    };
    let outcome = match (end, &diagnosis) {
        (End::Done(outcome), _) => *outcome,
        (_, Some(diagnosis)) => of_failure(&diagnosis.plain()),
        (_, None) => Outcome::default(),
    };
    if !outcome.closing.is_empty() {
        ui.reporter().event(RunEvent::Block(&outcome.closing));
    }
    tell(ui, diagnosis, outcome, files)
}

/// Writes files, data and errors, in this order: the last may hang on a reader.
fn tell(
    ui: &Ui,
    diagnosis: Option<Diagnosis>,
    mut outcome: Outcome,
    files: Option<&ActionFiles>,
) -> ExitCode {
    let mut code = diagnosis.as_ref().map_or(0, Diagnosis::exit_code);
    let json = outcome.json_line(code, diagnosis.as_ref().map(Diagnosis::json));
    if let Some(output) = outcome.outputs.get_mut("json") {
        output.clone_from(&json);
    }
    let mut errors = Vec::from_iter(diagnosis);
    if let Some(files) = files {
        errors.extend(tell_runner(ui, &outcome, files, code == 0));
    }
    ui.finish();
    let data = match &outcome.terminal {
        _ if ui.is_json() => &json,
        Some(terminal) if ui.output().is_terminal() => terminal,
        _ => &outcome.text,
    };
    errors.extend(ui.output().data(data).err().map(|error| Diagnosis::of(&error)));
    for error in &errors {
        ui.error(error);
        if code == 0 {
            code = error.exit_code();
        }
    }
    ExitCode::from(code)
}

/// Writes the runner's files; gives what went wrong with each.
fn tell_runner(ui: &Ui, outcome: &Outcome, files: &ActionFiles, has_succeeded: bool) -> Vec<Diagnosis> {
    let mut errors = Vec::new();
    errors.extend(files.write_outputs(&outcome.outputs).err());
    errors.extend(files.append_summary(&ui.redact(&outcome.summary)).err());
    if let Some((image, digest)) = outcome.subject.as_ref().filter(|_| has_succeeded) {
        errors.extend(files.append_subject(image, digest).err());
    }
    errors.iter().map(|error| Diagnosis::of(error)).collect()
}

/// A command that only holds others was called alone.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` needs a command")]
pub(super) struct NoCommand(pub(super) String);

impl Diagnose for NoCommand {
    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        Some(format!("`{} --help` lists the commands", self.0).into())
    }
}

/// The operating system gives no threads or signals.
#[derive(Debug, thiserror::Error)]
#[error("the asynchronous runtime cannot start: {0}")]
struct NoRuntime(#[source] io::Error);

impl Diagnose for NoRuntime {
    fn kind(&self) -> FailureKind {
        FailureKind::Operation
    }
}

#[cfg(test)]
mod tests;
