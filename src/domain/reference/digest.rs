use std::fmt;

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

    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
        Self::from_sha256(&hash)
    }

    /// The digest that an incremental SHA-256 came to.
    pub fn from_sha256(hash: &aws_lc_rs::digest::Digest) -> Self {
        let mut bytes = [0; 32];
        // Another algorithm's output is a different length; the zero digest then matches nothing.
        if let Ok(sha256) = <[u8; 32]>::try_from(hash.as_ref()) {
            bytes = sha256;
        }
        Self(bytes)
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
