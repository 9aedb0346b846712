//! What an engine can do of what a build asks for: a table, because engines silently ignore what they cannot do.
//!
//! Source: moby, `builder/builder-next` (`newGraphDriverController` and `newSnapshotterController`); measured with
//! Engine 20.10.24 and 28.5.2, the latter with both image stores.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::build::{Attestation, BuildRequest, CacheEntry, CacheKind};

/// How an engine stores images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageStore {
    /// The graph drivers: uncompressed layers, no manifests.
    Classic,
    /// containerd's content store: manifests and compressed layers.
    Containerd,
}

impl fmt::Display for ImageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic image store",
            Self::Containerd => "containerd image store",
        })
    }
}

/// The beginning of an engine's version: `(28, 5)` of `28.5.2`.
pub type EngineVersion = (u32, u32);

/// Something that a build can ask for and some engine cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// More than one platform in one index.
    SeveralPlatforms,
    /// Annotations.
    Annotations,
    /// The attestation of how it was built.
    Provenance,
    /// The attestation of what it is made of.
    Sbom,
    /// Contexts beside the main one.
    BuildContexts,
    /// The size of `/dev/shm`.
    ShmSize,
    /// Limits of processes.
    Ulimit,
    /// The control group above those of build steps.
    CgroupParent,
    /// One time in all layers.
    Reproducible,
    /// A cache that is read.
    CacheFrom(CacheKind),
    /// A cache that is written.
    CacheTo(CacheKind),
}

/// From which version on an engine with one store can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// As long as it can build.
    Always,
    /// From this version on.
    Since(EngineVersion),
    /// In no version.
    Never(Reason),
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("yes"),
            Self::Since((major, minor)) => write!(f, "from {major}.{minor} on"),
            Self::Never(reason) => write!(f, "no: {reason}"),
        }
    }
}

/// Why no version of an engine can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The store holds single images.
    NoIndexes,
    /// The store has no manifests.
    NoManifests,
    /// The engine keeps no cache of that kind with that store.
    InlineOnly,
    /// The engine is made without that kind of cache.
    NotCompiledIn,
    /// Tagship does not serve what the engine would ask for.
    NotServed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoIndexes => "that store holds single images only",
            Self::NoManifests => "that store keeps no manifests",
            Self::InlineOnly => "with that store a cache goes into the image only, by `type=inline`",
            Self::NotCompiledIn => "engines are made without that kind of cache",
            Self::NotServed => "Tagship does not serve a folder as cache",
        })
    }
}

/// What an engine answers to a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureAnswer {
    /// It does it.
    Satisfied,
    /// It would leave it out or fail late.
    Refused(UnsupportedFeature),
}

/// A wish that an engine cannot fulfil, why, and the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UnsupportedFeature {
    /// The wish.
    pub feature: Feature,
    /// Why.
    pub cause: Cause,
}

/// Why an engine cannot do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It is older than this.
    OlderThan(EngineVersion),
    /// No version can, for this reason.
    Never(Reason),
}

impl Feature {
    /// All, in the order of the table in the documentation.
    pub const ALL: [Self; 20] = [
        Self::SeveralPlatforms,
        Self::Annotations,
        Self::Provenance,
        Self::Sbom,
        Self::BuildContexts,
        Self::ShmSize,
        Self::Ulimit,
        Self::CgroupParent,
        Self::Reproducible,
        Self::CacheFrom(CacheKind::Registry),
        Self::CacheFrom(CacheKind::Gha),
        Self::CacheFrom(CacheKind::Local),
        Self::CacheFrom(CacheKind::S3),
        Self::CacheFrom(CacheKind::Azblob),
        Self::CacheTo(CacheKind::Inline),
        Self::CacheTo(CacheKind::Registry),
        Self::CacheTo(CacheKind::Gha),
        Self::CacheTo(CacheKind::Local),
        Self::CacheTo(CacheKind::S3),
        Self::CacheTo(CacheKind::Azblob),
    ];

    /// Returns everything of a request that some engine cannot do.
    pub fn of(request: &BuildRequest) -> BTreeSet<Self> {
        let options = &request.options;
        let wishes = [
            (request.platforms.len() > 1, Self::SeveralPlatforms),
            (!options.annotations.is_empty(), Self::Annotations),
            (
                options.attestations.contains_key(&Attestation::Provenance),
                Self::Provenance,
            ),
            (options.attestations.contains_key(&Attestation::Sbom), Self::Sbom),
            (!options.contexts.is_empty(), Self::BuildContexts),
            (options.shm_size.is_some(), Self::ShmSize),
            (!options.ulimits.is_empty(), Self::Ulimit),
            (options.cgroup_parent.is_some(), Self::CgroupParent),
            (request.reproducible, Self::Reproducible),
        ];
        let kind = |entry: &CacheEntry| entry.kind;
        // Those that are optional are left out where they are not possible.
        let required = !options.is_cache_optional;
        let from = options.cache_from.iter().filter(|_| required);
        let to = options.cache_to.iter().filter(|_| required);
        wishes
            .into_iter()
            .filter_map(|(wished, feature)| wished.then_some(feature))
            .chain(from.map(kind).map(Self::CacheFrom))
            .chain(to.map(kind).map(Self::CacheTo))
            .collect()
    }

