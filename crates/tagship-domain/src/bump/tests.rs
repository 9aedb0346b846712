//! The next version, by what the commits say.

#![expect(clippy::indexing_slicing, reason = "what cannot go on fails the test")]

mod messages;
mod properties;

use super::*;

/// The id of a commit of the tests.
fn id(number: usize) -> CommitId {
    CommitId::parse(&format!("{number:040x}")).unwrap()
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// A tag with `v`.
fn tag(text: &str, commit: usize) -> VersionTag {
    VersionTag {
        name: format!("v{text}"),
        version: version(text),
        commit: id(commit),
    }
}

/// Commits with these messages, the newest first.
fn commits(messages: &[&str]) -> Vec<Commit> {
    let commit = |(index, message): (usize, &&str)| {
        Commit::read(id(messages.len() - index), message.as_bytes(), false)
    };
    messages.iter().enumerate().map(commit).collect()
}

fn history(previous: Option<&str>, messages: &[&str]) -> History {
    History {
        previous: previous.map(|text| tag(text, 0)),
        commits: commits(messages),
    }
}

fn on_channel(channel: &str) -> Rules {
    Rules {
        channel: Some(Channel::parse(channel).unwrap()),
        ..Rules::default()
    }
}

/// The version after `previous`, or `-`.
fn next(previous: &str, messages: &[&str]) -> String {
    let history = history(Some(previous), messages);
    let tags: Vec<VersionTag> = history.previous.clone().into_iter().collect();
    match NextVersion::of_commits(&tags, &history, &Rules::default()) {
        Ok(next) => next
            .version
            .map_or_else(|| "-".to_owned(), |version| version.to_string()),
        Err(error) => error.to_string(),
    }
}

/// Source: Semantic Versioning 2.0.0, paragraphs 4 to 8; Conventional Commits 1.0.0, paragraphs 2, 3, 13 and 14.
#[test]
fn the_greatest_change_decides() {
    for (previous, messages, expected) in [
        ("1.2.3", &["fix: a"][..], "1.2.4"),
        ("1.2.3", &["perf: a"], "1.2.4"),
        ("1.2.3", &["revert: a"], "1.2.4"),
        ("1.2.3", &["Revert \"feat: a\""], "1.2.4"),
        ("1.2.3", &["feat: a"], "1.3.0"),
        ("1.2.3", &["fix: a", "feat(x): a", "fix: b"], "1.3.0"),
        ("1.2.3", &["fix!: a", "feat: b"], "2.0.0"),
        ("1.2.3", &["docs!: a"], "2.0.0"),
        ("1.2.3", &["fix: a\n\nBREAKING CHANGE: b"], "2.0.0"),
        ("1.2.3", &["fix: a\n\ntext\n\nBREAKING-CHANGE: b"], "2.0.0"),
        ("1.2.3", &["FEAT: a"], "1.3.0"),
        ("0.2.3", &["fix: a"], "0.2.4"),
        ("0.2.3", &["feat: a"], "0.3.0"),
        ("0.2.3", &["feat!: a"], "0.3.0"),
        ("0.0.3", &["fix!: a"], "0.1.0"),
        ("1.2.3+build.5", &["fix: a"], "1.2.4"),
        ("1.2.3", &["docs: a", "chore: b", "ci: c", "build(deps): d"], "-"),
        (
            "1.2.3",
            &["fixed it", "Merge branch 'x'", "feature: a", "feat a", "feat : a"],
            "-",
        ),
        ("1.2.3", &[], "-"),
    ] {
        assert_eq!(next(previous, messages), expected, "{previous} {messages:?}");
    }
}

#[test]
fn numbers_that_are_too_great_are_an_error() {
    let greatest = format!("1.2.{}", u64::MAX);
    assert_eq!(
        next(&greatest, &["fix: a"]),
        format!("no version comes after {greatest}: its number would be too great")
    );
    assert_eq!(next(&greatest, &["feat: a"]), "1.3.0");
}

#[test]
fn the_last_release_as_wins_and_has_to_be_greater() {
    for (messages, expected) in [
        (&["chore: a\n\nRelease-As: 2.0.0"][..], "2.0.0"),
        (&["chore: a\n\nrelease-as: v2.0.0\nSigned-off-by: b"], "2.0.0"),
        (&["feat!: a", "chore: b\n\nRelease-As: 1.2.4"], "1.2.4"),
        (
            &["chore: a\n\nRelease-As: 1.9.0", "chore: b\n\nRelease-As: 2.0.0"],
            "1.9.0",
        ),
        (&["chore: a\n\nRelease-As: 3.0.0\nRelease-As: 1.9.0"], "1.9.0"),
        (
            &[
                "chore: a\n\nRelease-As: 1.9.0",
                "chore: b\n\nRelease-As: nonsense",
            ],
            "1.9.0",
        ),
        (
            &["chore: a\n\nRelease-As: 1.2.2"],
            "`Release-As: 1.2.2` in commit 000000000000 is not greater than `v1.2.3`",
        ),
        (
            &["chore: a\n\nRelease-As: 2"],
            "`Release-As: 2` in commit 000000000000 is not a semantic version",
        ),
        (
            &["chore: a\n\nRelease-As: 2.0.0-rc.1"],
            "`Release-As: 2.0.0-rc.1` in commit 000000000000 is not a release",
        ),
        (&["feat: a\n\nAs I said, Release-As: 2.0.0 is near"], "1.3.0"),
    ] {
        assert_eq!(next("1.2.3", messages), expected, "{messages:?}");
    }
}

#[test]
fn the_first_version_is_the_initial_one_or_what_is_asked_for() {
    let first = |messages: &[&str]| {
        let next = NextVersion::of_commits(&[], &history(None, messages), &Rules::default()).unwrap();
        assert_eq!(next.bump, None);
        next.tag
    };
    assert_eq!(first(&["docs: a"]).as_deref(), Some("v0.1.0"));
    assert_eq!(
        first(&["a", "chore: b\n\nRelease-As: 1.0.0"]).as_deref(),
        Some("v1.0.0")
    );
    assert_eq!(first(&[]), None);
}

#[test]
fn everything_is_told() {
    let messages = [
        "docs: a",
        "feat(api): b",
        "words",
        "fix!: c\n\nBREAKING CHANGE: d\nd",
    ];
    let history = history(Some("1.2.3"), &messages);
    let next = NextVersion::of_commits(&[], &history, &Rules::default()).unwrap();
    let expected = serde_json::json!({
        "released": true, "version": "2.0.0", "tag": "v2.0.0", "previous": "1.2.3", "previous-tag": "v1.2.3",
        "bump": "major", "commits": 4, "unconventional": 1,
        "changelog": [
            {"title": "Breaking changes", "entries": [
                {"commit": id(1), "type": "fix", "description": "c", "breaking": "d d"},
            ]},
            {"title": "Features", "entries": [
                {"commit": id(3), "type": "feat", "scope": "api", "description": "b"},
            ]},
            {"title": "Other changes", "entries": [{"commit": id(4), "type": "docs", "description": "a"}]},
        ],
    });
    assert_eq!(serde_json::json!(next), expected);
}

#[test]
fn a_long_changelog_is_cut() {
    let history = history(Some("1.2.3"), &["fix: a"; 1003]);
    let next = NextVersion::of_commits(&[], &history, &Rules::default()).unwrap();
    let fixes = &next.changelog.groups[0];
    assert_eq!((fixes.entries.len(), fixes.more, next.commits), (1000, 3, 1003));
}

#[test]
fn a_version_that_was_released_elsewhere_is_not_given_again() {
    let history = history(Some("1.2.3"), &["fix: a"]);
    for taken in ["1.2.4", "1.2.4+build.9"] {
        let tags = [tag("1.2.3", 0), tag(taken, 9)];
        for rules in [Rules::default(), on_channel("rc")] {
            let error = NextVersion::of_commits(&tags, &history, &rules).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the commits lead to git tag `v{taken}`, which is taken by commit 000000000000, and HEAD does not contain it"
                )
            );
        }
    }
}

