//! Tagship.
