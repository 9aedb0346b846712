//! A simulator of the GitHub Actions runner's part that runs Docker container actions.
//!
//! Source of every rule here: the runner's own code, `actions/runner` (`ContainerActionHandler`,
//! `DockerCommandManager`, `ActionCommandManager`, `ActionCommand`, `OutputManager`, `FileCommandManager`,
//! `ProcessInvoker`), as of version 2.336.

pub mod commands;
pub mod environment;
pub mod files;
pub mod folders;
pub mod mask;
pub mod parse;
pub mod run;
