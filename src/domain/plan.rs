//! What will happen, as data.
