//! A version that is proposed for review: the part of the changelog that a pull request adds, and the version that a
//! changelog names.

use std::fmt::Write as _;

use jiff::Timestamp;
use semver::Version;

use super::Changes;
use super::notes::ChangesText;
use crate::version::TagPrefix;

/// What the pull request's text begins with: it is not shown.
const MARK: &str = "<!-- tagship: release-pr -->";

/// The most characters of changes. Source: GitHub's API refuses texts of pull requests that have more than 65,536.
const MAX_CHANGES: usize = 60_000;

/// A version that is proposed for review.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The version.
    pub version: &'a Version,
    /// The git tag that it will have.
    pub tag: &'a str,
    /// When the last commit was made that is in it.
    pub time: Timestamp,
    /// What changed since the release before.
    pub changes: &'a Changes,
    /// The repository's web address, without a slash at its end.
    pub web: Option<&'a str>,
    /// The branch that it is proposed to.
    pub base: &'a str,
    /// What git tags of versions begin with.
    pub prefix: &'a TagPrefix,
}

impl Proposal<'_> {
    /// The branch that holds it: one for each branch that versions are proposed to, and for each prefix.
    pub fn branch(&self) -> String {
        let legal = |c: char| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        };
        let mut name = format!(
            "tagship-release/{}",
            self.base.chars().map(legal).collect::<String>()
        );
        let prefix = self
            .prefix
            .given()
            .unwrap_or_default()
            .trim_end_matches(['v', '/', '-']);
        if !prefix.is_empty() {
            let _ = write!(name, "--{}", prefix.chars().map(legal).collect::<String>());
        }
        name
    }

    /// The title of the pull request, and of its commit.
    pub fn title(&self) -> String {
        format!("chore(release): {}", self.tag)
    }

    /// The text of the pull request.
    pub fn text(&self) -> String {
        let Self { tag, base, .. } = self;
        let section = self.section();
        format!(
            "{MARK}\nMerging this releases `{tag}`. Every run for `{base}` brings it up to date, and what was changed in its branch by hand is lost then.\n\n{section}"
        )
    }

    /// The part of the changelog. The same commit has the same one, whichever run writes it.
    ///
    /// Source: Keep a Changelog 1.1.0: a version's heading has its day.
    pub fn section(&self) -> String {
        let changes = ChangesText {
            changes: self.changes,
            web: self.web,
            tag: self.tag,
        };
        let version = self.version;
        let day = self.time.strftime("%Y-%m-%d");
        let heading = match changes.comparison() {
            Some(address) => format!("## [{version}]({address}) - {day}\n"),
            None => format!("## {version} - {day}\n"),
        };
        heading + &changes.groups(MAX_CHANGES)
    }

    /// The changelog with this version at its beginning, above all others and below what has no version.
    pub fn added_to(&self, changelog: &str) -> String {
        let section = self.section();
        let place = headings(changelog).find(|(_, name)| is_version(name, self.prefix));
        let text = match place {
            Some((place, _)) => {
                let (before, after) = changelog.split_at(place);
                format!("{before}{section}\n{after}")
            }
            None if changelog.trim().is_empty() => format!("# Changelog\n\n{section}"),
            None => format!("{}\n\n{section}", changelog.trim_end()),
        };
        if changelog.contains("\r\n") {
            return text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        text
    }
}

/// The first version that a changelog has a heading for: the newest, as changelogs are written.
pub fn newest_version(changelog: &str, prefix: &TagPrefix) -> Option<Version> {
    headings(changelog).find_map(|(_, name)| version(name, prefix))
}

/// What second headings begin with, with their places: `## [1.2.0](…) - 2026-01-02` has `1.2.0`.
fn headings(changelog: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut place = 0;
    changelog.split_inclusive('\n').filter_map(move |line| {
        let begin = place;
        place += line.len();
        let name = line.strip_prefix("## ")?.trim_start().trim_start_matches('[');
        Some((begin, name.split(['[', ']', '(', ' ', '\r', '\n']).next()?))
    })
}

fn is_version(name: &str, prefix: &TagPrefix) -> bool {
    version(name, prefix).is_some()
}

