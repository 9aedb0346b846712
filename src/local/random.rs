//! Random values that nobody can guess.

use std::io;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(unspecified) => Err(io::Error::other(unspecified)),
    }
}

/// `N` random bytes as lower-case hex digits.
pub(crate) fn hex<const N: usize>() -> io::Result<String> {
    bytes::<N>().map(::hex::encode)
}
