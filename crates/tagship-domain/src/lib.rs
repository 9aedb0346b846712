//! The rules: pure code without input, output, clock, environment or async.

#![warn(missing_docs)]

pub mod artifact;
pub mod base_cache;
pub mod base_digests;
pub mod build;
pub mod bump;
pub mod capability;
pub mod comparison;
pub mod content;
pub mod copying;
pub mod cost;
pub mod deploy;
pub mod dockerfile;
pub mod doctor;
pub mod error;
pub mod event;
pub mod facts;
pub mod findings;
pub mod iam;
pub mod immutability;
pub mod inventory;
pub mod lifecycle;
pub mod location;
pub mod matrix;
pub mod merging;
pub mod notice;
pub mod paths;
pub mod plan;
pub mod prune;
pub mod rebuild;
pub mod reference;
pub mod registry_settings;
pub mod release;
pub mod repositories;
pub mod setup;
pub mod signing;
pub mod tags;
pub mod template;
pub mod untrusted;
pub mod version;
pub mod yaml;

/// Runs the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
