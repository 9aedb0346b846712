//! The name of a series of pre-releases.

use std::fmt;
use std::str::FromStr;

use semver::Prerelease;

/// The name of a series of pre-releases: `rc` in `1.4.0-rc.2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel(String);

/// A text is no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a channel is a letter, and up to 49 letters, digits and `-` behind it")]
pub struct InvalidChannel;

impl Channel {
    /// Reads a channel. Source: Semantic Versioning 2.0.0, paragraph 9; what begins with a letter is no number.
    pub fn parse(text: &str) -> Result<Self, InvalidChannel> {
        let is_legal = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.len() <= 50
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if is_legal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidChannel)
        }
    }

    /// The number of a pre-release, if it is one of this channel.
    pub(super) fn number(&self, pre: &Prerelease) -> Option<u64> {
        pre.strip_prefix(self.0.as_str())?.strip_prefix('.')?.parse().ok()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Channel {
    type Err = InvalidChannel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
