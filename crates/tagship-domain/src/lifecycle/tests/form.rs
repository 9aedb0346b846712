//! What ECR refuses, and in which words.

use super::*;

fn first_problem(text: &str) -> String {
    LifecyclePolicy::parse(text).unwrap_err().first()
}

fn problem(rules: &Value) -> String {
    first_problem(&json!({"rules": rules}).to_string())
}

fn with(mut selection: Value, name: &str, value: Value) -> Value {
    selection[name] = value;
    selection
}

#[test]
fn the_form_is_checked_as_by_the_schema() {
    for (text, expected) in [
        ("no JSON", "Could not map policyString into LifecyclePolicy."),
        ("[]", "Could not map policyString into LifecyclePolicy."),
        ("{}", r#"object has missing required properties (["rules"])"#),
        (
            r#"{"rules":["x"]}"#,
            r#"instance type (string) does not match any allowed primitive type (allowed: ["object"])"#,
        ),
        (
            r#"{"rules":[]}"#,
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ),
        (
            r#"{"rules":[{"rulePriority":1}]}"#,
            r#"object has missing required properties (["selection","action"])"#,
        ),
        (
            r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"},"x":1}]}"#,
            r#"object instance has properties which are not allowed by the schema: (["x"])"#,
        ),
    ] {
        assert_eq!(first_problem(text), expected, "{text}");
    }
    let any = any_more_than(1);
    for (rules, expected) in [
        (
            json!([rule(0, any.clone())]),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
        ),
        (
            json!([rule(1, with(any.clone(), "countNumber", json!(0)))]),
            "numeric instance is lower than the required minimum (minimum: 1, found: 0)",
        ),
        (
            json!([rule(1, with(any.clone(), "tagStatus", json!("ANY")))]),
            r#"instance value ("ANY") not found in enum (possible values: ["tagged","untagged","any"])"#,
        ),
        (
            json!([rule(1, with(any.clone(), "countType", json!("sinceLastPulled")))]),
            "instance failed to match exactly one schema (matched 0 out of 4)",
        ),
        (
            json!([{"rulePriority": 1, "selection": any.clone(), "action": {"type": "expire", "targetStorageClass": null}}]),
            "instance failed to match exactly one schema (matched 0 out of 2)",
        ),
        (
            json!([{"rulePriority": 1, "selection": any.clone(), "action": {"type": "transition"}}]),
            "instance failed to match exactly one schema (matched 0 out of 2)",
        ),
        (
            (1..=51)
                .map(|priority| rule(priority, any_more_than(1)))
                .collect(),
            "array is too long: must have at most 50 elements but instance has 51 elements",
        ),
    ] {
        assert_eq!(problem(&rules), expected, "{rules}");
    }
}

#[test]
fn count_unit_class_and_action_go_together() {
    let days = |kind: &str, count: u32| json!({"tagStatus": "any", "countType": kind, "countUnit": "days", "countNumber": count});
    let archived = |count| {
        with(
            days("sinceImageTransitioned", count),
            "storageClass",
            json!("archive"),
        )
    };
    for taken in [
        rule(1, days("sinceImagePushed", 1)),
        archiving(1, days("sinceImagePushed", 1)),
        archiving(1, days("sinceImagePulled", 1)),
        archiving(1, any_more_than(1)),
        rule(1, archived(90)),
        rule(1, with(any_more_than(1), "storageClass", json!("standard"))),
    ] {
        assert!(
            LifecyclePolicy::parse(&json!({"rules": [taken]}).to_string()).is_ok(),
            "{taken}"
        );
    }
    for refused in [
        rule(1, days("imageCountMoreThan", 1)),
        rule(
            1,
            json!({"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 1}),
        ),
        rule(1, days("sinceImagePulled", 1)),
        archiving(1, archived(90)),
        rule(1, archived(89)),
        rule(1, days("sinceImageTransitioned", 90)),
        rule(
            1,
            with(days("sinceImagePushed", 1), "storageClass", json!("archive")),
        ),
        rule(1, with(any_more_than(1), "storageClass", json!("archive"))),
    ] {
        let found = problem(&json!([refused]));
        assert_eq!(
            found, "instance failed to match exactly one schema (matched 0 out of 4)",
            "{refused}"
        );
    }
}

#[test]
fn tags_and_their_status_go_together() {
    let tagged = |name: &str, list: Value| {
        let selection = json!({"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1});
        with(selection, name, list)
    };
    let none = json!({"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1});
    assert_eq!(
        problem(&json!([rule(1, none)])),
        "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."
    );
    let both = with(
        tagged("tagPrefixList", json!(["a"])),
        "tagPatternList",
        json!(["a*"]),
    );
    assert!(problem(&json!([rule(1, both)])).contains("not both"));
    let untagged = with(
        tagged("tagPrefixList", json!(["a"])),
        "tagStatus",
        json!("untagged"),
    );
    assert!(problem(&json!([rule(1, untagged)])).contains("only be specified when tagStatus=TAGGED"));
    let empty = tagged("tagPatternList", json!([]));
    assert!(problem(&json!([rule(1, empty)])).starts_with("array is too short"));
    // The guide's own examples of a right and a wrong list.
    let four = tagged("tagPatternList", json!(["*test*1*2*3", "test*1*2*3*"]));
    assert!(LifecyclePolicy::parse(&json!({"rules": [rule(1, four)]}).to_string()).is_ok());
    let six = tagged("tagPatternList", json!(["test*1*2*3*4*5*6"]));
    assert!(problem(&json!([rule(1, six)])).contains("more than 4 wildcards"));
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let untagged = json!({"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1});
    let prefixes = |list: &[&str], count: u32| json!({"tagStatus": "tagged", "tagPrefixList": list, "countType": "imageCountMoreThan", "countNumber": count});
    for (rules, expected) in [
        (
            json!([rule(1, untagged.clone()), rule(2, untagged.clone())]),
            "Only one rule can select Untagged images per storage class.",
        ),
        (
            json!([rule(1, any_more_than(1)), rule(2, untagged.clone())]),
            "Rule for tagStatus=ANY must have the lowest priority per storage class",
        ),
        (
            json!([rule(1, any_more_than(1)), rule(2, any_more_than(2))]),
            "Rule for tagStatus=ANY must have the lowest priority per storage class",
        ),
        (
            json!([rule(1, untagged), rule(1, any_more_than(1))]),
            "Rule priorities must be unique: 1 is used more than once.",
        ),
        (
            json!([
                rule(1, prefixes(&["a", "b"], 1)),
                rule(2, prefixes(&["b", "a"], 2))
            ]),
            "Tag prefixes and patterns must be unique across the rules of a storage class.",
        ),
    ] {
        assert_eq!(problem(&rules), expected, "{rules}");
    }
    let different = json!({"rules": [rule(1, prefixes(&["a"], 1)), rule(2, prefixes(&["a", "b"], 2))]});
    assert!(LifecyclePolicy::parse(&different.to_string()).is_ok());
}

#[test]
fn every_problem_is_told_with_its_place() {
    let error = LifecyclePolicy::parse(
        &json!({"rules": [
            rule(0, any_more_than(0)),
            rule(2, any_more_than(1)),
            rule(3, any_more_than(1)),
        ]})
        .to_string(),
    )
    .unwrap_err();
    let places: Vec<Option<usize>> = error.problems.iter().map(|located| located.rule).collect();
    assert_eq!(places, [Some(1), Some(1), Some(2)]);
    assert!(error.to_string().contains("; rule 2: Rule for tagStatus=ANY"));
}
