//! Builds on real engines: every one that `TAGSHIP_TEST_ENGINES` names.

mod attestations;
mod bases;
mod builds;
mod caches;
mod cancel;
mod capabilities;
mod failures;
mod handover;
mod image;
mod logins;
mod options;
mod outputs;
mod parity;
mod peer;
mod peer_outputs;
mod platforms;
mod pushes;
mod reproducible;
mod ssh;
mod support;
