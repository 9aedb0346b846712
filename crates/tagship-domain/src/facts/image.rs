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
    /// The label `org.opencontainers.image.revision`; of an index whose images say different commits, all of them.
    pub revision: Option<String>,
    /// What each image of an index says, where they say different commits; else empty.
    #[serde(skip)]
    pub revisions: Vec<(Digest, String)>,
    /// The label `org.opencontainers.image.version`.
    pub version: Option<Version>,
    /// Whether the version is the one that its tags name, because the label names none.
    #[serde(skip)]
    pub is_version_of_tags: bool,
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

    /// Returns the digest of the image for `platform`; else the platforms that there are, which are none where the image states
    /// none.
    pub fn of_platform(&self, platform: &Platform) -> Result<Digest, Vec<Platform>> {
        let found = self.platforms.iter().find(|one| one.platform.is_same(platform));
        found.map(|one| one.digest).ok_or_else(|| self.platform_names())
    }

    /// Returns the version that the image itself says it has, and not its tags.
    pub fn own_version(&self) -> Option<&Version> {
        self.version.as_ref().filter(|_| !self.is_version_of_tags)
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
    fn an_image_is_of_the_platforms_that_it_states_alone() {
        let platform = |text| Platform::parse(text).unwrap();
        let digest = |text: &str| Digest::of(text.as_bytes());
        let mut facts = ImageFacts::default();
        assert_eq!(facts.of_platform(&platform("linux/arm64")), Err(Vec::new()));
        for text in ["linux/amd64", "linux/arm64"] {
            let (platform, digest) = (platform(text), digest(text));
            facts.platforms.push(PlatformManifest { platform, digest });
        }
        let found = facts.of_platform(&platform("linux/arm64/v8"));
        assert_eq!(found, Ok(digest("linux/arm64")));
        let has = facts.of_platform(&platform("linux/s390x")).unwrap_err();
        assert_eq!(has, [platform("linux/amd64"), platform("linux/arm64")]);
    }
}
