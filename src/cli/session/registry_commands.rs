//! Commands that work on repositories and build nothing.

use std::process::ExitCode;
use std::sync::Arc;

use super::{End, show, until_interrupted};
use crate::cli::copy::CopyArguments;
use crate::cli::interrupt::Interrupt;
use crate::cli::looking::{InspectArguments, LsArguments};
use crate::cli::promote::PromoteArguments;
use crate::cli::push::PushArguments;
use crate::cli::release::ReleaseArguments;
use crate::cli::scan::ScanArguments;
use crate::inputs::Environment;
use crate::pipeline::Ledger;
use crate::ports::Reporter;
use crate::run::{self, Outcome, RunError};
use crate::settings::{CopyPlace, RepositoryPlace, RepositorySettings};
use crate::ui::Ui;
use tagship_domain::error::Diagnose;

pub(super) fn ls(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: LsArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_request(environment) {
        Ok(request) => {
            let reporter = masked(ui, [&request.settings]);
            finish(ui, interrupt, run::ls(&request, reporter))
        }
        Err(error) => refuse(ui, error),
    }
}

pub(super) fn inspect(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: InspectArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_request(environment) {
        Ok(request) => {
            let reporter = masked(ui, [&request.settings]);
            finish(ui, interrupt, run::inspect(&request, reporter))
        }
        Err(error) => refuse(ui, error),
    }
}

pub(super) fn scan(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: ScanArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_request(environment) {
        Ok(request) => {
            let reporter = masked(ui, [&request.settings]);
            finish(ui, interrupt, run::scan(&request, reporter))
        }
        Err(error) => refuse(ui, error),
    }
}

pub(super) fn promote(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: PromoteArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_request(environment) {
        Ok(request) => {
            let settings = std::iter::once(&request.source).chain(&request.targets);
            let reporter = masked(ui, settings);
            request.github.token.iter().for_each(|token| reporter.mask(token));
            finish(ui, interrupt, run::promote(&request, reporter))
        }
        Err(error) => refuse(ui, error),
    }
}

pub(super) fn release(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: ReleaseArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_request(environment) {
        Ok(request) => {
            let reporter = masked(ui, [&request.repository]);
            request.github.token.iter().for_each(|token| reporter.mask(token));
            let ledger = Ledger::default();
            let work = run::release_published(&request, reporter, &ledger);
            let end = until_interrupted(interrupt, async { work.await.into() });
            show(ui, end, Some(&ledger), None)
        }
        Err(error) => refuse(ui, error),
    }
}

pub(super) fn push(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: PushArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_request(environment) {
        Ok(request) => {
            let settings = match &request.target {
                RepositoryPlace::Ecr(settings) => Some(&**settings),
                RepositoryPlace::Other(_) => None,
            };
            let reporter = masked(ui, settings);
            let lines = request.logins.lines.iter();
            lines.for_each(|line| reporter.mask(&line.password));
            request.github.token.iter().for_each(|token| reporter.mask(token));
            finish(ui, interrupt, run::push(&request, reporter))
        }
        Err(error) => refuse(ui, error),
    }
}

pub(super) fn copy(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: CopyArguments,
    environment: &Environment,
) -> ExitCode {
    match arguments.into_requests(environment) {
        Ok(requests) => {
            let places = requests
                .iter()
                .flat_map(|request| [&request.source, &request.target]);
            let settings = places.filter_map(|place| match place {
                CopyPlace::Repository(RepositoryPlace::Ecr(settings)) => Some(&**settings),
                CopyPlace::Repository(RepositoryPlace::Other(_)) | CopyPlace::Layout(_) => None,
            });
            let reporter = masked(ui, settings);
            let lines = requests.iter().flat_map(|request| &request.logins.lines);
            lines.for_each(|line| reporter.mask(&line.password));
            finish(ui, interrupt, run::copy_all(&requests, reporter))
        }
        Err(error) => refuse(ui, error),
    }
}

/// A reporter that shows none of the settings' secrets.
fn masked<'a>(ui: &Ui, settings: impl IntoIterator<Item = &'a RepositorySettings>) -> Arc<dyn Reporter> {
    let reporter = ui.reporter();
    for settings in settings {
        settings.secrets().for_each(|secret| reporter.mask(secret));
    }
    reporter
}

fn finish(ui: &Ui, interrupt: &Interrupt, work: impl Future<Output = Result<Outcome, RunError>>) -> ExitCode {
    let end = until_interrupted(interrupt, async { work.await.into() });
    show(ui, end, None, None)
}

fn refuse(ui: &Ui, error: impl Diagnose) -> ExitCode {
    show(ui, End::Failed(Box::new(error)), None, None)
}
