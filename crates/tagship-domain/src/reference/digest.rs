//! The digest of a manifest or blob.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{InvalidName, text_conversions};

/// The digest of a manifest or blob: `sha256:` and 64 lower-case hex digits.
///
/// Only SHA-256 is taken, because ECR stores nothing else.
/// Source: OCI image spec, "Digests".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads `sha256:<64 lower-case hex digits>`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = |problem| InvalidName::new("digest", text, problem);
        let digits = text
            .strip_prefix("sha256:")
            .ok_or_else(|| invalid("does not start with `sha256:`"))?;
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid("has upper-case hex digits"));
        }
        let mut bytes = [0; 32];
        if hex::decode_to_slice(digits, &mut bytes).is_err() {
            return Err(invalid("is not 64 hex digits after `sha256:`"));
        }
        Ok(Self(bytes))
    }

    /// Returns the digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The 64 lower-case hex digits without the algorithm.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The algorithm and the first 12 hex digits, for people.
    pub fn short(&self) -> String {
        format!("sha256:{}", &self.hex()[..12])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_conversions!(Digest);

/// Computes the digest of content that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct DigestHasher(Sha256);

impl DigestHasher {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}
