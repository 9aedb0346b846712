//! `tagship ship`, `tagship build`, `tagship plan` and the action.

use std::process::ExitCode;
use std::sync::Arc;

use super::{End, drive, fail, show, show_with, tell, until_interrupted};
use crate::action::ActionFiles;
use crate::cli::ending;
use crate::cli::interrupt::Interrupt;
use crate::inputs::{self, Environment, RawArguments, RawInputs, SettingsError};
use crate::pipeline::Ledger;
use crate::ports::RunEvent;
use crate::run::{self, EndedRun, Outcome, SeveralRequest, ShippedImages};
use crate::settings::Settings;
use crate::ui::{Diagnosis, Ui};

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
    let environment = &arguments.environment(environment);
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
    if let Some(code) = several(ui, interrupt, &arguments, environment, work, files.as_ref()) {
        return code;
    }
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
            for account in resolved.settings.masked_accounts() {
                reporter.mask(&account);
            }
            for note in &resolved.notes {
                reporter.event(RunEvent::Note(note));
            }
            let later = ActionFiles::of(environment);
            let exports = resolved.settings.exports;
            let of_command = exports.docker_login && work == Work::Ship;
            let checked = match (later.check_environment(), later.check_output()) {
                (Err(error), _) if exports.credentials => Err(error),
                (_, Err(error)) if of_command => Err(error),
                _ => Ok(()),
            };
            let end = if let Err(error) = checked {
                End::Failed(Box::new(error))
            } else {
                let work = work_on(ui, &resolved.settings, &ledger, work);
                exported(until_interrupted(interrupt, work), &later, of_command)
            };
            if work != Work::Plan {
                notify(ui, interrupt, &resolved.settings, &ledger, &end);
            }
            end
        }
        Err(_) if interrupt.has_come() => End::Cancelled,
        Err(error) => End::Failed(Box::new(error)),
    };
    show(ui, end, Some(&ledger), files.as_ref())
}

/// Lets others hear how the run ended. It has ended: nothing here changes that, and a signal only ends the sending.
fn notify(ui: &Ui, interrupt: &Interrupt, settings: &Settings, ledger: &Ledger, end: &End) {
    if !run::has_receivers(settings) {
        return;
    }
    let ended = match end {
        End::Cancelled => return,
        End::Done(outcome) => EndedRun {
            failure: None,
            report: ui.redact(&outcome.json_line(0, None)),
            comment: run::comment_text(settings, ledger, None).map(|text| ui.redact(&text)),
        },
        End::Failed(error) => {
            let diagnosis = Diagnosis::of(&**error);
            let outcome = Outcome::of_failure(ledger, &diagnosis.plain());
            let report = outcome.json_line(diagnosis.exit_code(), Some(diagnosis.json()));
            let failure = diagnosis.plain();
            EndedRun {
                comment: run::comment_text(settings, ledger, Some(&failure)).map(|text| ui.redact(&text)),
                failure: Some((error.kind(), ui.redact(&error.to_string()))),
                report: ui.redact(&report),
            }
        }
    };
    let reporter = ui.reporter();
    // Without threads there is no way to send, and the error of that is not the run's.
    drive(interrupt, run::notify(settings, ended, ledger, &reporter)).ok();
}

/// Gives later steps of the job what a run exports, which only one does that came to its end.
/// The action writes its outputs itself, a command those of the login.
fn exported(end: End, files: &ActionFiles, has_outputs: bool) -> End {
    let End::Done(outcome) = &end else {
        return end;
    };
    let login = ["docker-username", "docker-password"].map(|name| {
        let value = outcome.outputs.get(name).filter(|_| has_outputs);
        (name, value.map_or("", String::as_str))
    });
    let is_given = login.iter().any(|(_, value)| !value.is_empty());
    let written = files.append_environment(&outcome.exported).and_then(|()| {
        if is_given {
            files.append_outputs(&login)
        } else {
            Ok(())
        }
    });
    match written {
        Ok(()) => end,
        Err(error) => End::Failed(Box::new(error)),
    }
}

