//! The checkout is what git itself says it is.

mod ancestry;
mod changes;
mod head;
mod repository;
mod surroundings;