#[test]
fn a_channel_counts_on_from_every_tag_of_the_same_release() {
    let tags = [
        "1.2.3",
        "1.3.0-rc.1",
        "1.3.0-rc.7",
        "1.3.0-rc.x",
        "1.3.0-rc",
        "1.3.0-rc.9.1",
        "1.3.0-beta.30",
        "1.4.0-rc.40",
    ]
    .map(|text| tag(text, 99));
    let history = history(Some("1.2.3"), &["feat: a"]);
    let next = |channel| {
        let next = NextVersion::of_commits(&tags, &history, &on_channel(channel)).unwrap();
        assert_eq!(next.bump, Some(Level::Minor));
        next.tag.unwrap()
    };
    assert_eq!(next("rc"), "v1.3.0-rc.8");
    assert_eq!(next("beta"), "v1.3.0-beta.31");
    assert_eq!(next("r"), "v1.3.0-r.1");
    let stable = NextVersion::of_commits(&tags, &history, &Rules::default()).unwrap();
    assert_eq!(stable.tag.as_deref(), Some("v1.3.0"));
}

#[test]
fn what_a_pre_release_contains_calls_for_no_other() {
    let with = |previous, newest: &[&str], published: &[&str]| {
        let mut history = history(previous, newest);
        let older = commits(published).into_iter().map(|commit| Commit {
            is_on_channel: true,
            ..commit
        });
        history.commits.extend(older);
        let tags = [tag("1.2.4-rc.1", 99)];
        NextVersion::of_commits(&tags, &history, &on_channel("rc"))
            .unwrap()
            .tag
    };
    assert_eq!(with(Some("1.2.3"), &["docs: b"], &["fix: a"]), None);
    assert_eq!(
        with(Some("1.2.3"), &["fix: b"], &["fix: a"]).as_deref(),
        Some("v1.2.4-rc.2")
    );
    assert_eq!(
        with(Some("1.2.3"), &["fix: b"], &["feat: a"]).as_deref(),
        Some("v1.3.0-rc.1")
    );
    assert_eq!(with(None, &["docs: b"], &["fix: a"]), None);
    assert_eq!(
        with(None, &["fix: b"], &["fix: a"]).as_deref(),
        Some("v0.1.0-rc.1")
    );
}

