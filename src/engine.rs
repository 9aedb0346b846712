//! The Docker Engine: building with BuildKit over our own session.

mod error;

pub use error::BuildError;
