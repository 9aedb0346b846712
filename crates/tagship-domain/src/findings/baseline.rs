//! The released image that findings are compared with: what it has too is not new.

use std::collections::BTreeMap;
use std::fmt;

use semver::Version;
use serde::Serialize;

use super::finding::Finding;
use super::severity::Severity;
use crate::reference::{Digest, Tag};
use crate::version::{from_git_tag, release_tag};

/// The most releases that are looked up.
const MOST_TAGS: usize = 20;

/// The image that findings are compared with, where only new ones count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Baseline {
    /// The release before.
    Released(ReleasedBefore),
    /// There is none, so that every finding counts.
    Missing(NoBaseline),
}

/// The release before an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleasedBefore {
    /// Its tag.
    pub tag: Tag,
    /// Its manifest or index.
    pub digest: Digest,
    /// Its images, which are what is scanned.
    #[serde(skip)]
    pub images: Vec<Digest>,
}

/// Why findings are compared with none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum NoBaseline {
    /// No release is below this version, and there is no `latest`.
    NoRelease,
    /// The registry was not asked.
    Unchecked,
    /// The registry's tags, or the release's manifest, could not be read.
    Unread {
        /// Why; cleaned.
        message: String,
    },
    /// No findings of the release can be read.
    NotScanned {
        /// The release's tag.
        tag: Tag,
        /// Why; cleaned.
        status: String,
    },
}

impl fmt::Display for NoBaseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRelease => f.write_str("there is no release before this image"),
            Self::Unchecked => f.write_str("the registry was not asked for the release before"),
            Self::Unread { message } => write!(f, "the release before could not be read: {message}"),
            Self::NotScanned { tag, status } => {
                write!(f, "`{tag}` has no findings to compare with: {status}")
            }
        }
    }
}

/// The tags among which the release before an image is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReleaseSearch<'a> {
    /// The image's version; without one every release is before it.
    pub version: Option<&'a Version>,
    /// What stands before and behind the version in the image's own release tag, such as `-alpine`.
    affixes: [&'a str; 2],
}

impl<'a> ReleaseSearch<'a> {
    /// Returns the search for an image of `version` with these tags.
    pub fn new(version: Option<&'a Version>, tags: impl IntoIterator<Item = &'a Tag>) -> Self {
        let text = version.and_then(|version| release_tag(version).ok());
        let affixes = text.and_then(|text| {
            let mut tags = tags.into_iter();
            let split = tags.find_map(|tag| tag.as_str().split_once(text.as_str()))?;
            Some([split.0, split.1])
        });
        Self {
            version,
            affixes: affixes.unwrap_or_default(),
        }
    }

    /// Returns the tags of stable releases below the version, the greatest first, and last `latest`.
    pub fn tags(&self, all: &[Tag]) -> Vec<Tag> {
        let [before, behind] = self.affixes;
        let mut releases: Vec<(Version, &Tag)> = all
            .iter()
            .filter_map(|tag| {
                let text = tag.as_str().strip_prefix(before)?.strip_suffix(behind)?;
                Some((from_git_tag(&text.replacen('_', "+", 1))?, tag))
            })
            .filter(|(version, _)| {
                let is_below = |ours: &Version| version.cmp_precedence(ours).is_lt();
                version.pre.is_empty() && self.version.is_none_or(is_below)
            })
            .collect();
        releases.sort_by(|(a, _), (b, _)| b.cmp(a));
        let latest = Tag::parse(&format!("{before}latest{behind}")).ok();
        let releases = releases.into_iter().map(|(_, tag)| tag.clone());
        releases.take(MOST_TAGS).chain(latest).collect()
    }
}

/// What the release before an image has.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct EarlierFindings {
    /// Where they come from.
    pub baseline: Baseline,
    #[serde(skip)]
    known: BTreeMap<Identity, (Severity, bool)>,
}

/// What makes two findings the same in two images: the vulnerability, the package's name and its file. A new version of the
/// package that has the vulnerability still has no new finding.
type Identity = (String, String, Option<String>);

