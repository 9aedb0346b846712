//! Which part of a version a change raises.

use semver::Version;
use serde::Serialize;

/// Which part of a version a change raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The third number.
    Patch,
    /// The second.
    Minor,
    /// The first.
    Major,
}

impl Level {
    /// The level on the line of `previous`: below 1.0.0 a breaking change raises the second number.
    ///
    /// Source: Semantic Versioning 2.0.0, paragraph 4.
    pub(super) fn of_line(self, previous: &Version) -> Self {
        if previous.major == 0 {
            self.min(Self::Minor)
        } else {
            self
        }
    }

    /// The release after `previous`; `None` where its number would be too great.
    pub(super) fn after(self, previous: &Version) -> Option<Version> {
        let Version {
            major, minor, patch, ..
        } = *previous;
        Some(match self {
            Self::Major => Version::new(major.checked_add(1)?, 0, 0),
            Self::Minor => Version::new(major, minor.checked_add(1)?, 0),
            Self::Patch => Version::new(major, minor, patch.checked_add(1)?),
        })
    }

    /// The first number that differs.
    pub(super) fn between(previous: &Version, next: &Version) -> Option<Self> {
        if previous.major != next.major {
            Some(Self::Major)
        } else if previous.minor != next.minor {
            Some(Self::Minor)
        } else {
            (previous.patch != next.patch).then_some(Self::Patch)
        }
    }

    /// The level as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        }
    }
}
