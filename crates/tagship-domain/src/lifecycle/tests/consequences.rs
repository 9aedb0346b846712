//! What follows from what a policy does.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn index(name: &str, tags: &[&str], days: i64, children: &[&str]) -> Image {
    Image {
        children: children.iter().map(|child| digest(child)).collect(),
        ..image(name, tags, days)
    }
}

fn untagged_for(days: u32) -> Value {
    json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days})
}

fn about(pairs: &[(&str, &str)]) -> HashMap<Digest, Digest> {
    let pairs = pairs.iter();
    pairs
        .map(|(image, subject)| (digest(image), digest(subject)))
        .collect()
}

/// Each image by its name with the rule, and what goes before it.
fn comes_to(
    rules: &Value,
    images: &[Image],
    subjects: &[(&str, &str)],
) -> Vec<(String, u32, Option<String>)> {
    let names = [
        "index",
        "outer",
        "a",
        "b",
        "c",
        "new",
        "signature",
        "of-signature",
    ];
    let name_of = |wanted: Digest| {
        let found = names.iter().find(|name| digest(name) == wanted);
        (*found.unwrap()).to_owned()
    };
    let all = parse(rules).consequences(images.to_vec(), &about(subjects), now());
    let row = |one: Consequence| {
        (
            name_of(one.effect.digest),
            one.effect.priority,
            one.after.map(name_of),
        )
    };
    all.into_iter().map(row).collect()
}

fn row(name: &str, priority: u32, after: Option<&str>) -> (String, u32, Option<String>) {
    (name.to_owned(), priority, after.map(str::to_owned))
}

/// Source: "Lifecycle policy evaluation rules": an image that a manifest list references is not expired before the list is.
#[test]
fn images_of_an_index_follow_it_by_the_rule_that_is_about_them() {
    let images = [
        index("index", &["v1"], 30, &["a", "b"]),
        image("a", &[], 30),
        image("b", &["kept"], 30),
        image("new", &["v2"], 1),
    ];
    let of_v = json!({"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 1});
    let rules = json!([rule(1, untagged_for(7)), rule(2, of_v.clone())]);
    assert_eq!(
        comes_to(&rules, &images, &[]),
        [row("index", 2, None), row("a", 1, Some("index"))],
        "what has a tag of its own stays"
    );
    // Where no rule is about them they stay: an index does not take its images with it.
    assert_eq!(
        comes_to(&json!([rule(2, of_v)]), &images, &[]),
        [row("index", 2, None)]
    );
}

#[test]
fn indexes_of_indexes_take_an_evaluation_each() {
    let images = [
        index("outer", &[], 30, &["index"]),
        index("index", &[], 30, &["a"]),
        image("a", &[], 30),
    ];
    assert_eq!(
        comes_to(&json!([rule(1, untagged_for(7))]), &images, &[]),
        [
            row("outer", 1, None),
            row("index", 1, Some("outer")),
            row("a", 1, Some("index"))
        ]
    );
    // One that lists itself by way of another is never touched.
    let circle = [
        index("outer", &[], 30, &["index"]),
        index("index", &[], 30, &["outer"]),
    ];
    assert_eq!(comes_to(&json!([rule(1, untagged_for(7))]), &circle, &[]), []);
}

/// Source: the same, reference artifacts: they follow their subject within 24 hours.
#[test]
fn what_is_about_an_image_follows_it_whatever_its_age_and_tags() {
    let images = [
        image("a", &["v1"], 30),
        image("signature", &["kept"], 1),
        image("of-signature", &[], 1),
        image("new", &["v2"], 1),
    ];
    let rules = json!([rule(
        1,
        json!({
            "tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 1,
        })
    )]);
    let subjects = [("signature", "a"), ("of-signature", "signature")];
    assert_eq!(
        comes_to(&rules, &images, &subjects),
        [
            row("a", 1, None),
            row("signature", 1, Some("a")),
            row("of-signature", 1, Some("signature"))
        ]
    );
    // What an index lists that stays is not deleted.
    let mut held = images.to_vec();
    held.push(index("index", &["kept-too"], 1, &["signature"]));
    assert_eq!(comes_to(&rules, &held, &subjects), [row("a", 1, None)]);
}

#[test]
fn images_of_an_archived_index_are_archived_after_it_and_no_referrer_is() {
    let images = [
        index("index", &["v1"], 30, &["a"]),
        image("a", &[], 30),
        image("signature", &["kept"], 1),
    ];
    let rules = json!([archiving(
        1,
        json!({
            "tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 7,
        })
    )]);
    assert_eq!(
        comes_to(&rules, &images, &[("signature", "index")]),
        [row("index", 1, None), row("a", 1, Some("index"))]
    );
}

proptest! {
    /// What happens at once is what one evaluation says, and no image is named twice.
    #[test]
    fn what_follows_comes_after_what_happens_at_once(rules in super::properties::rules(), images in super::properties::images(true)) {
        let policy = parse(&rules);
        let all = policy.consequences(images.clone(), &HashMap::new(), now());
        let first: Vec<Effect> = all.iter().filter(|one| one.after.is_none()).map(|one| one.effect).collect();
        prop_assert_eq!(first, policy.evaluate(&images, now()));
        let mut digests: Vec<Digest> = all.iter().map(|one| one.effect.digest).collect();
        let count = digests.len();
        digests.sort_unstable();
        digests.dedup();
        prop_assert_eq!(digests.len(), count);
    }
}
