//! `tagship repo`.

use std::process::ExitCode;
use std::sync::Arc;

use super::{End, show, show_with, until_interrupted};
use crate::cli::interrupt::Interrupt;
use crate::cli::prune::PruneArguments;
use crate::cli::registry_arguments::RepoArgumentError;
use crate::cli::repo::{PreviewArguments, RepoCommand};
use crate::inputs::Environment;
use crate::ports::Reporter;
use crate::run::{self, ApplyProgress, CostSubject, Outcome, RunError};
use crate::settings::{RegistrySettings, RepositorySettings};
use crate::ui::Ui;

/// Runs one of the commands.
pub(super) fn run(
    ui: &Ui,
    interrupt: &Interrupt,
    command: RepoCommand,
    environment: &Environment,
) -> ExitCode {
    let progress = ApplyProgress::default();
    let end = match command {
        RepoCommand::Plan(arguments) => arguments.into_request(environment).map(|request| {
            let reporter = masked(ui, &request.settings);
            finish(interrupt, run::plan_registry(&request, reporter))
        }),
        RepoCommand::Apply(arguments) => arguments.into_request(environment).map(|request| {
            let reporter = masked(ui, &request.settings);
            finish(interrupt, run::apply_registry(&request, reporter, &progress))
        }),
        RepoCommand::List(arguments) => arguments.into_request(environment).map(|request| {
            let reporter = masked(ui, &request.settings);
            finish(interrupt, run::list_registries(&request, reporter))
        }),
        RepoCommand::Import(arguments) => arguments.into_request(environment).map(|request| {
            let reporter = masked(ui, &request.settings);
            finish(interrupt, run::import_repositories(&request, reporter))
        }),
        RepoCommand::Delete(arguments) => arguments.into_request(ui, environment).map(|request| {
            let reporter = masked(ui, &request.settings);
            finish(interrupt, run::delete_repository(&request, reporter))
        }),
        RepoCommand::Cost(arguments) => arguments.into_request(environment).map(|request| {
            let reporter = match &request.subject {
                CostSubject::Registry { settings, .. } => masked(ui, settings),
                CostSubject::Numbers { .. } => ui.reporter(),
            };
            finish(interrupt, run::estimate_cost(&request, reporter))
        }),
    };
    let end = end.unwrap_or_else(|error: RepoArgumentError| End::Failed(Box::new(error)));
    show_with(ui, end, |_| progress.outcome(), None)
}

/// `tagship prune`.
pub(super) fn prune(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: PruneArguments,
    environment: &Environment,
) -> ExitCode {
    let end = arguments.into_request(environment).map(|request| {
        let reporter = masked(ui, &request.settings);
        finish(interrupt, run::prune_repositories(&request, reporter))
    });
    let end = end.unwrap_or_else(|error: RepoArgumentError| End::Failed(Box::new(error)));
    show(ui, end, None, None)
}

/// `tagship lifecycle preview`.
pub(super) fn preview(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: PreviewArguments,
    environment: &Environment,
) -> ExitCode {
    let end = arguments.into_request(environment).map(|(request, by)| {
        let reporter = masked(ui, &request.settings);
        finish(interrupt, run::preview_lifecycles(&request, by, reporter))
    });
    let end = end.unwrap_or_else(|error: RepoArgumentError| End::Failed(Box::new(error)));
    show(ui, end, None, None)
}

/// A reporter that shows none of the settings' secrets.
fn masked(ui: &Ui, settings: &RegistrySettings) -> Arc<dyn Reporter> {
    let reporter = ui.reporter();
    let places = std::iter::once(&settings.place).chain(settings.further.iter().map(|(_, place)| place));
    places
        .flat_map(RepositorySettings::secrets)
        .for_each(|secret| reporter.mask(secret));
    reporter
}

fn finish(interrupt: &Interrupt, work: impl Future<Output = Result<Outcome, RunError>>) -> End {
    until_interrupted(interrupt, async { work.await.into() })
}
