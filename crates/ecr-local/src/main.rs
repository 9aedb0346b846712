//! The command `ecr-local`: serves the embedded ECR.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ecr_local::{LocalEcr, LocalError, ServeArguments};
use tagship_domain::error::Diagnose as _;
use tokio::signal::unix::{SignalKind, signal};

/// Where the state is unless a folder is given.
const DATA: &str = ".ecr-local";

/// An Amazon ECR on this machine, for tests
#[derive(Debug, Parser)]
#[command(version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until interrupted; print how to use it. The state is in `.ecr-local` unless `--data` says otherwise
    Serve {
        #[command(flatten)]
        arguments: ServeArguments,
        /// Print one JSON object, not lines
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match ecr_local::error_of_panic() {
        Some(damaged) => end(&damaged),
        None => usual(panic),
    }));
    let Command::Serve { arguments, json } = Cli::parse().command;
    let served = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match served
        .map_err(LocalError::System)
        .and_then(|runtime| runtime.block_on(serve(arguments, json)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn show(error: &LocalError) {
    let mut text = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(because) = cause {
        text.extend([": ", &because.to_string()]);
        cause = because.source();
    }
    text.extend(error.hint().map(|hint| format!("\n\nhint: {hint}")));
    // Nothing is left to do for a closed stderr.
    writeln!(io::stderr(), "{text}").ok();
}

/// Shows the error and ends the process, which would abort otherwise.
#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "a panic handler has no caller to return a code to"
)]
fn end(error: &LocalError) {
    show(error);
    std::process::exit(i32::from(error.kind().exit_code()));
}

async fn serve(arguments: ServeArguments, json: bool) -> Result<(), LocalError> {
    let data = arguments
        .data()
        .map_or_else(|| PathBuf::from(DATA), PathBuf::from);
    let ecr = LocalEcr::start(arguments.into_options(data)).await?;
    let lines = ecr.announcement()?;
    let text = if json {
        let values = lines
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into()));
        format!("{}\n", serde_json::Value::Object(values.collect()))
    } else {
        let lines = lines
            .iter()
            .flat_map(|(name, value)| [*name, "=", value.as_str(), "\n"]);
        lines.collect()
    };
    let mut stdout = io::stdout();
    // A server whose address is not read is of use still.
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .ok();
    let mut terminate = signal(SignalKind::terminate()).map_err(LocalError::System)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(LocalError::System)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    ecr.stop().await;
    Ok(())
}
