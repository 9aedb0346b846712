//! Builds on real engines: every one that `TAGSHIP_TEST_ENGINES` names.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows only test functions, not what they call"
)]

mod builds;
mod cancel;
mod failures;
mod image;
mod parity;
mod pushes;
mod reproducible;
mod support;
