//! Which images a lifecycle policy must not delete.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::lifecycle::{Image, LifecyclePolicy, Storage};
use crate::reference::{Digest, RepositoryName};
use crate::repositories::{LifecyclePreview, Objection, Protection, ShortRules, StoredImage};

fn digest(seed: &str) -> Digest {
    Digest::of(seed.as_bytes())
}

fn image(seed: &str, tags: &[&str], day: i64) -> StoredImage {
    StoredImage {
        image: Image {
            digest: digest(seed),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            pushed_at: Timestamp::from_second(day * 86_400).unwrap(),
            pulled_at: None,
            storage: Storage::Standard { restored_at: None },
            children: Vec::new(),
        },
        size: Some(10),
        subject: None,
        is_index: false,
    }
}

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

/// Deletes all but the newest image.
fn policy() -> LifecyclePolicy {
    let rules = ShortRules {
        keep_last: Some(1),
        ..ShortRules::default()
    };
    rules.document().unwrap().policy().clone()
}

fn objected(images: &[StoredImage], protection: &Protection) -> Vec<String> {
    let now = Timestamp::from_second(100 * 86_400).unwrap();
    let preview = LifecyclePreview::new(&policy(), images, &name("team/app"), protection, now);
    let objected = preview
        .objected()
        .map(|(image, objection)| format!("{}: {objection}", image.tags.join(",")));
    objected.collect()
}

#[test]
fn the_last_release_of_each_major_version_must_not_go() {
    let images = [
        image("a", &["1.0.0"], 1),
        image("b", &["v1.2.0", "stable"], 2),
        image("c", &["1.10.0-rc.1"], 3),
        image("d", &["2.0.0", "2"], 4),
        image("e", &["2024-01-01", "latest"], 5),
        image("f", &["main"], 6),
    ];
    let found = objected(&images, &Protection::default());
    assert_eq!(
        found,
        [
            "v1.2.0,stable: the last release of 1.x",
            "2.0.0,2: the last release of 2.x"
        ]
    );
}

#[test]
fn tags_digests_and_children_of_an_index_are_protected() {
    let mut index = image("index", &["x"], 1);
    index.image.children = vec![digest("child")];
    let images = [
        index,
        image("child", &[], 2),
        image("b", &["prod-1"], 3),
        image("c", &["q"], 4),
        image("d", &["new"], 5),
    ];
    let mut protection = Protection::default();
    for text in ["prod*", &digest("child").to_string()] {
        protection.add(text).unwrap();
    }
    let by = digest("child");
    assert_eq!(
        objected(&images, &protection),
        [
            format!("x: protected by `{by}`"),
            "prod-1: protected by `prod*`".to_owned(),
            format!(": protected by `{by}`"),
        ],
        "the child is not touched before its index"
    );
    for text in ["", "a b", "sha256:xyz", "+"] {
        assert!(Protection::default().add(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_about_a_protected_image_is_protected_with_it() {
    let rules = ShortRules {
        untagged_days: Some(7),
        ..ShortRules::default()
    };
    let policy = rules.document().unwrap().policy().clone();
    let signature = |seed: &str, subject: &str| StoredImage {
        subject: Some(digest(subject)),
        ..image(seed, &[], 1)
    };
    let images = [
        image("a", &["prod"], 1),
        image("b", &["main"], 1),
        signature("of-a", "a"),
        signature("of-b", "b"),
    ];
    let mut protection = Protection::default();
    protection.add("prod").unwrap();
    let now = Timestamp::from_second(100 * 86_400).unwrap();
    let preview = LifecyclePreview::new(&policy, &images, &name("team/app"), &protection, now);
    let found: Vec<(Digest, String)> = (preview.objected())
        .map(|(image, objection)| (image.digest, objection.to_string()))
        .collect();
    let about = format!("about {}, which `prod` protects", digest("a").short());
    assert_eq!((preview.images.len(), found), (2, vec![(digest("of-a"), about)]));
}

#[test]
fn files_of_deployments_name_images_by_digest_and_by_tag() {
    let digest = digest("a");
    for (text, count) in [
        (format!("{digest}\n{digest}\n"), 1),
        (
            format!(r#"{{"image": "1.dkr.ecr.eu-central-1.amazonaws.com/team/app@{digest}"}}"#),
            1,
        ),
        ("image: 127.0.0.1:5510/team/app:1.4.0 # now".to_owned(), 1),
        ("image: team/app:1.4.0".to_owned(), 1),
        ("see https://example.com/x and 12:30".to_owned(), 1),
        ("nothing at all".to_owned(), 0),
    ] {
        let mut protection = Protection::default();
        assert_eq!(protection.add_named_in(&text, "file"), count, "{text}");
    }
    let mut protection = Protection::default();
    protection.add_named_in(
        "image: h.example/team/app:q\nimage: h.example/team/other:r",
        "pods.yaml",
    );
    let images = [
        image("a", &["q"], 1),
        image("b", &["r"], 2),
        image("c", &["new"], 3),
    ];
    assert_eq!(objected(&images, &protection), ["q: protected by `pods.yaml`"]);
}

proptest! {
    /// Whatever is protected and whatever the policy: what goes and is protected is objected to, and nothing else is.
    #[test]
    fn nothing_that_is_protected_goes_unseen(tags in proptest::collection::vec("[a-d]", 1..12), protected in "[a-d]") {
        let images: Vec<StoredImage> = tags
            .iter()
            .enumerate()
            .map(|(index, tag)| image(&index.to_string(), &[tag], i64::try_from(index).unwrap()))
            .collect();
        let mut protection = Protection::default();
        protection.add(&protected).unwrap();
        let now = Timestamp::from_second(100 * 86_400).unwrap();
        let preview = LifecyclePreview::new(&policy(), &images, &name("team/app"), &protection, now);
        prop_assert_eq!(preview.images.len(), images.len() - 1);
        for image in &preview.images {
            let is_protected = image.tags.contains(&protected);
            prop_assert_eq!(matches!(image.objection, Some(Objection::Protected { .. })), is_protected);
        }
    }
}
