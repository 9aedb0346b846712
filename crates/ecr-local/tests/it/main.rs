//! The embedded ECR from outside: by the AWS SDK, and by HTTP as the specifications have it.

#![expect(
    clippy::unwrap_used,
    reason = "what test functions call fails by panicking too"
)]

mod bench;
mod command;
mod floors;
mod oci;
mod sdk;
