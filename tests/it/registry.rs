//! The registry's client against a registry that behaves as ECR does, and against real engines.

mod client;
mod embedded;
mod faults;
mod tags;
mod uploads;