/// How a finding stands to the release before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// The release has it not.
    New,
    /// The release has it, and it is worse now: in severity, or because an exploit is known.
    Worse,
    /// The release has it too.
    Known,
}

impl EarlierFindings {
    /// Returns what is known of a baseline. Without one, or without its findings, every finding is new.
    pub fn new(baseline: Baseline, findings: Vec<Finding>) -> Self {
        let mut known: BTreeMap<Identity, (Severity, bool)> = BTreeMap::new();
        if matches!(baseline, Baseline::Released(_)) {
            for finding in findings {
                let (severity, is_exploitable) = known
                    .entry(identity(&finding))
                    .or_insert((finding.severity, finding.is_exploitable));
                *severity = (*severity).max(finding.severity);
                *is_exploitable |= finding.is_exploitable;
            }
        }
        Self { baseline, known }
    }

    /// Whether the release before has a finding too, and no milder.
    pub fn knows(&self, finding: &Finding) -> bool {
        self.novelty(finding) == Novelty::Known
    }

    /// Returns how a finding stands to the release before.
    pub fn novelty(&self, finding: &Finding) -> Novelty {
        match self.known.get(&identity(finding)) {
            None => Novelty::New,
            Some((severity, is_exploitable))
                if finding.severity > *severity || finding.is_exploitable && !is_exploitable =>
            {
                Novelty::Worse
            }
            Some(_) => Novelty::Known,
        }
    }
}

fn identity(finding: &Finding) -> Identity {
    let package = &finding.package;
    (
        finding.vulnerability.clone(),
        package.name.clone(),
        package.path.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        Tag::parse(text).unwrap()
    }

    fn candidates(version: Option<&str>, own: &[&str], all: &[&str]) -> Vec<String> {
        let version = version.map(|text| Version::parse(text).unwrap());
        let own: Vec<Tag> = own.iter().map(|text| tag(text)).collect();
        let all: Vec<Tag> = all.iter().map(|text| tag(text)).collect();
        let search = ReleaseSearch::new(version.as_ref(), &own);
        search.tags(&all).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_release_before_is_the_greatest_stable_one_below() {
        let all = [
            "1.9.0",
            "1.10.0",
            "1.10.1-rc.1",
            "2.0.0",
            "1",
            "1.10",
            "sha-abc",
            "latest",
        ];
        assert_eq!(
            candidates(Some("1.10.1"), &["1.10.1", "sha-0123"], &all),
            ["1.10.0", "1.9.0", "latest"]
        );
        // A pre-release comes after what is stable below it.
        assert_eq!(
            candidates(Some("2.0.0-rc.2"), &["2.0.0-rc.2"], &all),
            ["1.10.0", "1.9.0", "latest"]
        );
        // A commit without a version comes after all that is released.
        assert_eq!(
            candidates(None, &["sha-0123"], &all),
            ["2.0.0", "1.10.0", "1.9.0", "latest"]
        );
        assert_eq!(candidates(Some("1.0.0"), &["1.0.0"], &["1.0.0"]), ["latest"]);
    }

    #[test]
    fn an_image_of_a_flavor_comes_after_one_of_the_same() {
        let all = ["1.0.0", "1.0.0-alpine", "1.1.0", "v1.0.0", "1.0.0_b1-alpine"];
        assert_eq!(
            candidates(Some("1.2.0"), &["sha-0123-alpine", "1.2.0-alpine"], &all),
            ["1.0.0_b1-alpine", "1.0.0-alpine", "latest-alpine"]
        );
        assert_eq!(
            candidates(Some("1.2.0"), &["v1.2.0"], &all),
            ["v1.0.0", "vlatest"]
        );
    }

    #[test]
    fn no_more_tags_are_looked_up_than_one_request_takes() {
        let all: Vec<String> = (0..500).map(|patch| format!("1.0.{patch}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let found = candidates(None, &[], &all);
        assert_eq!(found.len(), MOST_TAGS + 1);
        assert_eq!(found[0], "1.0.499");
    }
}
