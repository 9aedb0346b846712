//! Names of registries, repositories, tags and digests: distinct types with one strict constructor each.

mod digest;
mod ecr_host;
mod host;
mod name;
mod partial;

pub use digest::{Digest, DigestAlgorithm, DigestHasher};
pub use host::{AccountId, Region, RegistryHost};
pub use name::{ImageName, ImageRef, Reference, RepositoryName, Tag};
pub use partial::PartialRef;

/// Why a text is not the name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{shown}` {problem}")]
pub struct InvalidName {
    what: &'static str,
    shown: String,
    problem: &'static str,
}

impl InvalidName {
    fn new(what: &'static str, text: &str, problem: &'static str) -> Self {
        let shown = cleaned(&without_bare_password(text));
        Self { what, shown, problem }
    }
}

/// Implements the text conversions that all names share, over their one constructor `parse`.
macro_rules! text_conversions {
    ($name:ident) => {
        impl std::str::FromStr for $name {
            type Err = crate::reference::InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
use crate::untrusted::{cleaned, without_bare_password};
use text_conversions;

#[cfg(test)]
mod tests;
