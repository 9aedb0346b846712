//! What this program is built from, as `build.rs` found it.

/// The version, the commit and the day of that commit, such as `1.2.3 (0123456789ab 2026-01-31)`.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_STAMP"), ")");
