//! Builds on real engines: every one that `TAGSHIP_TEST_ENGINES` names.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows only test functions, not what they call"
)]

mod builds;
mod cancel;
mod failures;
#[allow(dead_code, reason = "the registry's own tests need more of it")]
#[path = "../registry/fake.rs"]
mod fake;
mod image;
mod parity;
mod pushes;
mod reproducible;
mod support;
