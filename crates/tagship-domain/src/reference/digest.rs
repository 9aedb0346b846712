//! The digest of a manifest or blob.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha512};

use super::{InvalidName, text_conversions};

/// The digest of a manifest or blob: an algorithm's name, `:` and lower-case hex digits.
///
/// It is SHA-256 wherever ECR is spoken to, because ECR stores nothing else. Source: OCI image spec, "Digests".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(Value);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Value {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

/// What a digest is computed with. Source: OCI image spec, "Registered algorithms".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DigestAlgorithm {
    /// SHA-256, which everything that is not asked for another one is named by.
    #[default]
    Sha256,
    /// SHA-512, which a registry may take and ECR does not.
    Sha512,
}

impl DigestAlgorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name that stands before the digits.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Digest {
    /// Reads `sha256:<64 lower-case hex digits>`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        Self::parse_as(DigestAlgorithm::Sha256, text)
    }

    /// Reads a digest of any algorithm, for what a registry keeps that takes more than ECR does.
    pub fn parse_any(text: &str) -> Result<Self, InvalidName> {
        let sha512 = text.starts_with("sha512:").then_some(DigestAlgorithm::Sha512);
        Self::parse_as(sha512.unwrap_or_default(), text)
    }

    fn parse_as(algorithm: DigestAlgorithm, text: &str) -> Result<Self, InvalidName> {
        let invalid = |problem| InvalidName::new("digest", text, problem);
        let (mut sha256, mut sha512) = ([0; 32], [0; 64]);
        let (bytes, no_prefix, no_digits): (&mut [u8], _, _) = match algorithm {
            DigestAlgorithm::Sha256 => (
                &mut sha256,
                "does not start with `sha256:`",
                "is not 64 hex digits after `sha256:`",
            ),
            DigestAlgorithm::Sha512 => (
                &mut sha512,
                "does not start with `sha512:`",
                "is not 128 hex digits after `sha512:`",
            ),
        };
        let digits = text
            .strip_prefix(algorithm.name())
            .and_then(|rest| rest.strip_prefix(':'))
            .ok_or_else(|| invalid(no_prefix))?;
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(invalid("has upper-case hex digits"));
        }
        if hex::decode_to_slice(digits, bytes).is_err() {
            return Err(invalid(no_digits));
        }
        Ok(Self(match algorithm {
            DigestAlgorithm::Sha256 => Value::Sha256(sha256),
            DigestAlgorithm::Sha512 => Value::Sha512(sha512),
        }))
    }

    /// Returns the SHA-256 of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self::of_as(DigestAlgorithm::Sha256, content)
    }

    /// Returns the digest of `content` in an algorithm.
    pub fn of_as(algorithm: DigestAlgorithm, content: &[u8]) -> Self {
        let mut hasher = DigestHasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// What it was computed with.
    pub fn algorithm(&self) -> DigestAlgorithm {
        match self.0 {
            Value::Sha256(_) => DigestAlgorithm::Sha256,
            Value::Sha512(_) => DigestAlgorithm::Sha512,
        }
    }

    /// The lower-case hex digits without the algorithm.
    pub fn hex(&self) -> String {
        match self.0 {
            Value::Sha256(bytes) => hex::encode(bytes),
            Value::Sha512(bytes) => hex::encode(bytes),
        }
    }

    /// The algorithm and the first 12 hex digits, for people.
    pub fn short(&self) -> String {
        format!("{}:{}", self.algorithm().name(), &self.hex()[..12])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm().name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_conversions!(Digest);

/// Computes the digest of content that comes in pieces: SHA-256, unless another algorithm is named.
#[derive(Debug, Clone)]
pub struct DigestHasher(Hasher);

#[derive(Debug, Clone)]
enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl DigestHasher {
    /// Begins a digest of an algorithm.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha256 => Hasher::Sha256(Sha256::default()),
            DigestAlgorithm::Sha512 => Hasher::Sha512(Sha512::default()),
        })
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Hasher::Sha256(hash) => hash.update(bytes),
            Hasher::Sha512(hash) => hash.update(bytes),
        }
    }

    /// Returns the digest of all bytes.
    pub fn finish(self) -> Digest {
        Digest(match self.0 {
            Hasher::Sha256(hash) => Value::Sha256(hash.finalize().into()),
            Hasher::Sha512(hash) => Value::Sha512(hash.finalize().into()),
        })
    }
}

impl Default for DigestHasher {
    fn default() -> Self {
        Self::new(DigestAlgorithm::Sha256)
    }
}
