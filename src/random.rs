//! Random values that cannot be guessed.

use std::io;

/// Returns `N` random bytes as lower-case hex digits. Fails when the operating system gives no randomness.
pub(crate) fn hex<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(::hex::encode(bytes))
}