/// Publishes several images, if that is asked for.
fn several(
    ui: &Arc<Ui>,
    interrupt: &Interrupt,
    arguments: &RawArguments,
    environment: &Environment,
    work: Work,
    files: Option<&ActionFiles>,
) -> Option<ExitCode> {
    // The plan of several images is what publishing them without a writer shows.
    let planned = (work == Work::Plan).then(|| arguments.clone().with("dry-run"));
    let arguments = planned.as_ref().unwrap_or(arguments);
    let request = match several_request(ui, arguments, environment, work) {
        Ok(request) => request?,
        // No image's run has begun: a step's outputs say so, as data the error stands alone.
        Err(end) => {
            let of_failure = |failure: &str| Outcome {
                json: Outcome::of_failed_command().json,
                ..Outcome::of_failure(&Ledger::default(), failure)
            };
            return Some(show_with(ui, end, of_failure, files));
        }
    };
    let rows = Arc::new(request.rows());
    ending::leave({
        let (ui, rows, files) = (Arc::clone(ui), Arc::clone(&rows), files.cloned());
        move |diagnosis| {
            let outcome = rows.outcome(Some(&diagnosis.plain()));
            tell(&ui, Some(diagnosis), outcome, files.as_ref());
        }
    });
    let work = async {
        let shipped = Box::pin(run::ship_several(&request, ui.reporter(), &rows));
        End::Done(Box::new(shipped.await))
    };
    let end = until_interrupted(interrupt, work);
    if !matches!(end, End::Cancelled) {
        notify_of_each(ui, interrupt, &request, &rows);
    }
    Some(show_with(ui, end, |failure| rows.outcome(Some(failure)), files))
}

/// Lets others hear how each image's run ended.
fn notify_of_each(ui: &Ui, interrupt: &Interrupt, request: &SeveralRequest, rows: &ShippedImages) {
    let reporter = ui.reporter();
    for ((_, settings), (ledger, ended)) in request.images.iter().zip(rows.ended()) {
        let Some(ended) = ended.filter(|_| run::has_receivers(settings)) else {
            continue;
        };
        let failure = ended.failure.as_ref().map(|(_, words)| words.as_str());
        let comment = run::comment_text(settings, ledger, failure);
        let ended = EndedRun {
            comment: comment.map(|text| ui.redact(&text)),
            failure: ended.failure.map(|(kind, words)| (kind, ui.redact(&words))),
            report: ui.redact(&ended.report),
        };
        // Without threads there is no way to send, and the error of that is not the run's.
        drive(interrupt, run::notify(settings, ended, ledger, &reporter)).ok();
    }
}

fn several_request(
    ui: &Ui,
    arguments: &RawArguments,
    environment: &Environment,
    work: Work,
) -> Result<Option<SeveralRequest>, End> {
    let failed = |error: SettingsError| End::Failed(Box::new(error));
    let mut notes = Vec::new();
    let reporter = ui.reporter();
    let wish = inputs::several_wish(arguments, environment, work == Work::Ship, &mut notes);
    let Some(wish) = wish.map_err(failed)? else {
        return Ok(None);
    };
    let names = wish
        .changed
        .as_ref()
        .map(|changed| run::touched(changed, &*reporter));
    let names = names.transpose().map_err(|error| End::Failed(Box::new(error)))?;
    let images = inputs::several(arguments, environment, names.as_deref(), &mut notes).map_err(failed)?;
    let secrets = images.iter().flat_map(|(_, settings)| settings.secrets());
    secrets.for_each(|secret| reporter.mask(secret));
    let accounts = images.iter().flat_map(|(_, settings)| settings.masked_accounts());
    accounts.for_each(|account| reporter.mask(&account));
    for note in &notes {
        reporter.event(RunEvent::Note(note));
    }
    let request = SeveralRequest {
        images,
        parallel: wish.parallel,
        is_fail_fast: wish.is_fail_fast,
    };
    request.check().map_err(|error| End::Failed(Box::new(error)))?;
    Ok(Some(request))
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
