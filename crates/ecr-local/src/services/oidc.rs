//! A GitHub OIDC issuer: its keys, and the tokens of jobs.

mod claims;
mod issuer;

pub use claims::GithubClaims;
pub(crate) use issuer::Issuer;
