//! What the integration tests stand on: engines, checkouts, the embedded ECR, clients and a runner.
//!
//! This is the one `mod.rs` of the project: any other file directly in `tests` would be a test target of its own.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its own part")]
#![allow(
    clippy::disallowed_methods,
    reason = "tests read their set-up from the environment and take names from the time"
)]

pub mod action;
pub mod checkout;
pub mod clients;
pub mod engines;
pub mod history;
pub mod local;
pub mod page;
pub mod process;
pub mod runner;
pub mod shipping;
pub mod unique;
