//! What a moving tag keeps to when it moves.

use semver::Version;

use super::Mode;
use super::kind::{Extract, Scheme};
use super::pattern::Capture;
use super::versions::ParsedVersion;
use crate::event::Mismatch;
use crate::version::TagPrefix;

/// What decides where a moving tag may move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// It names the greatest stable version of a line.
    Versions(Box<VersionLine>),
    /// It goes forward along the commits of a branch.
    Commits,
    /// It may point to any image, also to an earlier one: `order=none`.
    Anywhere,
    /// It moves nowhere: the event is about another commit than the one that is checked out.
    Elsewhere(Box<Mismatch>),
}

/// The versions among which a tag names the greatest stable one: all, those of one major, or those of one minor version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionLine {
    scheme: Scheme,
    /// This run's version.
    version: ParsedVersion,
    /// How a version stands in a git tag.
    git_tags: GitTagForm,
    /// The major, minor and patch numbers that the line's versions share with this one.
    shared: [Option<u64>; 3],
    /// What may stand before and behind a version in the registry's tags.
    affixes: [String; 2],
}

/// How versions stand in git tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GitTagForm {
    /// Behind a prefix.
    Behind(TagPrefix),
    /// Where a pattern finds them.
    Extracted(Extract),
}

impl GitTagForm {
    pub(super) fn new(extract: Option<&Extract>, prefix: Option<&TagPrefix>) -> Self {
        match (extract, prefix) {
            (Some(extract), _) => Self::Extracted(extract.clone()),
            (None, prefix) => Self::Behind(prefix.cloned().unwrap_or_default()),
        }
    }

    /// The part of a git tag that may be a version.
    fn version<'a>(&self, tag: &'a str) -> Option<&'a str> {
        match self {
            Self::Behind(prefix) => prefix.rest(tag),
            Self::Extracted(extract) => match extract.pattern.capture(tag, extract.group) {
                Capture::Text(text) => Some(text),
                Capture::NoMatch | Capture::NoGroup => None,
            },
        }
    }
}

/// A version that is greater than this run's, and the tag that it was seen in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GreaterVersion {
    /// The version.
    pub version: String,
    /// The git tag, or the registry's.
    pub tag: String,
}

impl VersionLine {
    /// All versions: the line of `latest`.
    pub(super) fn of_all(scheme: Scheme, version: ParsedVersion, git_tags: GitTagForm) -> Self {
        Self {
            scheme,
            version,
            git_tags,
            shared: [None; 3],
            affixes: Default::default(),
        }
    }

    /// The line of all versions around a version that was given or computed.
    pub(super) fn around(version: &Version, prefix: Option<&TagPrefix>) -> Option<Self> {
        let read = Scheme::Semver.read(&version.to_string(), Mode::Strict)?;
        Some(Self::of_all(Scheme::Semver, read, GitTagForm::new(None, prefix)))
    }

    /// The line of all versions around the same one.
    pub(super) fn whole(&self) -> Self {
        Self::of_all(self.scheme, self.version.clone(), self.git_tags.clone())
    }

    /// The part of this line whose versions have the same numbers as this run's where `is_shared` says so.
    #[must_use]
    pub(super) fn narrowed(self, is_shared: [bool; 3]) -> Self {
        let parts = &self.version.parts;
        let mut shared = [Some(parts.major), Some(parts.minor), Some(parts.patch)];
        for (number, is_shared) in shared.iter_mut().zip(is_shared) {
            *number = number.filter(|_| is_shared);
        }
        Self { shared, ..self }
    }

    /// The same line among tags with this before and behind the version.
    #[must_use]
    pub(super) fn within(self, prefix: &str, suffix: &str) -> Self {
        let [before, behind] = &self.affixes;
        let affixes = [format!("{prefix}{before}"), format!("{behind}{suffix}")];
        Self { affixes, ..self }
    }

    /// This run's version.
    pub fn version(&self) -> &str {
        &self.version.parts.version
    }

    /// Whether this run's version is stable: no pre-release, and no development or post-release of Python's.
    pub fn is_stable(&self) -> bool {
        !self.version.is_special
    }

    /// The greatest stable version of the line among git tags, if it is greater than this run's.
    pub fn greater_in_git(&self, tags: &[String]) -> Option<GreaterVersion> {
        self.greatest(tags.iter().map(String::as_str), |tag| {
            self.scheme.read(self.git_tags.version(tag)?, Mode::Strict)
        })
    }

    /// The greatest stable version of the line among the registry's tags, if it is greater than this run's.
    ///
    /// In a tag, `_` stands for the `+` of build metadata.
    pub fn greater_in_registry<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Option<GreaterVersion> {
        let [prefix, suffix] = &self.affixes;
        self.greatest(tags, |tag| {
            let text = tag.strip_prefix(prefix.as_str()).unwrap_or(tag);
            let text = text.strip_suffix(suffix.as_str()).unwrap_or(text);
            self.scheme.read(&text.replacen('_', "+", 1), Mode::Strict)
        })
    }

    fn greatest<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a str>,
        read: impl Fn(&str) -> Option<ParsedVersion>,
    ) -> Option<GreaterVersion> {
        let in_line = |read: &ParsedVersion| {
            let numbers = [read.parts.major, read.parts.minor, read.parts.patch];
            let shares = |(shared, number): (&Option<u64>, u64)| shared.is_none_or(|shared| shared == number);
            !read.is_special && self.shared.iter().zip(numbers).all(shares)
        };
        tags.into_iter()
            .filter_map(|tag| Some((tag, read(tag).filter(in_line)?)))
            .filter(|(_, read)| read.rank > self.version.rank)
            .max_by(|(_, a), (_, b)| a.rank.cmp(&b.rank))
            .map(|(tag, read)| GreaterVersion {
                version: read.parts.version,
                tag: tag.to_owned(),
            })
    }
}
