//! Who calls, and what they may do: the administrator's key, roles, their sessions and policies.

mod caller;
mod condition;
mod decision;
mod grammar;
mod identities;
mod managed;
mod policy;
mod principal;
mod principals;
mod roles;
mod seal;
mod statement;

pub(crate) use caller::Caller;
pub(crate) use decision::Request;
pub(crate) use grammar::{PolicyDecision, PolicyProblem, matches as wildcard};
pub(crate) use identities::Iam;
pub(crate) use policy::{Policy, ResourcePolicy};
pub use principal::AccessKey;
pub(crate) use principal::{BadCredentials, Principal, Session, key_id};
pub(crate) use roles::{EXAMPLE_ROLE, Role, Roles};
pub(crate) use seal::Seal;

#[cfg(test)]
mod tests;
