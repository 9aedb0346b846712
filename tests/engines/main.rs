//! Tests on real Docker engines and clients: every engine that `TAGSHIP_TEST_ENGINES` names.

#![expect(
    clippy::unwrap_used,
    reason = "what test functions call fails by panicking too"
)]

mod action;
mod archives;
mod bad_input;
mod base_changed;
mod builders;
mod client_requests;
mod clients;
mod engine;
mod faults;
mod from_cache;
mod github_release;
mod layouts;
mod log;
mod many_targets;
mod multi_platform;
mod permissions;
mod pipeline_build;
mod pipeline_gate;
mod pipeline_local;
mod pipeline_moving;
mod pipeline_ship;
mod promotion;
mod public;
mod pull_requests;
mod release;
mod several_images;
mod trial;
