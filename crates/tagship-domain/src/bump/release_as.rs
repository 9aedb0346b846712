//! The version that a footer `Release-As` asks for.

use semver::Version;

use super::{BumpError, Commit, VersionTag};

/// The newest footer `Release-As` among the commits: the last one counts.
#[derive(Debug)]
pub(super) struct ReleaseAs<'a> {
    newest: Option<(&'a Commit, &'a str)>,
    /// The git tag that has the version already.
    pub(super) taken: Option<&'a VersionTag>,
}

impl<'a> ReleaseAs<'a> {
    /// Finds the footer, and whether it is spent: its version is tagged, be it on a commit that HEAD does not contain. So
    /// it is after the branch of a release was rebased, squashed or cherry-picked.
    pub(super) fn of(tags: &'a [VersionTag], commits: &'a [Commit]) -> Self {
        let newest = commits
            .iter()
            .find_map(|commit| commit.release_as().map(|text| (commit, text)));
        let version = newest.and_then(|(_, text)| read(text));
        let taken = version.and_then(|version| {
            tags.iter()
                .find(|tag| tag.is_stable() && tag.version.cmp_precedence(&version).is_eq())
        });
        Self { newest, taken }
    }

    /// Whether this commit asks for a version that is still free.
    pub(super) fn is_by(&self, commit: &Commit) -> bool {
        self.taken.is_none() && commit.release_as().is_some()
    }

    /// The footer that is spent, its commit, and the tag that has its version.
    pub(super) fn spent(&self) -> Option<(&'a str, &'a Commit, &'a VersionTag)> {
        let (commit, text) = self.newest?;
        Some((text, commit, self.taken?))
    }

    /// The version, if one is asked for that is not taken.
    pub(super) fn version(&self, previous: Option<&VersionTag>) -> Result<Option<Version>, BumpError> {
        let Some((commit, text)) = self.newest.filter(|_| self.taken.is_none()) else {
            return Ok(None);
        };
        let wrong = |problem: String| BumpError::ReleaseAs {
            text: text.to_owned(),
            commit: commit.id.clone(),
            problem,
        };
        let version = read(text).ok_or_else(|| wrong("is not a semantic version".to_owned()))?;
        if !version.pre.is_empty() || !version.build.is_empty() {
            return Err(wrong("is not a release".to_owned()));
        }
        match previous {
            Some(previous) if version.cmp_precedence(&previous.version).is_le() => {
                Err(wrong(format!("is not greater than `{}`", previous.name)))
            }
            _ => Ok(Some(version)),
        }
    }
}

fn read(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}
