//! The version of a commit whose versions are reviewed: its changelog names it.

use std::fs;
use std::path::Path;

use semver::Version;

use super::RunError;
use crate::regular_file;
use crate::settings::ReviewSettings;
use tagship_domain::bump::{NextVersion, VersionTag};
use tagship_domain::release::newest_version;
use tagship_domain::version::TagPrefix;

/// The most bytes of a changelog.
const MAX_CHANGELOG: u64 = 8 * 1024 * 1024;

/// The version of a commit, or else the one that is to be reviewed first.
#[derive(Debug, Default)]
pub(super) struct ReviewedVersion {
    pub(super) version: Option<Version>,
    pub(super) proposed: Option<Version>,
}

impl ReviewedVersion {
    /// A version that is not reviewed.
    pub(super) fn unreviewed(next: NextVersion) -> Self {
        Self {
            version: next.version,
            proposed: None,
        }
    }

    /// Decides which version is the commit's: that of its git tag, else that of its changelog, if no release has it yet and none
    /// before is greater.
    pub(super) fn of(
        review: &ReviewSettings,
        next: NextVersion,
        taken: &[VersionTag],
        prefix: &TagPrefix,
    ) -> Result<Self, RunError> {
        let is_tagged = next.version.is_some() && !next.released;
        if is_tagged {
            return Ok(Self::unreviewed(next));
        }
        let previous = next.previous.as_ref();
        let is_new = |version: &Version| {
            previous.is_none_or(|previous| version.cmp_precedence(previous).is_gt())
                && !taken.iter().any(|tag| tag.version == *version)
        };
        let named = newest_version(&changelog(&review.file)?, prefix).filter(is_new);
        Ok(Self {
            proposed: next.version.filter(|_| named.is_none()),
            version: named,
        })
    }
}

/// The changelog as it is checked out; empty where there is none yet.
pub(super) fn changelog(file: &Path) -> Result<String, RunError> {
    if fs::symlink_metadata(file).is_err() {
        return Ok(String::new());
    }
    regular_file::text(file, MAX_CHANGELOG).map_err(|problem| RunError::Changelog {
        path: file.to_owned(),
        problem,
    })
}
