//! Random values that cannot be guessed.

use std::io;

/// `N` random bytes; fails when the operating system has no randomness to give.
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

/// A random id in the form of a UUID, version 4. Source: RFC 9562, section 5.4.
pub(crate) fn uuid() -> io::Result<String> {
    let mut bytes = bytes::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = ::hex::encode(bytes);
    let part = |range| hex.get(range).unwrap_or_default();
    Ok([part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-"))
}