    /// Returns the input that asks for it.
    pub const fn input(self) -> &'static str {
        match self {
            Self::SeveralPlatforms => "platforms",
            Self::Annotations => "annotations",
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
            Self::BuildContexts => "build-contexts",
            Self::ShmSize => "shm-size",
            Self::Ulimit => "ulimit",
            Self::CgroupParent => "cgroup-parent",
            Self::Reproducible => "reproducible",
            Self::CacheFrom(_) => "cache-from",
            Self::CacheTo(_) => "cache-to",
        }
    }

    /// The table: from when on an engine with `store` can do it.
    ///
    /// Source: release notes of Docker Engine 23.0 (`BuildKit` 0.10, which brought named contexts, `shm-size`, `ulimit`
    /// and `cgroup-parent`), 24.0 (the first to build with the containerd store as buildx does) and 26.0 (`BuildKit`
    /// 0.13, which rewrites times in layers).
    pub const fn support(self, store: ImageStore) -> Support {
        use Reason::{InlineOnly, NoIndexes, NoManifests, NotCompiledIn, NotServed};
        use Support::{Always, Never, Since};
        let (classic, containerd) = match self {
            Self::SeveralPlatforms | Self::Provenance | Self::Sbom => (Never(NoIndexes), Since((24, 0))),
            Self::Annotations => (Never(NoManifests), Since((24, 0))),
            Self::BuildContexts | Self::ShmSize | Self::Ulimit | Self::CgroupParent => {
                (Since((23, 0)), Since((23, 0)))
            }
            Self::Reproducible => (Always, Since((26, 0))),
            Self::CacheFrom(CacheKind::Registry) | Self::CacheTo(CacheKind::Inline) => (Always, Always),
            Self::CacheFrom(CacheKind::Gha) | Self::CacheTo(CacheKind::Gha | CacheKind::Registry) => {
                (Never(InlineOnly), Since((24, 0)))
            }
            Self::CacheFrom(CacheKind::Local) | Self::CacheTo(CacheKind::Local) => {
                (Never(NotServed), Never(NotServed))
            }
            Self::CacheFrom(CacheKind::S3 | CacheKind::Azblob | CacheKind::Inline)
            | Self::CacheTo(CacheKind::S3 | CacheKind::Azblob) => {
                (Never(NotCompiledIn), Never(NotCompiledIn))
            }
        };
        match store {
            ImageStore::Classic => classic,
            ImageStore::Containerd => containerd,
        }
    }

    /// Returns what an engine answers.
    pub fn answer(self, store: ImageStore, version: EngineVersion) -> FeatureAnswer {
        let cause = match self.support(store) {
            Support::Always => return FeatureAnswer::Satisfied,
            Support::Since(first) if version >= first => return FeatureAnswer::Satisfied,
            Support::Since(first) => Cause::OlderThan(first),
            Support::Never(reason) => Cause::Never(reason),
        };
        FeatureAnswer::Refused(UnsupportedFeature { feature: self, cause })
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SeveralPlatforms => f.write_str("several `platforms`"),
            Self::CacheFrom(kind) | Self::CacheTo(kind) => {
                write!(f, "`{}` with `type={}`", self.input(), kind.as_str())
            }
            _ => write!(f, "`{}`", self.input()),
        }
    }
}

impl UnsupportedFeature {
    /// Returns every wish of a request that an engine cannot fulfil.
    pub fn all(request: &BuildRequest, store: ImageStore, version: EngineVersion) -> Vec<Self> {
        let answers = Feature::of(request)
            .into_iter()
            .map(|feature| feature.answer(store, version));
        answers
            .filter_map(|answer| match answer {
                FeatureAnswer::Satisfied => None,
                FeatureAnswer::Refused(refusal) => Some(refusal),
            })
            .collect()
    }

    /// Returns the request without the optional caches that an engine does not take, and why each is left out.
    pub fn without_optional_caches(
        request: &BuildRequest,
        store: ImageStore,
        version: EngineVersion,
    ) -> (BuildRequest, Vec<Self>) {
        let mut request = request.clone();
        let mut left_out = Vec::new();
        let options = &mut request.options;
        if options.is_cache_optional {
            let mut takes = |feature: Feature| match feature.answer(store, version) {
                FeatureAnswer::Satisfied => true,
                FeatureAnswer::Refused(refusal) => {
                    left_out.push(refusal);
                    false
                }
            };
            options
                .cache_from
                .retain(|entry| takes(Feature::CacheFrom(entry.kind)));
            options
                .cache_to
                .retain(|entry| takes(Feature::CacheTo(entry.kind)));
        }
        (request, left_out)
    }

    /// Returns what the user can do: one imperative sentence.
    pub fn way_out(&self) -> String {
        let leave_out = format!("leave {} out", self.feature);
        match self.cause {
            Cause::OlderThan((major, minor)) => {
                format!("update the engine to {major}.{minor} or later, or {leave_out}")
            }
            Cause::Never(Reason::NoIndexes | Reason::NoManifests | Reason::InlineOnly) => {
                format!(
                    "switch the engine to the containerd image store, which is Docker 29's default and in 24 to 28 \
                     `{{\"features\": {{\"containerd-snapshotter\": true}}}}` in `daemon.json`, or {leave_out}"
                )
            }
            Cause::Never(Reason::NotCompiledIn | Reason::NotServed) => {
                "use `type=registry`, or `type=gha` in GitHub Actions".to_owned()
            }
        }
    }
}

impl fmt::Display for UnsupportedFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.feature)?;
        match self.cause {
            Cause::OlderThan((major, minor)) => write!(f, "engines before {major}.{minor} ignore it"),
            Cause::Never(reason) => reason.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
