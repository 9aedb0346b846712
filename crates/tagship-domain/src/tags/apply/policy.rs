//! In what the two modes differ when a rule is applied.

use super::LatestClaim;
use super::version::VersionRule;
use crate::reference::{InvalidName, Tag};
use crate::tags::Mode;
use crate::tags::variables::ref_tag;
use crate::tags::versions::{ParsedVersion, is_prerelease};
use crate::template::hyphenated;
use crate::untrusted::cleaned;

/// The decisions of one mode.
pub(in crate::tags) trait Policy {
    /// Returns the name of a branch, git tag or pull request as a part of a tag.
    fn of_reference(&self, name: &str) -> String;

    /// Returns what git tags say about being the latest.
    fn latest_claim(&self, git_tags: &[&str]) -> LatestClaim;

    /// Whether a value that is empty in this run counts as absent: a variable may well be empty.
    fn ignores_empty_values(&self) -> bool;

    /// Whether a release, or a run that a person starts at a branch, gives its git tag by the event alone.
    fn reads_release_tag(&self) -> bool;

    /// Returns the text in which a version is looked for.
    fn version_text(&self, text: String) -> String;

    /// Whether a value that a rule spells out must be a version.
    fn refuses_wrong_literals(&self) -> bool;

    /// Whether `match` must match for a rule to make a tag.
    fn needs_match(&self) -> bool;

    /// Returns why a version gives no tag by this rule.
    fn withheld(&self, rule: &VersionRule<'_>, version: &ParsedVersion) -> Option<String>;

    /// Whether a pre-release stands whole in the tag, whatever the pattern says.
    fn keeps_whole(&self, rule: &VersionRule<'_>, version: &ParsedVersion) -> bool;

    /// Returns the finished tag; `None` where there is nothing in it.
    fn finished(&self, name: String) -> Result<Option<String>, InvalidName>;

    /// Whether the tag of a version may not be made of a branch's name.
    fn guards_versions(&self) -> bool;
}

impl Mode {
    /// Returns the decisions of the mode.
    pub(in crate::tags) const fn policy(self) -> &'static dyn Policy {
        match self {
            Self::Strict => &Strict,
            Self::MetadataAction => &Compatible,
        }
    }
}

/// Makes only tags that keep their promise.
struct Strict;

impl Policy for Strict {
    fn of_reference(&self, name: &str) -> String {
        ref_tag(name)
    }

    fn latest_claim(&self, git_tags: &[&str]) -> LatestClaim {
        if git_tags.iter().any(|text| is_prerelease(text)) {
            LatestClaim::PreRelease
        } else {
            LatestClaim::Release
        }
    }

    fn ignores_empty_values(&self) -> bool {
        true
    }

    fn reads_release_tag(&self) -> bool {
        true
    }

    fn version_text(&self, text: String) -> String {
        text
    }

    fn refuses_wrong_literals(&self) -> bool {
        true
    }

    fn needs_match(&self) -> bool {
        true
    }

    fn withheld(&self, rule: &VersionRule<'_>, version: &ParsedVersion) -> Option<String> {
        let parts = &version.parts;
        if version.is_special && !rule.is_whole() {
            return Some(format!(
                "{} is a pre-release, which moves no short tag",
                cleaned(&parts.version)
            ));
        }
        let is_bare_zero = parts.major == 0 && rule.names_major_alone();
        (is_bare_zero && rule.rule.enable.is_none()).then(|| {
            format!(
                "versions below 1.0.0, such as {}, promise each other nothing; `enable=true` asks for the tag nevertheless",
                cleaned(&parts.version)
            )
        })
    }

    fn keeps_whole(&self, _: &VersionRule<'_>, _: &ParsedVersion) -> bool {
        false
    }

    fn finished(&self, name: String) -> Result<Option<String>, InvalidName> {
        Tag::parse(&name)?;
        Ok(Some(name))
    }

    fn guards_versions(&self) -> bool {
        true
    }
}

/// Makes what `docker/metadata-action` makes.
struct Compatible;

impl Policy for Compatible {
    fn of_reference(&self, name: &str) -> String {
        name.to_owned()
    }

    /// The action takes every git tag for a release.
    fn latest_claim(&self, _: &[&str]) -> LatestClaim {
        LatestClaim::Release
    }

    fn ignores_empty_values(&self) -> bool {
        false
    }

    fn reads_release_tag(&self) -> bool {
        false
    }

    fn version_text(&self, text: String) -> String {
        text.replace('/', "-")
    }

    fn refuses_wrong_literals(&self) -> bool {
        false
    }

    fn needs_match(&self) -> bool {
        false
    }

    fn withheld(&self, _: &VersionRule<'_>, _: &ParsedVersion) -> Option<String> {
        None
    }

    fn keeps_whole(&self, rule: &VersionRule<'_>, version: &ParsedVersion) -> bool {
        version.is_special && !rule.pattern.template.is_only("raw")
    }

    fn finished(&self, name: String) -> Result<Option<String>, InvalidName> {
        Ok((!name.is_empty()).then(|| hyphenated(&name)))
    }

    fn guards_versions(&self) -> bool {
        false
    }
}
