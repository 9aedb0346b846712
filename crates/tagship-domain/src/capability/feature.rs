//! What a build can ask for and some engine cannot do: the table.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{Cause, EngineVersion, FeatureAnswer, ImageStore, Reason, Support, UnsupportedFeature};
use crate::build::{
    ArchiveKind, Attestation, BuildOutput, BuildRequest, CacheEntry, CacheKind, LayerForm, Question,
};

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
    /// Base images by way of a pull-through cache.
    FromCache,
    /// The size of `/dev/shm`.
    ShmSize,
    /// Limits of processes.
    Ulimit,
    /// The control group above those of build steps.
    CgroupParent,
    /// One time in all layers.
    Reproducible,
    /// Layers compressed by Zstandard.
    Zstd,
    /// A cache that is read.
    CacheFrom(CacheKind),
    /// A cache that is written.
    CacheTo(CacheKind),
    /// The result in a file.
    Output(ArchiveKind),
    /// A question about the Dockerfile.
    Call(Question),
}

impl Feature {
    /// All, in the order of the table in the documentation.
    pub const ALL: [Self; 28] = [
        Self::SeveralPlatforms,
        Self::Annotations,
        Self::Provenance,
        Self::Sbom,
        Self::BuildContexts,
        Self::FromCache,
        Self::ShmSize,
        Self::Ulimit,
        Self::CgroupParent,
        Self::Reproducible,
        Self::Zstd,
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
        Self::Output(ArchiveKind::Tar),
        Self::Output(ArchiveKind::Oci),
        Self::Output(ArchiveKind::Docker),
        Self::Call(Question::Check),
        Self::Call(Question::Outline),
        Self::Call(Question::Targets),
    ];

    /// The input that takes what `provenance` and `sbom` take.
    pub const ATTESTS: &'static str = "attests";
    /// The input that an engine alone takes: a daemon keeps no images.
    pub const LOAD: &'static str = "load";
    /// The inputs about a build that every engine and daemon takes, in the order of the table in the documentation.
    pub const EVERYWHERE: [&'static str; 34] = [
        "add-hosts",
        "allow",
        "build-args",
        "context",
        "digest-file",
        "file",
        "iidfile",
        "labels",
        "max-size",
        "merge-from",
        "metadata-file",
        "network",
        "no-cache",
        "no-cache-filters",
        "outputs",
        "platforms",
        "preset",
        "pull",
        "push",
        "registry-auth",
        "sbom-file",
        "secret-envs",
        "secret-files",
        "secrets",
        "soci",
        "ssh",
        "stall-timeout",
        "target",
        "test",
        "timeout",
        "use-docker-config",
        "volatile-build-args",
        "by-digest",
        "cache",
    ];

    /// Returns everything of a request and its outputs that some engine cannot do.
    pub fn of(request: &BuildRequest, outputs: &[BuildOutput]) -> BTreeSet<Self> {
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
            (request.reads_from_cache(), Self::FromCache),
            (options.shm_size.is_some(), Self::ShmSize),
            (!options.ulimits.is_empty(), Self::Ulimit),
            (options.cgroup_parent.is_some(), Self::CgroupParent),
            (request.reproducible, Self::Reproducible),
            (options.compression.form == LayerForm::Zstd, Self::Zstd),
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
            .chain(outputs.iter().filter_map(|output| match output {
                BuildOutput::File(kind, _) => Some(Self::Output(*kind)),
                BuildOutput::Store(_) | BuildOutput::Folder(_) => None,
            }))
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
            Self::FromCache => "from-cache",
            Self::ShmSize => "shm-size",
            Self::Ulimit => "ulimit",
            Self::CgroupParent => "cgroup-parent",
            Self::Reproducible => "reproducible",
            Self::Zstd => "compression",
            Self::CacheFrom(_) => "cache-from",
            Self::CacheTo(_) => "cache-to",
            Self::Output(_) => "outputs",
            Self::Call(_) => "call",
        }
    }

    /// The table: from when on an engine with `store` can do it.
    ///
    /// Source: release notes of Docker Engine 23.0 (`BuildKit` 0.10, which brought named contexts, `shm-size`, `ulimit`
    /// and `cgroup-parent`), 24.0 (the first to build with the containerd store as buildx does) and 26.0 (`BuildKit`
    /// 0.13, which rewrites times in layers). `BuildKit` answers for stages from 0.11 on, which 24.0 has, and checks from 0.14 on,
    /// which 27.0 has.
    pub const fn support(self, store: ImageStore) -> Support {
        use Reason::{InlineOnly, NoIndexes, NoManifests, NotCompiledIn};
        use Support::{Always, Never, Since};
        let (classic, containerd) = match self {
            Self::SeveralPlatforms | Self::Provenance | Self::Sbom => (Never(NoIndexes), Since((24, 0))),
            Self::BuildContexts | Self::FromCache | Self::ShmSize | Self::Ulimit | Self::CgroupParent => {
                (Since((23, 0)), Since((23, 0)))
            }
            Self::Annotations | Self::Output(ArchiveKind::Oci | ArchiveKind::Docker) => {
                (Never(NoManifests), Since((24, 0)))
            }
            Self::Reproducible => (Always, Since((26, 0))),
            Self::Call(Question::Outline | Question::Targets) => (Since((24, 0)), Since((24, 0))),
            Self::Call(Question::Check) => (Since((27, 0)), Since((27, 0))),
            Self::Zstd => (Always, Since((24, 0))),
            Self::Output(ArchiveKind::Tar)
            | Self::CacheFrom(CacheKind::Registry | CacheKind::Local)
            | Self::CacheTo(CacheKind::Inline) => (Always, Always),
            Self::CacheFrom(CacheKind::Gha)
            | Self::CacheTo(CacheKind::Gha | CacheKind::Registry | CacheKind::Local) => {
                (Never(InlineOnly), Since((24, 0)))
            }
            Self::CacheFrom(CacheKind::S3 | CacheKind::Azblob | CacheKind::Inline)
            | Self::CacheTo(CacheKind::S3 | CacheKind::Azblob) => {
                (Never(NotCompiledIn), Never(NotCompiledIn))
            }
        };
        match store {
            ImageStore::Classic => classic,
            ImageStore::Containerd => containerd,
            // A BuildKit daemon does everything. Source: BuildKit, README, "Cache" and "Output".
            ImageStore::None => Always,
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
            Self::Zstd => f.write_str("`compression: zstd`"),
            Self::CacheFrom(kind) | Self::CacheTo(kind) => {
                write!(f, "`{}` with `type={}`", self.input(), kind.as_str())
            }
            Self::Output(kind) => write!(f, "`outputs` with `type={},dest=…`", kind.as_str()),
            Self::Call(question) => write!(f, "`call: {}`", question.as_str()),
            _ => write!(f, "`{}`", self.input()),
        }
    }
}
