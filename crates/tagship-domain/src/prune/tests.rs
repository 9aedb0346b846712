//! Which images go and which stay: tables, then what holds for every repository.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::lifecycle::{Image, Storage};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// An image that was pushed so many days ago.
fn image(name: &str, days: i64, tags: &[&str]) -> StoredImage {
    StoredImage {
        image: Image {
            digest: digest(name),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            pushed_at: NOW - SignedDuration::from_hours(days * 24),
            pulled_at: None,
            storage: Storage::Standard { restored_at: None },
            children: Vec::new(),
        },
        size: Some(10),
        subject: None,
        is_index: false,
    }
}

fn index(name: &str, days: i64, tags: &[&str], children: &[&str]) -> StoredImage {
    let mut index = image(name, days, tags);
    index.image.children = children.iter().map(|name| digest(name)).collect();
    index.is_index = true;
    index
}

fn about(name: &str, subject: &str) -> StoredImage {
    StoredImage {
        subject: Some(digest(subject)),
        ..image(name, 50, &[])
    }
}

fn plan(rules: &PruneRules, stored: &[StoredImage], protect: &[&str]) -> PrunePlan {
    let mut protection = Protection::default();
    for text in protect {
        protection.add(text).unwrap();
    }
    let name = RepositoryName::parse("team/app").unwrap();
    PrunePlan::new(rules, stored, &name, &protection, NOW)
}

/// The names of the images that go, in the order in which they do.
fn gone(rules: &PruneRules, stored: &[StoredImage], names: &[&str]) -> Vec<String> {
    let by_digest: HashMap<Digest, &str> = names.iter().map(|name| (digest(name), *name)).collect();
    let plan = plan(rules, stored, &[]);
    assert_eq!(plan.removed.len() + plan.kept.len(), plan.total);
    plan.removed
        .iter()
        .map(|one| by_digest[&one.digest].to_owned())
        .collect()
}

fn releases(line: Line, keep: u32) -> PruneRules {
    PruneRules {
        releases: Some(ReleaseRule { line, keep }),
        ..PruneRules::default()
    }
}

