//! STS: the query protocol's calls that give a caller a role's session.
//!
//! Source: STS API reference; AWS query protocol (`Action=…&Version=2011-06-15`, XML answers).

mod answer;
mod assume_role;
mod error;
mod parameters;
mod session;
mod web_identity;
mod xml;

pub(super) use answer::{answer, operation};
pub(super) use parameters::Parameters;
pub(super) use xml::WORDING;
