//! A client of one repository in an OCI registry, with what Amazon ECR does differently.
//!
//! [`Client`] speaks the distribution specification: uploads stream, manifests keep their bytes, every read is checked
//! against its digest, and each request is repeated while that can help. [`verify()`] reads an image back and finds it
//! whole or says what is missing. Credentials come from a [`RegistryLogin`] when they are first needed; they go to the
//! registry alone, never to the storage that it redirects to. Each request is logged by `tracing` as information, without
//! headers, body and query.

#![warn(missing_docs)]

mod authorization;
mod blob_streams;
mod client;
mod copy;
mod error;
mod failure;
mod http;
mod in_memory;
mod layout;
mod login;
mod manifests;
mod operation;
mod pacing;
mod reads;
mod referrers;
mod repository;
mod retry_policy;
mod tags;
mod tokens;
mod tree;
mod uploads;
mod verify;

pub use client::{Client, Retry};
pub use copy::{BlobProgress, CopyPlan, CopyReport, copy, upload_watched, verify_copy};
pub use error::{READ_BLOB, RegistryError, missing_permission};
pub use http::{CONNECT, KEEP_ALIVE, configured, http_client, send_logged};
pub use in_memory::{InMemoryRegistry, InMemoryState};
pub use layout::{LayoutProblem, OciLayout};
pub use login::{LoginError, RegistryCredential, RegistryLogin};
pub use reads::MAX_SMALL_BLOB;
pub use referrers::{cosign_tags, referrers_tag};
pub use repository::{BlobStream, FoundManifests, ReadRepository, ReadWhole, WriteRepository};
pub use retry_policy::{RetryPolicy, Tries};
pub use tree::{ImageTree, TreeNode};
pub use verify::{ImageDescription, VerifiedImage, describe, verify, verify_manifest};

/// Runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
