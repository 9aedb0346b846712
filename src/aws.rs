//! AWS: identity and ECR's control plane.
//!
//! Credentials are fetched when the first call needs them, live in memory and renew themselves; nothing here
//! contacts AWS before that. The environment is read by `aws-config` alone: its chain of credentials, and what it
//! knows of profiles, FIPS and dual-stack endpoints, endpoints of single services and proxies.

mod assume;
mod chain;
mod claims;
mod connection;
mod ecr;
mod endpoint;
mod error;
mod existing;
mod failure;
mod machine;
mod oidc;
mod refusal;
mod retry_policy;
mod role;

pub use claims::{Claims, SubjectForm};
pub use ecr::{Ecr, ManagedSigning, PublicRepositories, RegistryRepositories, Replication, RepositoryScans};
pub use error::{AssumeDenied, IdentityError};
pub use oidc::claims_of;
pub use role::RoleArn;

#[cfg(test)]
mod tests;
