//! What GitHub says of a repository.

use serde::Deserialize;

use super::payload::{PayloadError, lenient};

/// What GitHub says of a repository. Source: GitHub docs, REST API, "Get a repository".
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct RepositoryInfo {
    /// The name, without its owner.
    #[serde(deserialize_with = "lenient")]
    pub name: Option<String>,
    /// The description.
    #[serde(deserialize_with = "lenient")]
    pub description: Option<String>,
    /// The web address.
    #[serde(deserialize_with = "lenient")]
    pub html_url: Option<String>,
    /// The default branch.
    #[serde(deserialize_with = "lenient")]
    pub default_branch: Option<String>,
    /// The licence.
    #[serde(deserialize_with = "lenient")]
    pub license: Option<License>,
}

/// A repository's licence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct License {
    /// Its SPDX identifier; `NOASSERTION` when GitHub found a licence that it does not know.
    #[serde(deserialize_with = "lenient")]
    pub spdx_id: Option<String>,
}

impl RepositoryInfo {
    /// The most bytes of an answer that are read.
    pub const MAX_BYTES: usize = 1024 * 1024;

    /// Reads GitHub's answer; a field of another type than GitHub's counts as absent.
    pub fn parse(json: &[u8]) -> Result<Self, PayloadError> {
        if json.len() > Self::MAX_BYTES {
            return Err(PayloadError::TooLong {
                most: Self::MAX_BYTES,
            });
        }
        serde_json::from_slice(json).map_err(|error| PayloadError::NotJson(error.to_string()))
    }

    /// The licence's SPDX identifier.
    pub fn spdx_id(&self) -> Option<&str> {
        self.license.as_ref()?.spdx_id.as_deref()
    }
}
