//! What an engine or a BuildKit daemon can do of what a build asks for: a table, because engines silently ignore what they
//! cannot do.
//!
//! Source: moby, `builder/builder-next` (`newGraphDriverController` and `newSnapshotterController`); measured with
//! Engine 20.10.24 and 28.5.2, the latter with both image stores.

mod feature;

use std::fmt;

use serde::Serialize;

pub use self::feature::Feature;
use crate::build::{BuildOutput, BuildRequest};

/// How an engine stores images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageStore {
    /// The graph drivers: uncompressed layers, no manifests.
    Classic,
    /// containerd's content store: manifests and compressed layers.
    Containerd,
    /// None: a BuildKit daemon, which is no engine.
    None,
}

impl fmt::Display for ImageStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic image store",
            Self::Containerd => "containerd image store",
            Self::None => "no image store",
        })
    }
}

/// The beginning of an engine's version: `(28, 5)` of `28.5.2`.
pub type EngineVersion = (u32, u32);

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
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoIndexes => "that store holds single images only",
            Self::NoManifests => "that store keeps no manifests",
            Self::InlineOnly => "with that store a cache goes into the image only, by `type=inline`",
            Self::NotCompiledIn => "engines are made without that kind of cache",
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

impl UnsupportedFeature {
    /// Returns every wish of a request that an engine cannot fulfil.
    pub fn all(
        request: &BuildRequest,
        outputs: &[BuildOutput],
        store: ImageStore,
        version: EngineVersion,
    ) -> Vec<Self> {
        let answers = Feature::of(request, outputs)
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
                     `{{\"features\": {{\"containerd-snapshotter\": true}}}}` in `daemon.json`, name a BuildKit daemon with \
                     `builders`, or {leave_out}"
                )
            }
            Cause::Never(Reason::NotCompiledIn) => {
                "use `type=registry`, or `type=gha` in GitHub Actions, or name a BuildKit daemon with `builders`"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for UnsupportedFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.feature)?;
        match self.cause {
            Cause::OlderThan((major, minor)) if matches!(self.feature, Feature::Call(_)) => {
                write!(f, "engines before {major}.{minor} do not answer it")
            }
            Cause::OlderThan((major, minor)) => write!(f, "engines before {major}.{minor} ignore it"),
            Cause::Never(reason) => reason.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