fn version(name: &str, prefix: &TagPrefix) -> Option<Version> {
    prefix
        .version(name)
        .or_else(|| Version::parse(name.strip_prefix('v').unwrap_or(name)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bump::{Changelog, ChangelogEntry, Group};
    use crate::facts::CommitId;

    fn changes(description: &str) -> Changes {
        let entry = ChangelogEntry {
            commit: CommitId::parse(&"a".repeat(40)).unwrap(),
            kind: "feat".to_owned(),
            scope: None,
            description: description.to_owned(),
            breaking: None,
        };
        Changes {
            previous_tag: Some("v1.1.0".to_owned()),
            changelog: Some(Changelog {
                groups: vec![Group {
                    title: "Features",
                    entries: vec![entry],
                    more: 0,
                }],
            }),
        }
    }

    fn with<T>(prefix: &TagPrefix, act: impl FnOnce(&Proposal<'_>) -> T) -> T {
        let (version, changes) = (Version::new(1, 2, 0), changes("colours <b>"));
        act(&Proposal {
            version: &version,
            tag: "v1.2.0",
            time: "2026-01-02T23:59:59Z".parse().unwrap(),
            changes: &changes,
            web: Some("https://github.com/octo/app"),
            base: "main",
            prefix,
        })
    }

    const SECTION: &str = "## [1.2.0](https://github.com/octo/app/compare/v1.1.0...v1.2.0) - 2026-01-02\n\n### Features\n\n- \
                           colours \\<b\\> ([`aaaaaaaaaaaa`](https://github.com/octo/app/commit/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa))\n";

    #[test]
    fn a_version_stands_above_those_before_it_and_below_what_has_none() {
        let prefix = TagPrefix::default();
        for (before, after) in [
            (String::new(), format!("# Changelog\n\n{SECTION}")),
            (
                "# News\n\n## [Unreleased]\n\n- soon\n\n## [1.1.0] - 2025-12-01\n\n- old\n".to_owned(),
                format!(
                    "# News\n\n## [Unreleased]\n\n- soon\n\n{SECTION}\n## [1.1.0] - 2025-12-01\n\n- old\n"
                ),
            ),
            (
                "# News\n\nwords\n".to_owned(),
                format!("# News\n\nwords\n\n{SECTION}"),
            ),
            (
                "# News\r\n\r\n## v1.1.0\r\n".to_owned(),
                format!("# News\n\n{SECTION}\n## v1.1.0\n").replace('\n', "\r\n"),
            ),
        ] {
            let added = with(&prefix, |proposal| proposal.added_to(&before));
            assert_eq!(added, after);
            assert_eq!(newest_version(&added, &prefix), Some(Version::new(1, 2, 0)));
        }
    }

    #[test]
    fn the_newest_version_is_the_first_heading_that_names_one() {
        let default = TagPrefix::default();
        let api = TagPrefix::parse("api/v").unwrap();
        for (text, prefix, expected) in [
            ("", &default, None),
            ("# 9.9.9\n### 8.0.0\n## Changes\n", &default, None),
            (
                "## [Unreleased]\n## [2.0.0] - 2026-01-01\n## 1.0.0\n",
                &default,
                Some("2.0.0"),
            ),
            ("## v2.0.0-rc.1 (2026-01-01)\n", &default, Some("2.0.0-rc.1")),
            (
                "## [2.1.0](https://x/compare/a...b) (2026-01-01)\n",
                &default,
                Some("2.1.0"),
            ),
            ("## api/v2.0.0\n", &api, Some("2.0.0")),
            ("## 3.0.0\r\n", &api, Some("3.0.0")),
        ] {
            let found = newest_version(text, prefix).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "a method is of one lifetime, and not of each"
    )]
    fn each_branch_and_each_prefix_has_a_branch_of_its_own() {
        let branch = |prefix: &str| {
            let prefix = TagPrefix::parse(prefix).unwrap();
            with(&prefix, |one| one.branch())
        };
        assert_eq!(
            with(&TagPrefix::default(), |one| one.branch()),
            "tagship-release/main"
        );
        assert_eq!(branch("v"), "tagship-release/main");
        assert_eq!(branch("services/api/v"), "tagship-release/main--services-api");
        let text = with(&TagPrefix::default(), |one| one.text());
        assert!(text.starts_with(MARK) && text.ends_with(SECTION), "{text}");
    }
}
