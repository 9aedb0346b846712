//! What a role must allow, and who may assume it: policies in the language of IAM.
//!
//! One table ([`CommandPermissions`]) says which actions each command needs; everything else here words policies from it.

mod permissions;
mod policy;
mod session;
mod terraform;
mod trust;

pub use permissions::{COMMANDS, CommandPermissions, Need, PUBLIC_COMMANDS, Permission, Scope, needed};
pub use policy::{PolicyDocument, Target, permission_policy};
pub use session::{RegistryAccess, SessionPolicy};
pub use terraform::{terraform_document, terraform_string};
pub use trust::{GithubRepository, InvalidTrust, JobFilter, RepositoryIds, SubjectForms, Trust};
