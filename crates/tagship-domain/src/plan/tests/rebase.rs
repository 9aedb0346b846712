//! Plans for a published commit whose base images changed.

use super::*;
use crate::tags::Order;

const RULES: [&str; 3] = ["type=sha", "type=semver", "type=raw,value=nightly"];

fn bases(content: &str) -> BaseDigests {
    let base = ("alpine:3".to_owned(), Digest::of(content.as_bytes()));
    BaseDigests::from_iter([base])
}

/// A run of version 1.0.0 with the base image of now, where changes of it count.
fn nightly(now: Option<&str>) -> PlanRequest {
    PlanRequest {
        bases: now.map(bases),
        ..plan_request(&RULES, Some("1.0.0"))
    }
}

/// Images by content: `first` on the base image `old`, and `patched`, which replaced it, on `new`.
fn published(tags: &[(&str, &str)]) -> Facts {
    let described: Vec<_> = tags
        .iter()
        .map(|(tag, content)| (*tag, *content, Some(OURS), Some("1.0.0")))
        .collect();
    let mut facts = facts(Mutability::Mutable, &described);
    for (content, base) in [("first", "old"), ("patched", "new")] {
        if let Some(image) = facts.images.get_mut(&manifest(content).digest()) {
            image.request = Some(request(None));
            image.bases = Some(bases(base));
            image.replaces = (content == "patched").then(|| manifest("first").digest());
        }
    }
    facts
}

fn first() -> Facts {
    published(&[(COMMIT_TAG, "first"), ("1.0.0", "first"), ("nightly", "first")])
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    let codes = plan.notes.iter().map(Note::code);
    codes.filter(|code| code.starts_with("base-")).collect()
}

#[test]
fn a_patched_base_makes_an_image_under_moving_tags_alone() {
    let plan = Plan::new(nightly(Some("new")), Ok(&first()));
    assert!(builds(&plan) && plan.published().is_none());
    assert_eq!(actions(&plan), ["nightly move"]);
    assert_eq!(codes(&plan), ["base-changed"]);
    let rebase = plan.rebase.unwrap();
    assert_eq!(rebase.replaces, manifest("first").digest());
    assert_eq!(rebase.changes[0].image, "alpine:3");
}

#[test]
fn without_a_change_or_a_wish_the_published_image_stays() {
    for now in [None, Some("old")] {
        let plan = Plan::new(nightly(now), Ok(&first()));
        assert!(plan.is_fulfilled(), "{now:?}");
        assert_eq!(plan.tags.len(), 3);
        assert_eq!(codes(&plan), [""; 0]);
    }
    // An image that does not say what it was built on may be on anything.
    let mut silent = first();
    silent.images.get_mut(&manifest("first").digest()).unwrap().bases = None;
    assert!(builds(&Plan::new(nightly(Some("old")), Ok(&silent))));
    // One whose labels may not be read is left alone.
    let image = silent.images.get_mut(&manifest("first").digest()).unwrap();
    image.unread = Some(Unknown::NotAsked);
    assert!(!builds(&Plan::new(nightly(Some("new")), Ok(&silent))));
}

#[test]
fn the_patched_image_is_found_again_and_completed() {
    let facts = published(&[(COMMIT_TAG, "first"), ("1.0.0", "first"), ("nightly", "patched")]);
    let plan = Plan::new(nightly(Some("new")), Ok(&facts));
    assert!(plan.is_fulfilled());
    assert_eq!(plan.published(), Some(manifest("patched").digest()));
    assert_eq!(actions(&plan), ["nightly keep"]);
    // A run that was broken off between two tags.
    let rules = ["type=sha", "type=raw,value=nightly", "type=raw,value=weekly"];
    let both = PlanRequest {
        bases: Some(bases("new")),
        ..plan_request(&rules, None)
    };
    let facts = published(&[(COMMIT_TAG, "first"), ("nightly", "patched"), ("weekly", "first")]);
    let plan = Plan::new(both, Ok(&facts));
    assert_eq!(actions(&plan), ["nightly keep", "weekly move"]);
    assert_eq!(plan.published(), Some(manifest("patched").digest()));
    // The next patch replaces the image that has the commit tag, not the one before.
    let facts = published(&[(COMMIT_TAG, "first"), ("1.0.0", "first"), ("nightly", "patched")]);
    let plan = Plan::new(nightly(Some("newest")), Ok(&facts));
    assert!(builds(&plan));
    assert_eq!(plan.rebase.unwrap().replaces, manifest("first").digest());
}

