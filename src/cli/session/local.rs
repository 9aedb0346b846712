//! `tagship local`: the embedded ECR.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{End, fail_with, show, until_interrupted};
use crate::cli::ServeArguments;
use crate::cli::interrupt::Interrupt;
use crate::inputs::{self, Environment};
use crate::run::{self, Outcome};
use crate::ui::Ui;

/// The embedded ECR's folder: the one that is given, by a flag or the variable that `ship` reads, or the usual one.
fn data_folder(folder: Option<PathBuf>, environment: &Environment) -> PathBuf {
    let named = environment
        .get("TAGSHIP_LOCAL_DATA")
        .filter(|named| !named.is_empty());
    folder.or(named.map(PathBuf::from)).map_or_else(
        || inputs::local_data_folder(environment),
        |data| environment.working_directory().join(data),
    )
}

/// `tagship local serve`: runs until it is interrupted.
pub(super) fn serve(
    ui: &Ui,
    interrupt: &Interrupt,
    arguments: ServeArguments,
    environment: &Environment,
) -> ExitCode {
    let data = data_folder(arguments.data().map(PathBuf::from), environment);
    let options = arguments.into_options(data);
    let end = until_interrupted(interrupt, async {
        let ready = |outcome: Outcome| {
            let data = if ui.is_json() {
                outcome.json_line(0, None)
            } else {
                outcome.text
            };
            // Whoever started the server and does not read its address can still stop it.
            ui.output().data(&data).ok();
        };
        match run::serve_local(options, ready).await {
            Ok(()) => End::Done(Box::default()),
            Err(error) => End::Failed(Box::new(error)),
        }
    });
    match end {
        // To be interrupted is how a server ends.
        End::Done(_) | End::Cancelled => {
            ui.finish();
            ExitCode::SUCCESS
        }
        End::Failed(error) => fail_with(ui, &*error, &Outcome::of_failed_command()),
    }
}

/// `tagship local env`.
pub(super) fn show_environment(
    ui: &Ui,
    interrupt: &Interrupt,
    data: Option<PathBuf>,
    environment: &Environment,
) -> ExitCode {
    let data = data_folder(data, environment);
    let end = until_interrupted(interrupt, async { run::local_environment(&data).await.into() });
    show(ui, end, None, None)
}
