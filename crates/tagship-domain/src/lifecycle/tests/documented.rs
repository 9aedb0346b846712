//! The worked examples of the ECR user guide, "Examples of lifecycle policies in Amazon ECR".

use super::*;

fn patterns(priority: u32, patterns: &[&str], count: u32) -> Value {
    rule(
        priority,
        json!({
            "tagStatus": "tagged",
            "tagPatternList": patterns,
            "countType": "imageCountMoreThan",
            "countNumber": count,
        }),
    )
}

#[test]
fn multiple_rules() {
    let images = named(&[
        ("A", &["beta-1", "prod-1"], 10),
        ("B", &["beta-2", "prod-2"], 9),
        ("C", &["beta-3"], 8),
    ]);
    let example_a = json!([patterns(1, &["prod*"], 1), patterns(2, &["beta*"], 1)]);
    assert_eq!(touched(&example_a, &images), [("A", 1)]);
    let example_b = json!([patterns(1, &["beta*"], 1), patterns(2, &["prod*"], 1)]);
    assert_eq!(touched(&example_b, &images), [("A", 1), ("B", 1)]);
    // The guide's earlier edition had the same examples with prefixes.
    let prefixes = json!([rule(
        1,
        json!({"tagStatus": "tagged", "tagPrefixList": ["prod"], "countType": "imageCountMoreThan", "countNumber": 1}),
    )]);
    assert_eq!(touched(&prefixes, &images), [("A", 1)]);
}

#[test]
fn multiple_tags_in_a_single_rule() {
    let images = named(&[
        ("A", &["alpha-1"], 12),
        ("B", &["beta-1"], 11),
        ("C", &["alpha-2", "beta-2"], 10),
        ("D", &["alpha-3"], 4),
        ("E", &["beta-3"], 3),
        ("F", &["alpha-4", "beta-4"], 2),
    ]);
    let example_a = json!([rule(
        1,
        json!({
            "tagStatus": "tagged",
            "tagPatternList": ["alpha*", "beta*"],
            "countType": "sinceImagePushed",
            "countNumber": 5,
            "countUnit": "days",
        }),
    )]);
    assert_eq!(touched(&example_a, &images), [("C", 1)]);
    let images = named(&[
        ("A", &["alpha-1", "beta-1", "gamma-1"], 10),
        ("B", &["alpha-2", "beta-2"], 9),
        ("C", &["alpha-3", "beta-3", "gamma-2"], 8),
    ]);
    let example_b = json!([patterns(1, &["alpha*", "beta*"], 1)]);
    assert_eq!(touched(&example_b, &images), [("A", 1), ("B", 1)]);
}

#[test]
fn all_images() {
    let images = named(&[
        ("A", &["alpha-1"], 4),
        ("B", &["beta-1"], 3),
        ("C", &[], 2),
        ("D", &["alpha-2"], 1),
    ]);
    let example_a = json!([rule(1, any_more_than(1))]);
    assert_eq!(touched(&example_a, &images), [("A", 1), ("B", 1), ("C", 1)]);
    let mut images = named(&[
        ("A", &["alpha-1", "beta-1"], 4),
        ("B", &[], 3),
        ("C", &["alpha-2"], 2),
        ("D", &["git hash"], 1),
        ("E", &[], 1),
    ]);
    // D and E were pushed on one day; the guide's outcome has E as the newer.
    images[3].1.pushed_at -= SignedDuration::from_secs(1);
    let example_b = json!([
        patterns(1, &["alpha*"], 1),
        rule(
            2,
            json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}),
        ),
        rule(3, any_more_than(1)),
    ]);
    assert_eq!(touched(&example_b, &images), [("A", 1), ("B", 2), ("D", 3)]);
}

#[test]
fn image_age_and_count() {
    let images = named(&[("A", &["prod1"], 15), ("B", &["prod2"], 14), ("C", &["dev"], 15)]);
    let older_than_14_days = json!([rule(
        1,
        json!({"tagStatus": "tagged", "tagPatternList": ["prod*"], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}),
    )]);
    assert_eq!(touched(&older_than_14_days, &images), [("A", 1)]);
    let images = named(&[("A", &[], 3), ("B", &["a"], 2), ("C", &[], 1)]);
    let one_untagged = json!([rule(
        1,
        json!({"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}),
    )]);
    assert_eq!(touched(&one_untagged, &images), [("A", 1)]);
}

#[test]
fn archive_and_expire() {
    let archived = |days| Storage::Archive {
        archived_at: days_ago(days),
    };
    let mut images = named(&[
        ("A", &["a"], 31),
        ("B", &[], 30),
        ("C", &["c"], 900),
        ("D", &[], 900),
    ]);
    images[2].1.storage = archived(366);
    images[3].1.storage = archived(365);
    let combined = json!([
        archiving(
            1,
            json!({"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}),
        ),
        rule(
            2,
            json!({
                "tagStatus": "any",
                "storageClass": "archive",
                "countType": "sinceImageTransitioned",
                "countUnit": "days",
                "countNumber": 365,
            }),
        ),
    ]);
    assert_eq!(touched(&combined, &images), [("C", 2), ("A", 1)]);
    let not_pulled = json!([archiving(
        1,
        json!({"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90}),
    )]);
    let mut images = named(&[
        ("never", &[], 91),
        ("lately", &[], 200),
        ("long ago", &[], 300),
        ("restored", &[], 400),
        ("restored and pulled", &[], 500),
    ]);
    images[1].1.pulled_at = Some(days_ago(89));
    images[2].1.pulled_at = Some(days_ago(92));
    images[3].1.pulled_at = Some(days_ago(300));
    images[3].1.storage = Storage::Standard {
        restored_at: Some(days_ago(10)),
    };
    images[4].1.pulled_at = Some(days_ago(100));
    images[4].1.storage = Storage::Standard {
        restored_at: Some(days_ago(110)),
    };
    assert_eq!(
        touched(&not_pulled, &images),
        [("long ago", 1), ("restored and pulled", 1), ("never", 1)]
    );
}
