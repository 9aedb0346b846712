//! The simulated runner against the rules of the real one.
//!
//! The expected values come from the runner's documentation and source, and from what Docker does.

mod lines;
mod steps;
mod written_files;
