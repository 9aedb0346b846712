//! The evaluation rules that have no worked example.

use super::*;

#[test]
fn an_image_belongs_to_the_first_rule_about_it_even_if_that_keeps_it() {
    let keep_releases = json!([
        rule(
            10,
            json!({"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 9999}),
        ),
        rule(20, any_more_than(1)),
    ]);
    let images = named(&[
        ("release", &["v1", "sha-1"], 9),
        ("old", &["sha-2"], 8),
        ("new", &[], 7),
    ]);
    assert_eq!(touched(&keep_releases, &images), [("old", 20)]);
}

#[test]
fn rules_apply_by_their_numbers_not_their_places() {
    let images = named(&[("old", &["a-1", "b-1"], 2), ("new", &["a-2", "b-2"], 1)]);
    let tagged = |priority, prefix: &str, count| {
        rule(
            priority,
            json!({"tagStatus": "tagged", "tagPrefixList": [prefix], "countType": "imageCountMoreThan", "countNumber": count}),
        )
    };
    let rules = json!([tagged(7, "a", 1), tagged(3, "b", 2)]);
    assert_eq!(touched(&rules, &images), []);
    let rules = json!([tagged(3, "a", 1), tagged(7, "b", 2)]);
    assert_eq!(touched(&rules, &images), [("old", 3)]);
}

#[test]
fn what_an_index_lists_waits_for_the_index() {
    let mut images = named(&[("child", &[], 10), ("index", &["v1"], 9), ("other", &[], 8)]);
    images[1].1.children = vec![digest("child")];
    let untagged = json!([rule(
        1,
        json!({"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}),
    )]);
    assert_eq!(touched(&untagged, &images), [("other", 1)]);
    let all = json!([rule(
        1,
        json!({"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}),
    )]);
    assert_eq!(touched(&all, &images), [("index", 1), ("other", 1)]);
    images.remove(1);
    assert_eq!(touched(&all, &images), [("child", 1), ("other", 1)]);
}

#[test]
fn what_an_archived_index_lists_may_be_archived_but_not_expire() {
    let mut images = named(&[("child", &[], 400), ("index", &["v1"], 400)]);
    images[1].1.children = vec![digest("child")];
    images[1].1.storage = Storage::Archive {
        archived_at: days_ago(1),
    };
    let by_age =
        json!({"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30});
    assert_eq!(
        touched(&json!([archiving(1, by_age.clone())]), &images),
        [("child", 1)]
    );
    assert_eq!(touched(&json!([rule(1, by_age)]), &images), []);
}

#[test]
fn a_restored_image_is_as_new_as_its_restoration() {
    let mut images = named(&[("restored", &[], 50), ("pushed", &[], 5)]);
    images[0].1.storage = Storage::Standard {
        restored_at: Some(days_ago(1)),
    };
    assert_eq!(
        touched(&json!([rule(1, any_more_than(1))]), &images),
        [("pushed", 1)]
    );
}

#[test]
fn wildcards_cover_whole_tags() {
    for (pattern, tag, selected) in [
        ("prod*", "prod", true),
        ("prod*", "production-team1", true),
        ("prod*", "repo-production", false),
        ("*prod*", "repo-production", true),
        ("prod", "prod1", false),
        ("*test*1*2*3", "mytest-1.2.3", true),
        ("*test*1*2*3", "mytest-1.2.34", false),
        ("*", "anything", true),
    ] {
        let tags = TagSelection::Tagged(vec![TagPattern::Wildcard(pattern.to_owned())]);
        assert_eq!(tags.includes(&[tag.to_owned()]), selected, "{pattern} {tag}");
        assert!(!tags.includes(&[]), "{pattern}");
    }
}
