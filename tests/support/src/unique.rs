//! Names that no other test uses at the same time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};

/// The lower-case hex SHA-256 of `content`, by the cryptography library alone.
pub fn sha256_hex(content: &[u8]) -> String {
    hex::encode(digest(&SHA256, content))
}

/// 64 hex digits that differ from one call, process and moment to the next.
pub fn hex64() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let moment = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    sha256_hex(format!("{}-{count}-{moment}", std::process::id()).as_bytes())
}

/// A name that starts with `prefix` and is legal for images, repositories, tags and containers.
pub fn name(prefix: &str) -> String {
    format!("{prefix}-{}", &hex64()[..10])
}

/// A random-looking UUID in its usual form.
pub fn uuid() -> String {
    let hex = hex64();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32]
    )
}
