//! What holds for every policy.

use std::collections::{BTreeSet, HashSet};

use proptest::prelude::*;

use super::*;

fn count() -> impl Strategy<Value = Value> {
    prop_oneof![
        (1..4_u32).prop_map(|count| json!({"countType": "imageCountMoreThan", "countNumber": count})),
        (1..20_u32).prop_map(
            |days| json!({"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days})
        ),
    ]
}

/// Rules that hold together: tagged ones with different lists, then one about untagged and one about any.
pub(super) fn rules() -> impl Strategy<Value = Value> {
    let lists = proptest::sample::subsequence(vec!["a", "b", "c", "ab"], 0..=4);
    let with = |selection: Value, count: &Value| {
        let mut selection = selection;
        for (name, value) in count.as_object().unwrap() {
            selection[name] = value.clone();
        }
        selection
    };
    (lists, proptest::collection::vec(count(), 6), any::<bool>()).prop_map(move |(lists, counts, last)| {
        let mut selections: Vec<Value> = lists
            .iter()
            .zip(&counts)
            .map(|(letters, count)| {
                let prefixes: Vec<String> = letters.chars().map(String::from).collect();
                with(json!({"tagStatus": "tagged", "tagPrefixList": prefixes}), count)
            })
            .collect();
        selections.push(with(json!({"tagStatus": "untagged"}), &counts[4]));
        if last {
            selections.push(with(json!({"tagStatus": "any"}), &counts[5]));
        }
        (1..)
            .zip(selections)
            .map(|(priority, selection)| rule(priority, selection))
            .collect()
    })
}

/// Images with tags of a few letters; some are indexes of earlier ones.
pub(super) fn images(with_indexes: bool) -> impl Strategy<Value = Vec<Image>> {
    let one = (
        proptest::sample::subsequence(vec!["a1", "b1", "c1"], 0..=3),
        0..30_i64,
        proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
    );
    proptest::collection::vec(one, 1..12).prop_map(move |all| {
        let mut images: Vec<Image> = Vec::new();
        for (place, (tags, days, children)) in all.into_iter().enumerate() {
            let mut image = image(&place.to_string(), &tags, days);
            if with_indexes && place > 0 && place % 3 == 0 {
                image.children = children
                    .into_iter()
                    .map(|child| images[child.index(images.len())].digest)
                    .collect();
            }
            images.push(image);
        }
        images
    })
}

proptest! {
    #[test]
    fn an_image_is_touched_once_and_a_child_never(rules in rules(), images in images(true)) {
        let effects = parse(&rules).evaluate(&images, now());
        let touched: BTreeSet<Digest> = effects.iter().map(|effect| effect.digest).collect();
        prop_assert_eq!(touched.len(), effects.len());
        for child in images.iter().flat_map(|image| &image.children) {
            prop_assert!(!touched.contains(child));
        }
    }

    #[test]
    fn only_the_first_rule_about_an_image_touches_it(rules in rules(), images in images(true)) {
        let policy = parse(&rules);
        for effect in policy.evaluate(&images, now()) {
            let image = images.iter().find(|image| image.digest == effect.digest).unwrap();
            let first = policy.rules().iter().find(|rule| rule.tags.includes(&image.tags)).unwrap();
            prop_assert_eq!(first.priority, effect.priority);
        }
    }

    #[test]
    fn the_oldest_go_first(rules in rules(), images in images(false)) {
        let pushed: Vec<Timestamp> = parse(&rules)
            .evaluate(&images, now())
            .iter()
            .map(|effect| images.iter().find(|image| image.digest == effect.digest).unwrap().pushed_at)
            .collect();
        prop_assert!(pushed.is_sorted());
    }

    #[test]
    fn what_was_applied_leaves_nothing_to_do(rules in rules(), images in images(false)) {
        let policy = parse(&rules);
        let expired: HashSet<Digest> = policy
            .evaluate(&images, now())
            .iter()
            .map(|effect| effect.digest)
            .collect();
        let left: Vec<Image> = images.into_iter().filter(|image| !expired.contains(&image.digest)).collect();
        prop_assert_eq!(policy.evaluate(&left, now()), []);
    }

    #[test]
    fn the_order_in_which_images_come_does_not_matter(rules in rules(), images in images(true)) {
        let policy = parse(&rules);
        let mut reversed = images.clone();
        reversed.reverse();
        prop_assert_eq!(policy.evaluate(&images, now()), policy.evaluate(&reversed, now()));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}", rules in proptest::collection::vec("\\PC{0,10}", 0..4)) {
        drop(LifecyclePolicy::parse(&text));
        drop(LifecyclePolicy::parse(&json!({"rules": rules}).to_string()));
    }
}
