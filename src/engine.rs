//! The Docker Engine and BuildKit daemons: an adapter to [`buildkit_session`].
//!
//! An engine with containerd's store pushes the result itself; from a [`classic`] store it is streamed out as an
//! [`archive`].

mod archive;
mod base_image;
mod base_platform;
mod builder;
mod call;
mod classic;
mod destination;
mod emulation;
mod export;
mod failure;
mod folder_cache;
mod free_space;
mod image_file;
mod named_reporter;
mod order;
mod outputs;
mod places;
mod push_watch;
mod runner;
mod saved;
mod session;
mod spread;
mod stored;
mod trial;

pub(crate) use base_image::read_dockerfile;
pub use builder::EngineBuilder;
pub use buildkit_session::ContextInputs;
pub use classic::{BaseImage, ImageForm, LayerCache, push_archive};
pub use free_space::free as free_space;
pub use runner::BuildRunner;
pub use saved::{SavedImage, SavedProblem};
pub use spread::Spread;
pub use stored::{StoredContent, StoredImage, find_image};
