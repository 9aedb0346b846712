//! Tagship.
fn main() {}
