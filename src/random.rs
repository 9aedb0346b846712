//! Tokens that nobody can guess.

use aws_lc_rs::rand;

/// 128 random bits as 32 hex digits; `None` when the operating system has no randomness to give.
pub fn hex_token() -> Option<String> {
    let mut bytes = [0_u8; 16];
    rand::fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
}
