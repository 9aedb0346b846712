//! Versions, and the tags that carry them.

mod prefix;

use semver::Version;

pub use prefix::{InvalidTagPrefix, TagPrefix};

use crate::reference::{InvalidName, Tag};

/// The version that a git tag names: strict semver behind an optional `v`.
///
/// `v1.2`, `V1.2.3`, `v01.2.3` and `app/v1.2.3` name none.
pub fn from_git_tag(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// The greatest version among git tags of one commit, a stable one before any pre-release.
pub fn greatest<'a>(prefix: &TagPrefix, tags: impl IntoIterator<Item = &'a str>) -> Option<Version> {
    tags.into_iter()
        .filter_map(|tag| prefix.version(tag))
        .max_by(|a, b| a.pre.is_empty().cmp(&b.pre.is_empty()).then_with(|| a.cmp(b)))
}

/// The release tag of a version: its text, with `_` for the `+` before build metadata.
///
/// No registry takes `+`. Semver has no `_`, so that no two versions come to the same tag.
/// Source: OCI distribution spec, tag grammar; Helm maps chart versions in the same way.
pub fn release_tag(version: &Version) -> Result<Tag, InvalidName> {
    Tag::parse(&version.to_string().replace('+', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_semver_behind_an_optional_v_is_a_version() {
        for text in ["v1.2.3", "1.2.3", "v1.2.3-rc.1+b5", "v0.0.0"] {
            assert!(from_git_tag(text).is_some(), "{text}");
        }
        for text in [
            "v1.2",
            "v01.2.3",
            "V1.2.3",
            "v1.2.3.4",
            "app/v1.2.3",
            "vv1.2.3",
            "",
            "=1.2.3",
            " 1.2.3",
        ] {
            assert!(from_git_tag(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_stable_version_wins_over_a_greater_prerelease() {
        let of = |tags: &[&str]| {
            greatest(&TagPrefix::default(), tags.iter().copied()).map(|version| version.to_string())
        };
        assert_eq!(
            of(&["v1.2.3", "v1.3.0-rc.1", "nightly"]).as_deref(),
            Some("1.2.3")
        );
        assert_eq!(of(&["v1.9.0", "v1.10.0"]).as_deref(), Some("1.10.0"));
        assert_eq!(of(&["nightly"]), None);
    }

    #[test]
    fn a_prefix_belongs_to_one_image() {
        let prefix = TagPrefix::parse("api/v").unwrap();
        let of = |tags: &[&str]| greatest(&prefix, tags.iter().copied()).map(|version| version.to_string());
        assert_eq!(
            of(&["v9.0.0", "web/v2.0.0", "api/v1.2.3"]).as_deref(),
            Some("1.2.3")
        );
        assert_eq!(of(&["v9.0.0", "api/1.2.3", "xapi/v1.2.3"]), None);
    }

    #[test]
    fn build_metadata_stays_in_the_tag() {
        let tag = |text| release_tag(&Version::parse(text).unwrap()).map(|tag| tag.to_string());
        assert_eq!(tag("1.2.3+build.5").as_deref(), Ok("1.2.3_build.5"));
        assert_eq!(tag("1.2.3-rc.1").as_deref(), Ok("1.2.3-rc.1"));
        assert!(tag(&format!("1.2.3-{}", "a".repeat(128))).is_err());
    }
}
