//! The registry: ECR's data plane and the parts of its API that read a repository.

mod error;

pub use error::RegistryError;
