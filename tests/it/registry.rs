//! The registry's client against a registry that behaves as ECR does, and against real engines.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows only test functions, not what they call"
)]

mod client;
mod embedded;
mod faults;
mod tags;
mod uploads;
