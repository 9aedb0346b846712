//! Policies: their forms, what is wrong with them, and when two say the same.

use serde_json::{Value, json};

use crate::reference::AccountId;
use crate::repositories::{
    AccessRules, InvalidShortRules, LambdaAccess, PolicyPrincipal, RepositoryPolicy, ShortRules,
};

fn statement(changes: Value) -> Value {
    let mut statement = json!({
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    });
    if let Value::Object(changes) = changes {
        for (name, value) in changes {
            statement[name] = value;
        }
    }
    statement
}

fn policy(changes: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement(changes)]})
}

/// Source: IAM user guide, "Grammar of the IAM JSON policy language" and "AWS JSON policy elements: Principal".
#[test]
fn two_policies_that_iam_takes_for_the_same_are_the_same() {
    let declared = RepositoryPolicy::of(policy(json!({}))).unwrap();
    for same in [
        policy(json!({})),
        policy(json!({"Principal": {"AWS": "111122223333"}})),
        policy(json!({"Principal": {"AWS": ["111122223333"]}})),
        policy(json!({"Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]})),
        json!({"Version": "2012-10-17", "Statement": statement(json!({}))}),
    ] {
        assert!(declared.says_as(&same.to_string()), "{same}");
    }
    for other in [
        policy(json!({"Effect": "Deny"})),
        policy(json!({"Principal": "*"})),
        policy(json!({"Principal": {"AWS": ["111122223333", "444455556666"]}})),
        policy(json!({"Action": "ecr:BatchGetImage"})),
        policy(json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}})),
        json!({"Version": "2008-10-17", "Statement": [statement(json!({}))]}),
        json!("text"),
    ] {
        assert!(!declared.says_as(&other.to_string()), "{other}");
    }
    assert!(!declared.says_as("{"));
    let everyone = RepositoryPolicy::of(policy(json!({"Principal": "*"}))).unwrap();
    assert!(everyone.says_as(&policy(json!({"Principal": {"AWS": "*"}})).to_string()));
}

#[test]
fn everything_that_iam_refuses_is_found_at_once() {
    for (text, expected) in [
        ("[]", "a policy is a JSON object"),
        ("{", "a policy is a JSON object"),
        ("{}", "at least one statement"),
        (
            r#"{"Statement":[],"Other":1}"#,
            "there is no element `Other`; a policy has at least one statement in `Statement`",
        ),
        (
            r#"{"Version":"2020-01-01","Statement":["x"]}"#,
            "`Version` is `2012-10-17` or `2008-10-17`; statement 1: a statement is an object",
        ),
    ] {
        let said = RepositoryPolicy::parse(text).unwrap_err().to_string();
        assert!(said.contains(expected), "{text}: {said}");
    }
    for (changes, expected) in [
        (json!({"Effect": "allow"}), "`Effect` is `Allow` or `Deny`"),
        (
            json!({"Principal": "123456789012"}),
            "`Principal` is `*` or a mapping",
        ),
        (
            json!({"Principal": {"Account": "123456789012"}}),
            "`Principal` is `*` or a mapping",
        ),
        (json!({"Principal": {}}), "`Principal` is `*` or a mapping"),
        (
            json!({"NotPrincipal": "*"}),
            "either `Principal` or `NotPrincipal`",
        ),
        (json!({"NotAction": "ecr:*"}), "either `Action` or `NotAction`"),
        (json!({"Action": []}), "`Action` is a text or a list of texts"),
        (
            json!({"Action": ["s3:GetObject", "ecr:*"]}),
            "`s3:GetObject` is no action of ECR's",
        ),
        (json!({"Resource": "*"}), "takes no `Resource`"),
        (json!({"Condition": ["x"]}), "`Condition` is a mapping"),
        (
            json!({"Condition": {"StringEquals": {"k": {"x": 1}}}}),
            "`Condition` is a mapping",
        ),
        (json!({"Sid": 1}), "`Sid` is a text"),
        (json!({"Actions": "ecr:*"}), "there is no element `Actions`"),
    ] {
        let said = RepositoryPolicy::of(policy(changes.clone()))
            .unwrap_err()
            .to_string();
        assert!(
            said.starts_with("statement 1: ") && said.contains(expected),
            "{changes}: {said}"
        );
    }
    let twice = json!({"Statement": [statement(json!({})), statement(json!({}))]});
    let said = RepositoryPolicy::of(twice).unwrap_err().to_string();
    assert_eq!(said, "statement 2: two statements have the `Sid` `one`");
    let long = policy(json!({"Sid": "x".repeat(10_240)}));
    assert!(
        RepositoryPolicy::of(long)
            .unwrap_err()
            .to_string()
            .contains("at most 10240")
    );
}

