//! The embedded ECR: one port that speaks ECR's API, STS, GitHub's OIDC issuer and the registry protocol.
//!
//! It is what `--local` runs on, and what the integration tests run against. It shares only the validators of
//! [`tagship_domain`] with the client: what it answers comes from AWS's documentation and from observation, and
//! where only AWS knows the answer it gives the stricter one ([`Quirks`] switch it).
//!
//! The house has four floors, and arrows go down only:
//!
//! - `http`: connections, TLS; it knows the faces as a router alone.
//! - `faces`: each parses a request, permits it, calls a service and words the answer.
//! - `services`: what ECR does, with the state or less in their hands.
//! - `state`: what is kept, in memory and on disk.

#![warn(missing_docs)]

mod access;
mod announcement;
#[cfg(feature = "cli")]
mod command;
mod error;
mod faces;
mod hosts;
mod http;
mod listeners;
mod local_ecr;
mod manifest;
mod opening;
mod options;
mod random;
mod refusal;
mod services;
mod state;

pub use access::{Access, SecureAccess};
#[cfg(feature = "cli")]
pub use command::ServeArguments;
pub use error::LocalError;
pub use hosts::ISSUER;
pub use local_ecr::LocalEcr;
pub use options::Options;
pub use refusal::ImmutableWording;
pub use services::oidc::GithubClaims;
pub use state::faults::{Fault, FaultAction};
pub use state::iam::AccessKey;
pub use state::journal::{HeldAt, JournalEntry};
pub use state::quirks::Quirks;
pub use state::scan_orders::{Finding, ScanOrder, ScanOutcome};
pub use state::store::error_of_panic;
pub use state::throttle::Quotas;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
