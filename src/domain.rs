//! The rules: pure code without input, output, clock, environment or async.

pub mod build;
pub mod bump;
pub mod content;
pub mod event;
pub mod facts;
pub mod immutability;
pub mod lifecycle;
pub mod matrix;
pub mod paths;
pub mod plan;
pub mod reference;
pub mod tags;
pub mod template;
pub mod version;
