//! AWS: identity and ECR's control plane.

mod error;

pub use error::IdentityError;
