//! Builds on real engines: every one that `TAGSHIP_TEST_ENGINES` names.

mod explore;
#[allow(dead_code, reason = "the registry's own tests need more of it")]
#[path = "../registry/fake.rs"]
mod fake;
mod support;
