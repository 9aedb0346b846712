//! The images that a build reads, and where each comes from.

use std::fmt;

use serde::Serialize;

use crate::error::cleaned;
use crate::reference::Digest;

/// An image that a build reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BaseImage {
    /// The image as the Dockerfile names it.
    pub image: String,
    /// The line, from 1.
    pub line: u32,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: BaseOrigin,
}

/// Where a base image comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum BaseOrigin {
    /// The registry's pull-through cache.
    Cache {
        /// The image there.
        address: String,
        /// The beginning of the names that the rule's copies have.
        rule: String,
        /// The copy that the cache has now; `None` where the first pull imports it, or where that is not known.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// The name that the builder looks it up by.
        #[serde(skip)]
        context: String,
    },
    /// The registry itself, without a rule.
    SameRegistry,
    /// Upstream: no rule is about it.
    NoRule,
    /// Upstream: its name has a variable that the builder alone knows.
    Variable,
    /// Upstream: a stage has its name, and the builder would take the cache's image for that stage too.
    StageName,
    /// It is not known: the registry was not asked.
    NotAsked,
}

impl BaseOrigin {
    /// Returns the stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cache { .. } => "cache",
            Self::SameRegistry => "same-registry",
            Self::NoRule => "no-rule",
            Self::Variable => "variable",
            Self::StageName => "stage-name",
            Self::NotAsked => "not-asked",
        }
    }
}

impl fmt::Display for BaseImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", cleaned(&self.image), self.origin)
    }
}

impl fmt::Display for BaseOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cache {
                address,
                digest: Some(digest),
                ..
            } => write!(f, "from {}, cached as {}", cleaned(address), digest.short()),
            Self::Cache { address, .. } => {
                write!(f, "from {}, imported by the first pull", cleaned(address))
            }
            Self::SameRegistry => f.write_str("from this registry already"),
            Self::NoRule => f.write_str("as it is: no rule of the pull-through cache is about it"),
            Self::Variable => f.write_str("as it is: the builder alone knows its name"),
            Self::StageName => f.write_str("as it is: a stage of the Dockerfile has the same name"),
            Self::NotAsked => f.write_str("from where is not known: the registry's rules were not read"),
        }
    }
}