#[test]
fn a_moving_tag_does_not_go_back_to_the_older_base() {
    let facts = published(&[(COMMIT_TAG, "first"), ("1.0.0", "first"), ("nightly", "patched")]);
    let plan = Plan::new(nightly(None), Ok(&facts));
    let held: Vec<_> = plan
        .holds()
        .map(|(tag, why)| (tag.to_string(), why.code()))
        .collect();
    assert_eq!(held, [("nightly".to_owned(), "points-to-patched-image")]);
    assert!(plan.is_fulfilled());
    assert_eq!(plan.published(), Some(manifest("first").digest()));
    // An image that replaced another one than ours says nothing of ours.
    let mut other = facts;
    let patched = other.images.get_mut(&manifest("patched").digest()).unwrap();
    patched.replaces = Some(manifest("another").digest());
    assert_eq!(actions(&Plan::new(nightly(None), Ok(&other)))[2], "nightly move");
}

#[test]
fn tags_that_promise_to_stay_come_first() {
    let facts = published(&[(COMMIT_TAG, "first"), ("nightly", "first")]);
    let plan = Plan::new(nightly(Some("new")), Ok(&facts));
    assert!(!builds(&plan) && plan.rebase.is_none());
    assert_eq!(actions(&plan)[1], "1.0.0 create");
    assert_eq!(codes(&plan), ["base-change-left"]);
}

#[test]
fn nothing_is_built_that_no_tag_would_get() {
    for rules in [&BOTH[..], &["type=sha"]] {
        let request = PlanRequest {
            bases: Some(bases("new")),
            ..plan_request(rules, Some("1.0.0"))
        };
        let plan = Plan::new(request, Ok(&first()));
        assert!(plan.is_fulfilled(), "{rules:?}");
        assert_eq!(codes(&plan), ["base-change-left"], "{rules:?}");
    }
    // Nor where every tag that may move is held: a later version has it.
    let mut facts = first();
    let theirs = manifest("theirs");
    let later = ImageFacts {
        version: Some(Version::new(2, 0, 0)),
        revision: Some(THEIRS.to_owned()),
        ..ImageFacts::default()
    };
    facts.images.insert(theirs.digest(), later);
    facts.tags.insert(Tag::parse("nightly").unwrap(), theirs);
    let plan = Plan::new(nightly(Some("new")), Ok(&facts));
    assert_eq!(codes(&plan), ["base-change-left"]);
    assert!(!builds(&plan));
}

#[test]
fn parts_comparisons_and_changed_trees_are_built_as_ever() {
    let rebuild = PlanRequest {
        rebuild: true,
        ..nightly(Some("new"))
    };
    let plan = Plan::new(rebuild, Ok(&first()));
    assert_eq!((plan.rebase, plan.rebuild.is_some()), (None, true));
    let part = PlanRequest {
        scope: Scope::Part,
        ..nightly(Some("new"))
    };
    assert_eq!(Plan::new(part, Ok(&first())).rebase, None);
    let mut dirty = nightly(Some("new"));
    dirty.source.change_count = 1;
    assert_eq!(Plan::new(dirty, Ok(&first())).rebase, None);
}

#[test]
fn a_repository_that_lets_no_tag_move_is_a_conflict_before_the_build() {
    let mut facts = first();
    facts.mutability = Ok(Mutability::Immutable);
    let plan = Plan::new(nightly(Some("new")), Ok(&facts));
    assert_eq!(actions(&plan), ["nightly conflict"]);
    assert!(plan.conflicts().is_some());
}

#[test]
fn a_tag_that_goes_anywhere_goes_back_too() {
    let facts = published(&[(COMMIT_TAG, "first"), ("nightly", "patched")]);
    let mut anywhere = nightly(None);
    for wanted in &mut anywhere.wanted.tags {
        if wanted.class == TagClass::Moving {
            wanted.order = Some(Order::Anywhere);
        }
    }
    let plan = Plan::new(anywhere, Ok(&facts));
    assert_eq!(actions(&plan)[2], "nightly move");
}
