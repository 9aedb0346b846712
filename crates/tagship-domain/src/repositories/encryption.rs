//! How a repository encrypts its images.

use std::fmt;

use serde::Serialize;

/// How a repository encrypts its images. It is decided when the repository is made, and stays.
///
/// Source: ECR API reference, `EncryptionConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Encryption {
    /// By what.
    #[serde(rename = "type")]
    pub kind: EncryptionType,
    /// The key: its resource name, its id or its alias; the account's own `aws/ecr` when absent.
    pub key: Option<String>,
}

/// By what images are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum EncryptionType {
    /// Keys of S3.
    #[serde(rename = "AES256")]
    Aes256,
    /// A key of KMS.
    #[serde(rename = "KMS")]
    Kms,
    /// A key of KMS, in two layers.
    #[serde(rename = "KMS_DSSE")]
    KmsDsse,
}

/// Why an encryption cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEncryption {
    /// Its type is none.
    #[error("an encryption is `AES256`, `KMS` or `KMS_DSSE`")]
    Type,
    /// A key belongs to KMS.
    #[error("`AES256` takes no key")]
    KeyOfAes,
    /// The key is no key's name.
    #[error("a key has 1 to 2048 characters without blanks")]
    Key,
}

impl EncryptionType {
    /// The type as the API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes256 => "AES256",
            Self::Kms => "KMS",
            Self::KmsDsse => "KMS_DSSE",
        }
    }

    /// Reads a type, in upper or lower case.
    pub fn parse(text: &str) -> Result<Self, InvalidEncryption> {
        match text.to_ascii_uppercase().replace('-', "_").as_str() {
            "AES256" => Ok(Self::Aes256),
            "KMS" => Ok(Self::Kms),
            "KMS_DSSE" => Ok(Self::KmsDsse),
            _ => Err(InvalidEncryption::Type),
        }
    }
}

impl Encryption {
    /// What a repository has when nothing is said.
    pub const DEFAULT: Self = Self {
        kind: EncryptionType::Aes256,
        key: None,
    };

    /// Brings a type and a key together.
    pub fn new(kind: EncryptionType, key: Option<String>) -> Result<Self, InvalidEncryption> {
        if let Some(key) = &key {
            if kind == EncryptionType::Aes256 {
                return Err(InvalidEncryption::KeyOfAes);
            }
            if !(1..=2048).contains(&key.len()) || key.contains(char::is_whitespace) {
                return Err(InvalidEncryption::Key);
            }
        }
        Ok(Self { kind, key })
    }

    /// Whether a repository that has `actual` has what is declared here, as far as can be known: the API gives a key by its resource
    /// name, from which an alias cannot be found.
    pub fn is_met_by(&self, actual: &Self) -> bool {
        let is_alias = |key: &str| key.starts_with("alias/") || key.contains(":alias/");
        let same_key = match (&self.key, &actual.key) {
            (None, _) => true,
            (Some(key), _) if is_alias(key) => true,
            (Some(key), Some(actual)) => {
                key == actual || actual.rsplit_once("key/").is_some_and(|(_, id)| id == key)
            }
            (Some(_), None) => false,
        };
        self.kind == actual.kind && same_key
    }
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())?;
        match &self.key {
            Some(key) => write!(f, " with {}", crate::untrusted::cleaned(key)),
            None => Ok(()),
        }
    }
}
