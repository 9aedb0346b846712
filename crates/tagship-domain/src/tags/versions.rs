//! Versions that tags are made of: semver and Python's.

use std::str::FromStr as _;

use semver::Version;

use super::Mode;
use super::kind::Scheme;
use super::variables::Parts;
use crate::version;

/// A version, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParsedVersion {
    pub(super) parts: Parts,
    /// Whether it is a pre-release, or a development or post-release of Python's.
    pub(super) is_special: bool,
    /// Epoch and numbers: what stable versions are ordered by.
    pub(super) rank: Vec<u64>,
}

impl Scheme {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Semver => "semver",
            Self::Pep440 => "PEP 440",
        }
    }

    /// Reads `text`.
    pub(super) fn read(self, text: &str, mode: Mode) -> Option<ParsedVersion> {
        match (self, mode) {
            (Self::Semver, Mode::Strict) => {
                let version = version::from_git_tag(text)?;
                let full = version.to_string();
                Some(ParsedVersion::semver(text, &version, full))
            }
            (Self::Semver, Mode::MetadataAction) => {
                let version = as_node_reads(text)?;
                let pre = if version.pre.is_empty() { "" } else { "-" };
                let short = format!(
                    "{}.{}.{}{pre}{}",
                    version.major, version.minor, version.patch, version.pre
                );
                Some(ParsedVersion::semver(text, &version, short))
            }
            (Self::Pep440, _) => {
                let version = pep440_rs::Version::from_str(text).ok()?;
                let release = version.release();
                let part = |index: usize| release.get(index).copied().unwrap_or_default();
                let trailing_zeros = release.iter().rev().take_while(|number| **number == 0).count();
                let numbers = release.iter().take(release.len() - trailing_zeros);
                Some(ParsedVersion {
                    rank: std::iter::once(&version.epoch())
                        .chain(numbers)
                        .copied()
                        .collect(),
                    parts: Parts {
                        raw: text.to_owned(),
                        major: part(0),
                        minor: part(1),
                        patch: part(2),
                        version: match mode {
                            Mode::Strict => version.to_string(),
                            Mode::MetadataAction => with_commas(&version.to_string()),
                        },
                        build: String::new(),
                    },
                    is_special: version.any_prerelease() || version.is_post(),
                })
            }
        }
    }
}

impl ParsedVersion {
    fn semver(raw: &str, version: &Version, shown: String) -> Self {
        Self {
            parts: Parts {
                raw: raw.to_owned(),
                version: shown,
                major: version.major,
                minor: version.minor,
                patch: version.patch,
                build: version.build.replace('.', ","),
            },
            is_special: !version.pre.is_empty(),
            rank: vec![0, version.major, version.minor, version.patch],
        }
    }
}

/// A version as `node-semver` takes it: at most 256 characters, and numbers that JavaScript counts exactly.
///
/// Source: node-semver's documentation, "Versions" and the constants `MAX_LENGTH` and `MAX_SAFE_INTEGER`.
fn as_node_reads(text: &str) -> Option<Version> {
    const MAX_LENGTH: usize = 256;
    const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_991;
    let version = version::from_git_tag(text.trim()).filter(|_| text.len() <= MAX_LENGTH)?;
    [version.major, version.minor, version.patch]
        .iter()
        .all(|number| *number <= MAX_SAFE_INTEGER)
        .then_some(version)
}

/// A version of Python's as the action's library writes it: with commas between the parts of a local version.
fn with_commas(version: &str) -> String {
    match version.split_once('+') {
        Some((public, local)) => format!("{public}+{}", local.replace('.', ",")),
        None => version.to_owned(),
    }
}

/// Whether a git tag, or what stands behind its last `/`, names a pre-release in either scheme.
pub(super) fn is_prerelease(tag: &str) -> bool {
    let last = tag.rsplit('/').next().unwrap_or(tag);
    [tag, last].iter().any(|text| {
        version::from_git_tag(text).is_some_and(|version| !version.pre.is_empty())
            || pep440_rs::Version::from_str(text).is_ok_and(|version| version.any_prerelease())
    })
}
