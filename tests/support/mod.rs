//! What the integration tests stand on: engines, checkouts, the embedded ECR, clients and a runner.
//!
//! This is the one `mod.rs` of the project: any other file directly in `tests` would be a test target of its own.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its own part")]

pub mod checkout;
pub mod clients;
pub mod engines;
pub mod process;
pub mod runner;
pub mod unique;