#[test]
fn short_forms_are_the_policies_that_aws_documents() {
    let account = |text: &str| PolicyPrincipal::parse(text).unwrap();
    let rules = AccessRules {
        pull_from: vec![account("111122223333")],
        push_from: vec![account("arn:aws:iam::444455556666:role/build")],
        lambda: Some(LambdaAccess::Accounts(vec![
            AccountId::parse("111122223333").unwrap(),
        ])),
        organization: Some("o-a1b2c3d4e5".to_owned()),
    };
    let policy = rules.policy().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(policy.document()).unwrap());
    // What they make is what they themselves would take.
    assert_eq!(RepositoryPolicy::parse(&policy.to_text()).unwrap(), policy);
    assert_eq!(AccessRules::default().policy(), None);
    let any = AccessRules {
        lambda: Some(LambdaAccess::Any),
        ..AccessRules::default()
    };
    assert_eq!(
        any.policy().unwrap().document()["Statement"][0].get("Condition"),
        None
    );
}

#[test]
fn principals_are_accounts_users_and_roles() {
    for (text, is_legal) in [
        ("111122223333", true),
        ("arn:aws:iam::111122223333:root", true),
        ("arn:aws-cn:iam::111122223333:user/x", true),
        ("arn:aws:sts::111122223333:assumed-role/r/s", true),
        ("11112222333", false),
        ("*", false),
        ("arn:aws:iam::111122223333:group/x", false),
        ("arn:aws:s3:::bucket", false),
        ("arn:aws:iam::111122223333:role/a b", false),
    ] {
        assert_eq!(PolicyPrincipal::parse(text).is_ok(), is_legal, "{text}");
    }
    assert!(AccessRules::is_organization("o-a1b2c3d4e5"));
    for text in ["o-a1b2", "a1b2c3d4e5", "o-A1B2C3D4E5"] {
        assert!(!AccessRules::is_organization(text), "{text}");
    }
}

#[test]
fn short_rules_make_a_lifecycle_policy() {
    let rules = ShortRules {
        keep: vec!["v*".to_owned(), "1.*".to_owned()],
        untagged_days: Some(7),
        keep_last: Some(30),
        archive_after_days: None,
    };
    let document = rules.document().unwrap();
    let words: Vec<String> = document
        .policy()
        .rules()
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(words.join("\n"));
    let archive = ShortRules {
        archive_after_days: Some(90),
        ..ShortRules::default()
    };
    assert_eq!(
        archive.document().unwrap().policy().rules()[0].to_string(),
        "rule 1: archive all images that were pulled last more than 90 days ago (archive what was not pulled for 90 days)"
    );
    assert!(matches!(
        ShortRules {
            keep: vec!["v*".to_owned()],
            ..ShortRules::default()
        }
        .document(),
        Err(InvalidShortRules::NothingExpires)
    ));
    let both = ShortRules {
        archive_after_days: Some(90),
        keep_last: Some(3),
        ..ShortRules::default()
    };
    assert!(matches!(both.document(), Err(InvalidShortRules::TwoForAll)));
    let wild = ShortRules {
        keep: vec!["*a*b*c*d*".to_owned()],
        keep_last: Some(1),
        ..ShortRules::default()
    };
    assert!(matches!(wild.document(), Err(InvalidShortRules::Document(_))));
}
