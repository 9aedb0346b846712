//! Commit messages, path patterns and tag prefixes are read; what is made of them is a legal version.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semver::Version;
use tagship_domain::bump::{Commit, History, NextVersion, Rules, VersionTag};
use tagship_domain::facts::CommitId;
use tagship_domain::paths::PathFilter;
use tagship_domain::version::TagPrefix;

fuzz_target!(|input: &[u8]| {
    let Some([patterns, prefix, messages]) = tagship_fuzz::texts(input) else {
        return;
    };
    let messages = messages.split(tagship_fuzz::SEPARATOR).map(str::as_bytes);
    let patterns: Vec<&str> = patterns.lines().collect();
    if let Ok(filter) = PathFilter::parse(&patterns) {
        for path in messages.clone() {
            let _ = filter.contains(path);
        }
    }
    let prefix = TagPrefix::parse(prefix).unwrap_or_default();
    let Some(id) = CommitId::parse(&"0".repeat(40)) else {
        return;
    };
    let commits = messages.map(|message| Commit::read(id.clone(), message, false));
    let previous = VersionTag {
        name: prefix.tag(&Version::new(1, 2, 3), None),
        version: Version::new(1, 2, 3),
        commit: id.clone(),
    };
    let rules = Rules {
        prefix,
        ..Rules::default()
    };
    let history = History {
        previous: Some(previous),
        commits: commits.collect(),
    };
    if let Ok(next) = NextVersion::of_commits(&[], &history, &rules) {
        assert_eq!(next.tag.and_then(|tag| rules.prefix.version(&tag)), next.version);
        assert!(next.version.is_none_or(|version| version > Version::new(1, 2, 3)));
    }
});
