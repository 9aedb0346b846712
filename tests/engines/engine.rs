//! Builds on real engines: every one that `TAGSHIP_TEST_ENGINES` names.

mod builds;
mod caches;
mod cancel;
mod failures;
mod image;
mod options;
mod parity;
mod pushes;
mod reproducible;
mod support;