#[test]
fn of_each_line_the_greatest_releases_stay() {
    let names = [
        "1.0.0",
        "1.0.1",
        "1.0.2-rc.1",
        "1.0.2",
        "1.1.0",
        "v2.0.0",
        "2.1.0-rc.1",
        "main",
    ];
    let stored: Vec<StoredImage> = names.iter().map(|name| image(name, 40, &[name])).collect();
    let of = |line, keep| {
        gone(&releases(line, keep), &stored, &names)
            .into_iter()
            .collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    // A pre-release goes with its release; that of a release to come stays. What is no release is no matter.
    assert_eq!(of(Line::Minor, 1), set(&["1.0.0", "1.0.1", "1.0.2-rc.1"]));
    assert_eq!(of(Line::Minor, 2), set(&["1.0.0", "1.0.2-rc.1"]));
    assert_eq!(
        of(Line::Major, 1),
        set(&["1.0.0", "1.0.1", "1.0.2-rc.1", "1.0.2"])
    );
    // The last release of a major version stays whatever the number.
    assert_eq!(
        of(Line::Minor, 0),
        set(&["1.0.0", "1.0.1", "1.0.2-rc.1", "1.0.2"])
    );
}

#[test]
fn a_tag_that_no_rule_is_about_keeps_a_release() {
    let stored = [
        image("old", 40, &["1.0.0", "prod"]),
        image("new", 30, &["1.0.1"]),
        image("older", 50, &["0.9.0", "sha-0123456"]),
    ];
    let plan = plan(&releases(Line::Minor, 1), &stored, &[]);
    assert_eq!(plan.removed, []);
    let both = [
        image("old", 40, &["1.0.0", "sha-0123456"]),
        image("new", 30, &["1.0.1"]),
    ];
    assert_eq!(gone(&releases(Line::Minor, 1), &both, &["old", "new"]), ["old"]);
}

#[test]
fn images_of_branches_go_when_their_branches_are_gone() {
    let rules = PruneRules {
        branches: Some(BranchRule::new(
            vec!["feature-*".to_owned(), "main".to_owned()],
            ["main", "feature/login"],
        )),
        ..PruneRules::default()
    };
    let stored = [
        image("live", 40, &["feature-login", "sha-0123456"]),
        image("gone", 40, &["feature-old", "sha-1234567"]),
        image("both", 40, &["feature-old2", "feature-login"]),
        image("prod", 40, &["feature-old3", "prod"]),
        image("main", 40, &["main"]),
        image("commit", 40, &["sha-2345678"]),
    ];
    assert_eq!(
        gone(
            &rules,
            &stored,
            &["live", "gone", "both", "prod", "main", "commit"]
        ),
        ["gone"]
    );
}

#[test]
fn of_images_with_other_tags_the_newest_stay_and_young_ones_do() {
    let rules = PruneRules {
        last: Some(1),
        keep: vec!["prod*".to_owned()],
        ..PruneRules::default()
    };
    let mut pulled = image("pulled", 40, &["c"]);
    pulled.image.pulled_at = Some(NOW - SignedDuration::from_hours(24));
    let stored = [
        image("a", 20, &["a"]),
        image("b", 30, &["b"]),
        pulled,
        image("prod", 90, &["prod-1"]),
        image("release", 90, &["1.0.0"]),
        image("untagged", 90, &[]),
    ];
    let names = ["a", "b", "pulled", "prod", "release", "untagged"];
    assert_eq!(gone(&rules, &stored, &names), ["pulled", "b"]);
    let young = PruneRules {
        keep_days: Some(7),
        ..rules
    };
    assert_eq!(gone(&young, &stored, &names), ["b"]);
}

#[test]
fn an_index_goes_before_its_images_and_keeps_them_while_it_stays() {
    let rules = PruneRules {
        untagged_days: Some(7),
        ..releases(Line::Minor, 1)
    };
    let names = [
        "old",
        "new",
        "amd64",
        "arm64",
        "shared",
        "tagged",
        "signature",
        "orphan",
    ];
    let stored = [
        image("amd64", 40, &[]),
        image("arm64", 40, &[]),
        image("shared", 40, &[]),
        // A child with a tag of its own that goes by itself, of an index that stays.
        image("tagged", 40, &["1.0.0-rc.1"]),
        index("old", 40, &["1.0.0"], &["amd64", "shared"]),
        index("new", 30, &["1.0.1"], &["arm64", "shared", "tagged"]),
        about("signature", "old"),
        image("orphan", 40, &[]),
    ];
    let gone = gone(&rules, &stored, &names);
    assert_eq!(gone.iter().collect::<BTreeSet<_>>().len(), 4);
    let place = |name: &str| {
        gone.iter()
            .position(|one| one == name)
            .unwrap_or_else(|| panic!("{name} stays"))
    };
    assert!(place("old") < place("amd64"));
    place("signature");
    place("orphan");
}

#[test]
fn nothing_without_a_tag_goes_while_an_index_cannot_be_read() {
    let rules = PruneRules {
        untagged_days: Some(0),
        ..PruneRules::default()
    };
    let stored = [index("archived", 90, &["1.0.0"], &[]), image("child", 90, &[])];
    assert_eq!(plan(&rules, &stored, &[]).removed, []);
    assert_eq!(gone(&rules, &stored[1..], &["child"]), ["child"]);
}

#[test]
fn signatures_by_tag_go_with_their_image() {
    let tag = |name: &str| format!("{}.sig", digest(name).to_string().replace(':', "-"));
    let stored = [
        image("1.0.0", 40, &["1.0.0"]),
        image("1.0.1", 40, &["1.0.1"]),
        image("signature 0", 40, &[&tag("1.0.0")]),
        image("signature 1", 40, &[&tag("1.0.1")]),
    ];
    let names = ["1.0.0", "1.0.1", "signature 0", "signature 1"];
    let gone: BTreeSet<String> = gone(&releases(Line::Minor, 1), &stored, &names)
        .into_iter()
        .collect();
    assert_eq!(gone, ["1.0.0", "signature 0"].map(str::to_owned).into());
}

fn rules() -> impl Strategy<Value = PruneRules> {
    let few = || proptest::option::of(0..3_u32);
    (few(), any::<bool>(), few(), few(), few(), any::<bool>()).prop_map(
        |(releases, is_major, last, untagged_days, keep_days, branches)| PruneRules {
            keep: vec!["prod".to_owned()],
            keep_days,
            releases: releases.map(|keep| ReleaseRule {
                line: if is_major { Line::Major } else { Line::Minor },
                keep,
            }),
            branches: branches.then(|| BranchRule::new(vec!["feature-*".to_owned()], ["feature-a"])),
            last,
            untagged_days,
        },
    )
}

/// Images with tags of every kind; some are indexes of earlier ones, some are about others.
fn repository() -> impl Strategy<Value = Vec<StoredImage>> {
    let tags = vec![
        "1.0.0",
        "1.0.1",
        "1.1.0",
        "2.0.0-rc.1",
        "feature-a",
        "feature-b",
        "prod",
        "latest",
        "sha-0123456",
    ];
    let one = (
        proptest::sample::subsequence(tags, 0..=2),
        0..6_i64,
        proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
        0..4_u8,
    );
    proptest::collection::vec(one, 1..14).prop_map(|all| {
        let mut stored: Vec<StoredImage> = Vec::new();
        let mut taken: HashSet<&str> = HashSet::new();
        for (place, (tags, days, others, kind)) in all.into_iter().enumerate() {
            let tags: Vec<&str> = tags.into_iter().filter(|tag| taken.insert(tag)).collect();
            let mut one = image(&place.to_string(), days, &tags);
            if place > 0 {
                let mut earlier = others.iter().map(|other| stored[other.index(place)].image.digest);
                match kind {
                    0 => one.image.children = earlier.collect(),
                    1 => one.subject = earlier.next_back(),
                    _ => {}
                }
                one.is_index = !one.image.children.is_empty();
            }
            stored.push(one);
        }
        stored
    })
}

proptest! {
    #[test]
    fn nothing_goes_that_what_stays_needs(rules in rules(), stored in repository(), protected in any::<proptest::sample::Index>()) {
        let by_digest: HashMap<Digest, &StoredImage> = stored.iter().map(|one| (one.image.digest, one)).collect();
        let protected = stored[protected.index(stored.len())].image.digest;
        let plan = plan(&rules, &stored, &[&protected.to_string()]);
        let turns: HashMap<Digest, usize> = plan.removed.iter().map(|one| (one.digest, one.turn)).collect();
        prop_assert_eq!(plan.removed.len() + plan.kept.len(), stored.len());
        prop_assert!(!turns.contains_key(&protected));
        for one in &stored {
            let digest = one.image.digest;
            let turn = turns.get(&digest);
            for child in &one.image.children {
                match (turn, turns.get(child)) {
                    (None, Some(_)) => prop_assert!(false, "an index stays without its image"),
                    (Some(index), Some(child)) => prop_assert!(index < child, "an image goes before its index"),
                    _ => {}
                }
            }
            if let (Some(_), Some(subject)) = (turn, one.subject) {
                let is_there = by_digest.contains_key(&subject);
                prop_assert!(!is_there || turns.contains_key(&subject), "an image loses what is about it");
            }
            if one.image.tags.iter().any(|tag| tag == "prod") {
                prop_assert!(turn.is_none());
            }
        }
        if rules.is_empty() {
            prop_assert!(turns.is_empty());
        }
    }

    #[test]
    fn what_is_left_is_left_by_the_same_rules(rules in rules(), stored in repository()) {
        let gone: HashSet<Digest> = plan(&rules, &stored, &[]).removed.iter().map(|one| one.digest).collect();
        let left: Vec<StoredImage> = stored.into_iter().filter(|one| !gone.contains(&one.image.digest)).collect();
        prop_assert_eq!(plan(&rules, &left, &[]).removed, vec![]);
    }

    #[test]
    fn a_run_that_stops_anywhere_leaves_nothing_broken(rules in rules(), stored in repository(), stop in any::<proptest::sample::Index>()) {
        let removed = plan(&rules, &stored, &[]).removed;
        let done: HashSet<Digest> = removed.iter().take(stop.index(removed.len() + 1)).map(|one| one.digest).collect();
        let left: Vec<&StoredImage> = stored.iter().filter(|one| !done.contains(&one.image.digest)).collect();
        for one in &left {
            prop_assert!(one.image.children.iter().all(|child| !done.contains(child)));
        }
    }
}
