//! The version that a run proposed for review.

use semver::Version;
use serde::Serialize;

use tagship_domain::untrusted::Untrusted;

/// The version that a run proposed for review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProposalReport {
    /// The version.
    pub version: Version,
    /// What became of the pull request.
    pub outcome: ProposalOutcome,
    /// Its page.
    pub url: String,
}

/// What became of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalOutcome {
    /// This run opened it.
    Opened,
    /// It was open, and this run changed it.
    Updated,
    /// It was as it is to be.
    Kept,
}

impl ProposalOutcome {
    /// The outcome in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Kept => "kept",
        }
    }
}

impl ProposalReport {
    /// What became of it, its name, its page.
    pub(super) fn row(&self) -> [String; 3] {
        [
            self.outcome.as_str().to_owned(),
            format!("pull request for {}", self.version),
            Untrusted::new(&self.url).to_string(),
        ]
    }
}
