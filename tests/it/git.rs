//! The checkout is what git itself says it is.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod ancestry;
mod changes;
mod head;
mod repository;
mod surroundings;