#[test]
fn a_tagged_commit_has_its_version() {
    let tags = ["1.2.3", "1.3.0-rc.1", "1.3.0-rc.10", "1.3.0-beta.2"].map(|text| tag(text, 1));
    let tags = [&tags[..], &[tag("2.0.0", 2), tag("2.0.0-beta.1", 3)]].concat();
    let of = |commit, rules: &Rules| {
        let next = NextVersion::of_tagged(&tags, &id(commit), rules)?;
        assert!(!next.released && next.previous.is_none() && next.changelog.groups.is_empty());
        next.tag
    };
    assert_eq!(of(1, &Rules::default()).as_deref(), Some("v1.2.3"));
    assert_eq!(of(1, &on_channel("rc")).as_deref(), Some("v1.2.3"));
    assert_eq!(of(3, &Rules::default()), None);
    assert_eq!(of(3, &on_channel("beta")).as_deref(), Some("v2.0.0-beta.1"));
    assert_eq!(of(3, &on_channel("rc")), None);
    assert_eq!(of(4, &Rules::default()), None);
}

#[test]
fn channels_are_names() {
    for channel in ["rc", "beta-2", "B"] {
        assert_eq!(Channel::parse(channel).unwrap().to_string(), channel);
    }
    for channel in ["", "1", "01", "rc.1", "-rc", "r c", "ä", &"a".repeat(51)] {
        assert!(Channel::parse(channel).is_err(), "{channel}");
    }
}

#[test]
fn a_footer_whose_version_is_tagged_is_spent() {
    let history = history(
        Some("1.0.0"),
        &["fix: y", "feat: x\n\nRelease-As: 2.0.0", "fix: z"],
    );
    let of = |tags: &[VersionTag]| NextVersion::of_commits(tags, &history, &Rules::default());
    let asked = of(&[tag("1.0.0", 0)]).unwrap();
    assert_eq!(asked.version, Some(version("2.0.0")));
    assert_eq!(asked.notes, []);
    // The branch of the release was rebased: its tag is on a commit that HEAD does not contain.
    let spent = of(&[tag("1.0.0", 0), tag("2.0.0", 99)]).unwrap();
    assert_eq!(spent.version, Some(version("1.1.0")));
    assert_eq!(
        spent.notes,
        [Note::SpentReleaseAs {
            text: "2.0.0".to_owned(),
            commit: id(2),
            tag: "v2.0.0".to_owned()
        }]
    );
    // By itself it calls for nothing.
    let history = super::tests::history(Some("1.0.0"), &["chore: x\n\nRelease-As: v1.0.0"]);
    let next = NextVersion::of_commits(&[tag("1.0.0", 0)], &history, &Rules::default()).unwrap();
    assert_eq!((next.version, next.notes.len()), (None, 1));
}

#[test]
fn a_breaking_change_that_does_not_count_is_told() {
    for (message, counts, is_told) in [
        ("feat: x\n\nBREAKING CHANGE: y", true, false),
        ("feat!: x", true, false),
        ("feat: x\nBREAKING CHANGE: y", false, true),
        ("feat: x\n\nbody\nBREAKING CHANGE: y", false, true),
        ("Add x (#12)\n\n* feat: a\n\n* feat(api)!: drop b", false, true),
        ("feat: x (#12)\n\n* feat: a\n* fix!: b", false, true),
        ("Merge it\n\n  BREAKING-CHANGE: y", false, true),
        ("feat: no BREAKING CHANGE: here", false, false),
        ("feat: x\n\n- a list!: of things? yes", false, false),
    ] {
        let history = history(Some("1.0.0"), &[message]);
        let next = NextVersion::of_commits(&[tag("1.0.0", 0)], &history, &Rules::default()).unwrap();
        assert_eq!(next.version == Some(version("2.0.0")), counts, "{message}");
        assert_eq!(!next.notes.is_empty(), is_told, "{message}");
    }
}
