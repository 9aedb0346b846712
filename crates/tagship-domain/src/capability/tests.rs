//! The table against what was measured on three engines.

use std::collections::BTreeSet;

use super::*;
use crate::build::{ArchiveKind, CacheKind};

const E20: (ImageStore, EngineVersion) = (ImageStore::Classic, (20, 10));
const E28_CLASSIC: (ImageStore, EngineVersion) = (ImageStore::Classic, (28, 5));
const E28: (ImageStore, EngineVersion) = (ImageStore::Containerd, (28, 5));

/// What was measured, with `docker buildx build` and the engines' own answers, before the table was written.
#[test]
fn the_table_says_what_was_measured() {
    use CacheKind::{Gha, Inline, Local, Registry, S3};
    for (feature, on_20, on_classic, on_containerd) in [
        (Feature::SeveralPlatforms, false, false, true),
        (Feature::Annotations, false, false, true),
        (Feature::Provenance, false, false, true),
        (Feature::Sbom, false, false, true),
        (Feature::BuildContexts, false, true, true),
        (Feature::FromCache, false, true, true),
        (Feature::ShmSize, false, true, true),
        (Feature::Reproducible, true, true, true),
        (Feature::CacheFrom(Registry), true, true, true),
        (Feature::CacheFrom(Gha), false, false, true),
        (Feature::CacheTo(Inline), true, true, true),
        (Feature::CacheTo(Registry), false, false, true),
        (Feature::CacheTo(Gha), false, false, true),
        (Feature::CacheFrom(Local), true, true, true),
        (Feature::CacheTo(Local), false, false, true),
        (Feature::CacheTo(S3), false, false, false),
        (Feature::Output(ArchiveKind::Tar), true, true, true),
        (Feature::Output(ArchiveKind::Oci), false, false, true),
        (Feature::Output(ArchiveKind::Docker), false, false, true),
    ] {
        for ((store, version), expected) in [(E20, on_20), (E28_CLASSIC, on_classic), (E28, on_containerd)] {
            let answer = feature.answer(store, version);
            assert_eq!(
                answer == FeatureAnswer::Satisfied,
                expected,
                "{feature} {store} {version:?}"
            );
        }
    }
}

/// Source: BuildKit, README.
#[test]
fn a_daemon_does_everything() {
    for feature in Feature::ALL {
        assert_eq!(
            feature.answer(ImageStore::None, (0, 14)),
            FeatureAnswer::Satisfied,
            "{feature}"
        );
    }
}

#[test]
fn engines_that_cannot_set_times_are_refused() {
    let reproducible =
        |version| Feature::Reproducible.answer(ImageStore::Containerd, version) == FeatureAnswer::Satisfied;
    assert!(!reproducible((25, 0)));
    assert!(reproducible((26, 0)));
}

#[test]
fn each_feature_stands_once_in_the_table_with_an_input_and_a_way_out() {
    let distinct: BTreeSet<Feature> = Feature::ALL.into_iter().collect();
    assert_eq!(distinct.len(), Feature::ALL.len());
    for feature in Feature::ALL {
        for (store, version) in [E20, E28_CLASSIC, E28] {
            if let FeatureAnswer::Refused(refusal) = feature.answer(store, version) {
                assert!(refusal.to_string().contains(feature.input()), "{refusal}");
                assert!(!refusal.way_out().is_empty());
            }
        }
    }
}

#[test]
fn a_refusal_names_the_wish_the_reason_and_the_way_out() {
    let FeatureAnswer::Refused(refusal) = Feature::SeveralPlatforms.answer(ImageStore::Classic, (28, 5))
    else {
        panic!("a classic store holds no index");
    };
    insta::assert_snapshot!(format!("{refusal}\n{}", refusal.way_out()), @r#"
    several `platforms`: that store holds single images only
    switch the engine to the containerd image store, which is Docker 29's default and in 24 to 28 `{"features": {"containerd-snapshotter": true}}` in `daemon.json`, name a BuildKit daemon with `builders`, or leave several `platforms` out
    "#);
    let FeatureAnswer::Refused(refusal) = Feature::ShmSize.answer(ImageStore::Classic, (20, 10)) else {
        panic!("20.10 ignores it");
    };
    insta::assert_snapshot!(format!("{refusal}\n{}", refusal.way_out()), @"
    `shm-size`: engines before 23.0 ignore it
    update the engine to 23.0 or later, or leave `shm-size` out
    ");
}
