//! What a published image says of itself.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;

use super::Unknown;
use crate::base_digests::BaseDigests;
use crate::build::{RequestHash, RequestPart};
use crate::content::Platform;
use crate::reference::Digest;

/// What a published image says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageFacts {
    /// The label `org.opencontainers.image.revision`.
    pub revision: Option<String>,
    /// The label `org.opencontainers.image.version`.
    pub version: Option<Version>,
    /// What it was built from beside the commit, as its label says.
    pub request: Option<RequestHash>,
    /// The base images that it was built on, as its label says.
    #[serde(skip)]
    pub bases: Option<BaseDigests>,
    /// The image whose place it takes under moving tags, as its label says.
    #[serde(skip)]
    pub replaces: Option<Digest>,
    /// One entry for each platform, in the order of the index.
    pub platforms: Vec<PlatformManifest>,
    /// Bytes of the config and the layers, compressed, over all platforms; each blob once.
    pub size: u64,
    /// Its labels.
    #[serde(skip)]
    pub labels: BTreeMap<String, String>,
    /// Why what it says could not be read, if so; then all else here is empty.
    #[serde(skip)]
    pub unread: Option<Unknown>,
}

impl ImageFacts {
    /// In what the image differs from what is asked for.
    pub fn differences(&self, request: &RequestHash) -> Vec<RequestPart> {
        request.differences(self.request.as_ref(), &self.platform_names())
    }

    /// Gives the platforms that there are where the image is not of `platform`. What says none, such as a chart, is of any.
    pub fn require_platform(&self, platform: &Platform) -> Result<(), Vec<Platform>> {
        let has = self.platform_names();
        if has.is_empty() || has.iter().any(|there| there.is_same(platform)) {
            return Ok(());
        }
        Err(has)
    }

    /// Returns the platforms, in the order of the index.
    pub fn platform_names(&self) -> Vec<Platform> {
        self.platforms.iter().map(|one| one.platform.clone()).collect()
    }
}

/// One platform's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformManifest {
    /// The platform.
    pub platform: Platform,
    /// The digest of its manifest.
    pub digest: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_of_its_platforms_and_what_says_none_is_of_any() {
        let platform = |text| Platform::parse(text).unwrap();
        let digest = Digest::of(b"image");
        let mut facts = ImageFacts::default();
        assert_eq!(facts.require_platform(&platform("linux/arm64")), Ok(()));
        for text in ["linux/amd64", "linux/arm64"] {
            let platform = platform(text);
            facts.platforms.push(PlatformManifest { platform, digest });
        }
        assert_eq!(facts.require_platform(&platform("linux/arm64")), Ok(()));
        let has = facts.require_platform(&platform("linux/s390x")).unwrap_err();
        assert_eq!(has, [platform("linux/amd64"), platform("linux/arm64")]);
    }
}
