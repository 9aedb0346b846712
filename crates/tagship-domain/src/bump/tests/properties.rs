//! What holds for every history.

use proptest::prelude::*;

use super::{history, on_channel, tag};
use crate::bump::{Change, NextVersion, Rules};

fn messages() -> impl Strategy<Value = Vec<String>> {
    let kind = prop::sample::select(vec![
        "feat", "fix", "perf", "revert", "docs", "chore", "Fix", "words",
    ]);
    let message =
        (kind, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(kind, scope, mark, footer)| {
            let scope = if scope { "(x)" } else { "" };
            let mark = if mark { "!" } else { "" };
            let footer = if footer { "\n\nBREAKING CHANGE: b" } else { "" };
            format!("{kind}{scope}{mark}: a{footer}")
        });
    let plain = "[ -~]{0,20}";
    prop::collection::vec(prop_oneof![4 => message, 1 => plain], 0..12)
}

fn previous() -> impl Strategy<Value = String> {
    (0..3u64, 0..4u64, 0..4u64).prop_map(|(major, minor, patch)| format!("{major}.{minor}.{patch}"))
}

proptest! {
    /// A version is given exactly when `released`; it is greater than the one before, and no tag has it.
    #[test]
    fn a_new_version_is_greater_and_new(
        previous in previous(),
        messages in messages(),
        taken in prop::collection::vec(previous(), 0..3),
        channel in any::<bool>(),
    ) {
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        let history = history(Some(&previous), &messages);
        let tags: Vec<_> = taken.iter().map(|text| tag(text, 7)).chain(history.previous.clone()).collect();
        let rules = if channel { on_channel("rc") } else { Rules::default() };
        let Ok(next) = NextVersion::of_commits(&tags, &history, &rules) else { return Ok(()) };
        prop_assert_eq!(next.released, next.version.is_some());
        prop_assert_eq!(next.released, next.tag.is_some());
        prop_assert_eq!(next.released, next.bump.is_some());
        if let Some(version) = next.version {
            prop_assert!(version > history.previous.clone().unwrap().version);
            prop_assert!(tags.iter().all(|tag| tag.version != version));
            prop_assert_eq!(!version.pre.is_empty(), channel);
        }
        let entries: usize = next.changelog.groups.iter().map(|group| group.entries.len()).sum();
        prop_assert_eq!(entries + next.unconventional, messages.len());
    }

    /// One more commit never leads to a smaller version, and the order of commits does not count.
    #[test]
    fn more_commits_never_lead_back(previous in previous(), messages in messages(), more in messages()) {
        let version = |messages: &[&str]| {
            let history = history(Some(&previous), messages);
            NextVersion::of_commits(&[], &history, &Rules::default()).unwrap().version
        };
        let mut all: Vec<&str> = messages.iter().map(String::as_str).collect();
        let before = version(&all);
        all.extend(more.iter().map(String::as_str));
        let after = version(&all);
        prop_assert!(before <= after);
        all.reverse();
        prop_assert_eq!(version(&all), after);
    }

    #[test]
    fn no_message_panics(message in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(change) = Change::read(&message) {
            prop_assert!(!change.description.contains(char::is_control));
        }
    }
}
