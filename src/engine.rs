//! The Docker Engine: building with BuildKit over our own session.
//!
//! [`connect`] reaches the engine, [`capability`] finds out what it can do, [`solve`] runs one build on it, while
//! [`session`] answers what the build asks for: the [`context`]'s files, secrets and credentials.
//! An engine with containerd's store pushes the result itself; from a classic store it is streamed out
//! as an [`archive`].

mod archive;
mod builder;
mod capability;
mod classic;
mod connect;
mod context;
mod dockerignore;
mod failure;
mod progress;
mod session;
mod solve;

pub use builder::EngineBuilder;
pub use classic::{LayerCache, Times, push_archive};
pub use context::ContextInputs;
