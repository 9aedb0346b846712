//! Builds with BuildKit over a session of one's own, through a Docker Engine or with a daemon of its own.
//!
//! [`Connection`] reaches the engine, [`Daemon`] a daemon, either is a [`BuildKit`]; [`Capabilities`] says what it can do, [`solve()`] runs one build on it, while a
//! [`Session`] answers what the build asks for: the files of a [`Folder`], secrets, and credentials of a
//! [`RegistryAuth`]. [`Progress`] reports to a [`ProgressSink`] what happens. Whatever the engine sends is taken for hostile:
//! it gets the files of its folders alone, each once, and no credential but those that it is given.

#![warn(missing_docs)]

mod call;
mod capability;
mod connect;
mod context;
mod dockerignore;
mod error;
mod event;
mod image_config;
pub mod limits;
mod progress;
mod session;
mod solve;

pub use call::{CallAnswer, call};
pub use capability::Capabilities;
pub use connect::{
    BuildKit, Connection, ContainerSpec, Daemon, DaemonPlace, EngineAddress, EnginePlace, TlsOptions,
};
pub use context::{ContextInputs, Folder};
pub use dockerignore::{FolderMatches, InvalidPattern, PatternList, clean};
pub use error::Error;
pub use event::{BuildEvent, ProgressSink, StepOutcome, Warning, WrongBase};
pub use image_config::image_config;
pub use progress::{DockerfileName, FailedStep, Progress};
pub use session::{
    Credential, Provisions, RegistryAuth, Session, cache_in_folder, name_cache_in_folder, random_id,
};
pub use solve::{Cache, Export, ExporterResponse, Order, solve};

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
