//! Commands that answer a question and write nothing: `tagship tags`, `tagship version`, `tagship iam`, `tagship doctor`; and `tagship init`.

use std::process::ExitCode;

use super::{End, show, until_interrupted};
use crate::cli::iam::IamArguments;
use crate::cli::init::InitArguments;
use crate::cli::interrupt::Interrupt;
use crate::cli::tags::TagsArguments;
use crate::cli::version::VersionArguments;
use crate::inputs::{self, Environment, RawArguments, RawInputs};
use crate::ports::RunEvent;
use crate::run;
use crate::ui::Ui;

/// `tagship tags`.
pub(super) fn list_tags(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: TagsArguments,
    environment: &Environment,
) -> ExitCode {
    let mut notes = Vec::new();
    let request = match arguments.into_request(environment, &mut notes) {
        Ok(request) => request,
        Err(error) => return show(ui, End::Failed(Box::new(error)), None, None),
    };
    let reporter = ui.reporter();
    if let Some(token) = &request.github.token {
        reporter.mask(token);
    }
    for note in &notes {
        reporter.event(RunEvent::Note(note));
    }
    let end = until_interrupted(interrupt, async { run::tags(&request, &*reporter).await.into() });
    show(ui, end, None, None)
}

/// `tagship version`.
pub(super) fn next_version(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: VersionArguments,
    environment: &Environment,
) -> ExitCode {
    let request = match arguments.into_request(environment) {
        Ok(request) => request,
        Err(error) => return show(ui, End::Failed(Box::new(error)), None, None),
    };
    let end = until_interrupted(interrupt, async { run::version(request).await.into() });
    show(ui, end, None, None)
}

/// `tagship iam`.
pub(super) fn show_policy(ui: &Ui, arguments: IamArguments, environment: &Environment) -> ExitCode {
    let end = match arguments.into_request(environment) {
        Ok(request) => match run::iam(request) {
            Ok(outcome) => End::Done(Box::new(outcome)),
            Err(error) => End::Failed(Box::new(error)),
        },
        Err(error) => End::Failed(Box::new(error)),
    };
    show(ui, end, None, None)
}

/// `tagship init`, which writes no more than the files of a setup.
pub(super) fn set_up(ui: &Ui, arguments: InitArguments, environment: &Environment) -> ExitCode {
    let end = match arguments.run(ui, environment) {
        Ok(outcome) => End::Done(Box::new(outcome)),
        Err(error) => End::Failed(error),
    };
    show(ui, end, None, None)
}

/// `tagship doctor`.
pub(super) fn examine(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: RawArguments,
    environment: &Environment,
) -> ExitCode {
    let environment = &arguments.environment(environment);
    let raw = RawInputs::gather(arguments, environment);
    let (resolved, problems) = match inputs::resolve(raw.clone(), environment) {
        Ok(resolved) => (Some(resolved), Vec::new()),
        // What is wrong with one input hides nothing of what the others lead to.
        Err(error) => {
            let rest = raw.without_wrong(error.problems());
            let resolved = inputs::resolve(rest, environment).ok();
            let problems = error.problems().iter().map(|problem| {
                let message = format!("{}: {}", problem.origin, problem.message);
                (message, problem.hint.clone())
            });
            (resolved, problems.collect())
        }
    };
    let reporter = ui.reporter();
    if let Some(resolved) = &resolved {
        resolved
            .settings
            .secrets()
            .for_each(|secret| reporter.mask(secret));
        for note in &resolved.notes {
            reporter.event(RunEvent::Note(note));
        }
    }
    let settings = resolved.map(|resolved| (resolved.settings, resolved.given));
    let end = until_interrupted(interrupt, async {
        let examined = Box::pin(run::doctor(settings.as_ref(), &problems, reporter)).await;
        End::Done(Box::new(examined))
    });
    show(ui, end, None, None)
}
