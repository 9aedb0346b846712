//! AWS: identity and ECR's control plane.
//!
//! Credentials are fetched when the first call needs them, live in memory and renew themselves; nothing here
//! contacts AWS before that. The environment is read by `aws-config`: its chain of credentials, and what it knows of
//! profiles, FIPS and dual-stack endpoints and endpoints of single services; how servers are reached is [`crate::network`]'s.

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
mod notices;
mod oidc;
mod refusal;
mod retry_policy;
mod role;
mod transport;

pub use claims::{Claims, SubjectForm};
pub use ecr::{Ecr, ManagedSigning, PublicRepositories, RegistryRepositories, Replication, RepositoryScans};
pub use error::{AssumeDenied, IdentityError};
pub use notices::{AwsNotices, AwsReceiver};
pub use oidc::claims_of;
pub use role::RoleArn;

#[cfg(test)]
mod tests;
