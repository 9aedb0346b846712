//! The registry: ECR's data plane and the parts of its API that read a repository.

mod client;
mod failure;
mod http;
#[cfg(test)]
pub(crate) mod in_memory;
mod manifests;
mod operation;
mod patience;
mod reads;
mod repository;
mod tags;
mod uploads;
mod verify;

pub use client::Client;
pub use http::http_client;
pub use patience::Patience;
pub(crate) use reads::MAX_SMALL_BLOB;
pub use repository::Repository;
pub use verify::{VerifiedImage, describe, verify};
