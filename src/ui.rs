//! The only module that prints. stdout is data, stderr is talk.
//!
//! There is one renderer for each place that a run can talk in: live lines in a terminal, plain lines elsewhere, and
//! workflow commands in GitHub Actions. All of them print only text that was cleaned of control characters and in
//! which registered secrets are replaced by `***`.

mod actions;
mod color;
mod diagnosis;
mod groups;
mod lines;
mod log;
mod panic;
mod plain;
mod quiet;
mod redaction;
mod stdout;
mod terminal;
mod transfers;
mod words;

#[cfg(test)]
mod tests;

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use indicatif::MultiProgress;

use crate::inputs::Environment;
use crate::ports::Reporter;

pub use color::ColorChoice;
pub use diagnosis::Diagnosis;
pub use panic::{Stopped, show_without_renderer};
pub use redaction::Redaction;
pub use stdout::{Output, OutputError};

/// What this program is built from, as `build.rs` found it: the version, the commit and the day of that commit, such as
/// `1.2.3 (0123456789ab 2026-01-31)`.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_STAMP"), ")");

/// How a command shows what it does. Source of the names: `docker buildx build --progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    /// Live lines in a terminal, in GitHub Actions what the runner folds and notes, plain lines elsewhere.
    #[default]
    Auto,
    /// Plain lines, in a terminal too.
    Plain,
    /// Live lines, or nothing at all.
    Tty,
    /// As `auto`, and the result as JSON on stdout.
    Json,
    /// Warnings and errors alone.
    Quiet,
}

/// How to talk.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutputOptions {
    /// Whether to colour.
    pub color: ColorChoice,
    /// How to show what is done.
    pub progress: ProgressMode,
    /// Whether to say only what went wrong.
    pub is_quiet: bool,
    /// How much of the log to show: 0 none, 1 information, 2 debugging, 3 everything.
    pub verbosity: u8,
    /// Whether stdout carries JSON.
    pub is_json: bool,
}

/// A reporter that can also tell how a run ended.
pub trait Renderer: Reporter {
    /// Shows everything that is held back, and leaves no group open.
    fn finish(&self);

    /// Shows an error, after everything that is held back.
    fn error(&self, diagnosis: &Diagnosis);

    /// Shows a line of the log.
    fn log(&self, line: &str);
}

/// Everything that a command shows.
pub struct Ui {
    renderer: Arc<dyn Renderer>,
    redaction: Arc<Redaction>,
    output: Output,
    is_json: bool,
}

impl Ui {
    /// Talks as the environment and the flags ask for.
    pub fn new(options: OutputOptions, environment: &Environment) -> Self {
        let redaction = Arc::new(Redaction::default());
        let is_terminal = Self::has_terminal() && environment.get("TERM") != Some("dumb");
        let is_live = match options.progress {
            ProgressMode::Plain => false,
            ProgressMode::Tty => true,
            _ => is_terminal && environment.other_ci().is_none(),
        };
        let palette = options.color.palette(is_terminal, environment);
        let stderr = Box::new(io::stderr());
        let mut renderer: Arc<dyn Renderer> =
            if environment.in_actions() && options.progress != ProgressMode::Tty {
                Arc::new(actions::Actions::new(
                    stderr,
                    Arc::clone(&redaction),
                    &in_workspace(environment),
                ))
            } else if is_live && !options.is_quiet {
                Arc::new(terminal::Terminal::new(
                    MultiProgress::new(),
                    Arc::clone(&redaction),
                    palette,
                ))
            } else {
                let groups = groups::Groups::of(environment);
                Arc::new(plain::Plain::new(stderr, Arc::clone(&redaction), palette, groups))
            };
        if options.is_quiet {
            renderer = Arc::new(quiet::Quiet::new(renderer));
        }
        let verbosity = match environment.get("RUNNER_DEBUG") {
            Some("1") => options.verbosity.max(2),
            _ => options.verbosity,
        };
        log::install(verbosity, &renderer);
        Self {
            output: Output::new(Box::new(io::stdout()), Arc::clone(&redaction)),
            renderer,
            redaction,
            is_json: options.is_json,
        }
    }

    /// Whether lines can be drawn over where this program talks.
    pub fn has_terminal() -> bool {
        io::stderr().is_terminal()
    }

    /// What the run reports to.
    pub fn reporter(&self) -> Arc<dyn Reporter> {
        Arc::clone(&self.renderer) as Arc<dyn Reporter>
    }

    /// Where data goes.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// Whether stdout carries JSON.
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// The text without registered secrets, for files that others read.
    pub fn redact(&self, text: &str) -> String {
        self.redaction.apply(text).into_owned()
    }

    /// Shows what is held back.
    pub fn finish(&self) {
        self.renderer.finish();
    }

    /// Shows an error on stderr.
    pub fn error(&self, diagnosis: &Diagnosis) {
        self.renderer.error(diagnosis);
    }

    /// Whether a person is there to answer.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a person; gives one line without the blanks around it, or `None` at the end of input.
    pub fn ask(&self, question: &str) -> Option<String> {
        const LONGEST: u64 = 1024;
        self.finish();
        write!(io::stderr(), "{question}").ok()?;
        let mut line = String::new();
        let read = io::stdin().lock().take(LONGEST).read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim().to_owned())
    }

    /// Shows the help on stderr, where no command was given.
    pub fn show_help(&self, help: &str) {
        // The reader may be gone.
        write!(io::stderr(), "{help}").ok();
    }
}

/// The folder that paths of files begin in, from the runner's workspace, which it knows files by; empty for that itself.
fn in_workspace(environment: &Environment) -> PathBuf {
    let begin = environment
        .project()
        .unwrap_or_else(|| environment.working_directory());
    let workspace = environment.get("GITHUB_WORKSPACE");
    let folder = workspace.and_then(|workspace| begin.strip_prefix(workspace).ok());
    folder.map(Path::to_owned).unwrap_or_default()
}

impl std::fmt::Debug for Ui {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ui").finish_non_exhaustive()
    }
}
