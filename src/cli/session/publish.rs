//! `tagship ship`, `tagship build`, `tagship plan` and the action.

use std::process::ExitCode;
use std::sync::Arc;

use super::{End, fail, show, tell, until_interrupted};
use crate::action::ActionFiles;
use crate::cli::ending;
use crate::cli::interrupt::Interrupt;
use crate::inputs::{self, Environment, RawArguments, RawInputs};
use crate::pipeline::Ledger;
use crate::ports::RunEvent;
use crate::run::{self, Outcome};
use crate::settings::Settings;
use crate::ui::Ui;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Ship,
    Plan,
    Action,
}

/// Publishes the commit, or shows the plan.
pub(super) fn publish(
    ui: &Arc<Ui>,
    interrupt: &Interrupt,
    arguments: RawArguments,
    environment: &Environment,
    work: Work,
) -> ExitCode {
    let files = (work == Work::Action).then(|| ActionFiles::of(environment));
    // A run whose result cannot be reported must not begin.
    if let Some(Err(error)) = files.as_ref().map(ActionFiles::check) {
        return fail(ui, &error);
    }
    let ledger = Arc::new(Ledger::default());
    ending::leave({
        let (ui, ledger, files) = (Arc::clone(ui), Arc::clone(&ledger), files.clone());
        move |diagnosis| {
            let outcome = Outcome::of_failure(&ledger, &diagnosis.plain());
            tell(&ui, Some(diagnosis), outcome, files.as_ref());
        }
    });
    if let Some(end) = changed(ui, &arguments, environment, work) {
        return show(ui, end, Some(&ledger), files.as_ref());
    }
    let end = match inputs::resolve(RawInputs::gather(arguments, environment), environment) {
        Ok(resolved) => {
            let reporter = ui.reporter();
            resolved
                .settings
                .secrets()
                .for_each(|secret| reporter.mask(secret));
            for note in &resolved.notes {
                reporter.event(RunEvent::Note(note));
            }
            until_interrupted(interrupt, work_on(ui, &resolved.settings, &ledger, work))
        }
        Err(error) => End::Failed(Box::new(error)),
    };
    show(ui, end, Some(&ledger), files.as_ref())
}

/// Lists the images that the commit touches, if that is asked for.
fn changed(ui: &Ui, arguments: &RawArguments, environment: &Environment, work: Work) -> Option<End> {
    if work == Work::Ship {
        return None;
    }
    let mut notes = Vec::new();
    let settings = match inputs::changed(arguments, environment, &mut notes) {
        Ok(settings) => settings?,
        Err(error) => return Some(End::Failed(Box::new(error))),
    };
    let reporter = ui.reporter();
    for note in &notes {
        reporter.event(RunEvent::Note(note));
    }
    Some(run::changed(&settings, &*reporter).into())
}

async fn work_on(ui: &Ui, settings: &Settings, ledger: &Ledger, work: Work) -> End {
    let reporter = ui.reporter();
    match work {
        _ if !settings.is_published() => {
            Box::pin(run::build(settings, reporter, ledger, work == Work::Plan)).await
        }
        Work::Plan => Box::pin(run::plan(settings, reporter, ledger)).await,
        Work::Ship | Work::Action => Box::pin(run::ship(settings, reporter, ledger)).await,
    }
    .into()
}
