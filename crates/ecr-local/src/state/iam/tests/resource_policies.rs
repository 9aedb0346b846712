//! Policies of repositories and registries, by the guides' examples.

use serde_json::{Value, json};

use super::super::decision::{DenialReason, decide};
use super::*;

const REPOSITORY: &str = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app";

fn parse(statement: &Value) -> Result<ResourcePolicy, PolicyProblem> {
    ResourcePolicy::parse(&json!({"Version": "2012-10-17", "Statement": [statement]}).to_string())
}

fn caller(account: &str, role: &str) -> Caller {
    Caller {
        account: AccountId::parse(account).unwrap(),
        identity: format!("arn:aws:iam::{account}:role/{role}"),
        session: Some(format!("arn:aws:sts::{account}:assumed-role/{role}/job")),
        tags: std::collections::BTreeMap::new(),
    }
}

/// What a policy of one statement says to a role of account 111122223333.
fn decision_of(statement: &Value, role: &str, action: &str, source: Option<&str>) -> PolicyDecision {
    let tags = BTreeMap::from([("Stage".to_owned(), "test".to_owned())]);
    let request = Request {
        action,
        resource: REPOSITORY,
        source: source.map(|source| source.parse().unwrap()),
        tags: Some(&tags),
    };
    let caller = caller("111122223333", role);
    parse(statement).unwrap().decision_for(&caller, &request)
}

/// Source: ECR user guide, "Private repository policy examples in Amazon ECR".
#[test]
fn the_guides_examples_say_what_they_are_said_to_say() {
    let push_pull = json!({
        "Sid": "AllowPushPull",
        "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::111122223333:role/one", "arn:aws:iam::111122223333:user/two"]},
        "Action": ["ecr:BatchGetImage", "ecr:PutImage"],
        "Resource": "*",
    });
    let named = PolicyDecision::Allowed(PrincipalMatch::Identity);
    assert_eq!(decision_of(&push_pull, "one", "ecr:PutImage", None), named);
    assert_eq!(
        decision_of(&push_pull, "two", "ecr:PutImage", None),
        PolicyDecision::Silent
    );
    assert_eq!(
        decision_of(&push_pull, "one", "ecr:ListImages", None),
        PolicyDecision::Silent
    );
    let other_account = json!({
        "Sid": "AllowCrossAccountPush",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": ["ecr:PutImage"],
        "Resource": "*",
    });
    let by_account = PolicyDecision::Allowed(PrincipalMatch::Account);
    assert_eq!(
        decision_of(&other_account, "any", "ecr:PutImage", None),
        by_account
    );
    let deny_pull = json!({
        "Sid": "DenyPull",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    });
    assert_eq!(
        decision_of(&deny_pull, "any", "ecr:BatchGetImage", None),
        PolicyDecision::Denied
    );
    assert_eq!(
        decision_of(&deny_pull, "any", "ecr:PutImage", None),
        PolicyDecision::Silent
    );
    let from_one_range = json!({
        "Sid": "ECRRepositoryPolicy",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ecr:*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "54.240.143.0/24"}},
    });
    let from = |source| decision_of(&from_one_range, "any", "ecr:PutImage", source);
    assert_eq!(from(Some("54.240.143.7")), PolicyDecision::Silent);
    assert_eq!(from(Some("::ffff:54.240.143.7")), PolicyDecision::Silent);
    assert_eq!(from(Some("54.240.144.7")), PolicyDecision::Denied);
    assert_eq!(from(None), PolicyDecision::Denied);
    let service = json!({
        "Sid": "CodeBuildAccess",
        "Effect": "Allow",
        "Principal": {"Service": "codebuild.amazonaws.com"},
        "Action": ["ecr:BatchGetImage"],
        "Condition": {
            "ArnLike": {"aws:SourceArn": "arn:aws:codebuild:eu-west-1:111122223333:project/*"},
            "StringEquals": {"aws:SourceAccount": "111122223333"},
        },
    });
    assert_eq!(
        decision_of(&service, "any", "ecr:BatchGetImage", None),
        PolicyDecision::Silent
    );
}

#[test]
fn conditions_look_at_who_calls() {
    let with = |operator: &str, value: Value| {
        json!({
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "ecr:*",
            "Condition": {operator: {"aws:PrincipalArn": value}},
        })
    };
    for (operator, value, holds) in [
        ("ArnLike", json!("arn:aws:iam::*:role/build-*"), true),
        ("ArnLike", json!("arn:aws:iam::*"), false),
        (
            "ArnEquals",
            json!(["x", "arn:aws:iam::111122223333:role/build-1"]),
            true,
        ),
        (
            "StringEquals",
            json!("arn:aws:iam::111122223333:role/build-*"),
            false,
        ),
        ("StringLike", json!("*:role/build-?"), true),
        ("StringNotLike", json!(["*:role/build-?", "x"]), false),
        (
            "StringNotEquals",
            json!("arn:aws:iam::111122223333:role/other"),
            true,
        ),
        ("ArnNotLike", json!("arn:aws:iam::*:role/other"), true),
    ] {
        let found = decision_of(&with(operator, value.clone()), "build-1", "ecr:PutImage", None);
        let expected = if holds {
            PolicyDecision::Allowed(PrincipalMatch::Identity)
        } else {
            PolicyDecision::Silent
        };
        assert_eq!(found, expected, "{operator} {value}");
    }
    for (key, holds) in [
        ("aws:ResourceTag/stage", true),
        ("ecr:ResourceTag/Stage", true),
        ("aws:ResourceTag/other", false),
    ] {
        let statement = json!({
            "Effect": "Allow",
            "Principal": "*",
            "Action": "ecr:*",
            "Condition": {"StringEquals": {key: "test"}},
        });
        let found = decision_of(&statement, "any", "ecr:PutImage", None);
        assert_eq!(found != PolicyDecision::Silent, holds, "{key}");
    }
    // What a request lacks is unlike anything.
    for (operator, expected) in [
        ("StringLike", PolicyDecision::Silent),
        ("StringNotLike", PolicyDecision::Allowed(PrincipalMatch::Identity)),
    ] {
        let statement = json!({
            "Effect": "Allow",
            "Principal": "*",
            "Action": "ecr:*",
            "Condition": {operator: {"aws:SourceArn": "*"}},
        });
        assert_eq!(
            decision_of(&statement, "any", "ecr:PutImage", None),
            expected,
            "{operator}"
        );
    }
}

#[test]
fn what_aws_does_not_take_is_told_from_what_is_not_evaluated() {
    let good = json!({"Effect": "Allow", "Principal": "*", "Action": "ecr:*"});
    assert!(parse(&good).is_ok());
    let with = |name: &str, value: Value| {
        let mut statement = good.clone();
        statement[name] = value;
        parse(&statement).unwrap_err()
    };
    for (name, value) in [
        ("Effect", json!("Permit")),
        ("Action", json!("s3:GetObject")),
        ("Action", Value::Null),
        ("Principal", Value::Null),
        ("Principal", json!("111122223333")),
        ("Principal", json!({"AWS": []})),
        ("Principal", json!({"AWS": "arn:aws:iam::1:root"})),
        ("Principal", json!({"AWS": "arn:aws:iam::111122223333:role/*"})),
        ("Principal", json!({"Service": "codebuild"})),
        (
            "Condition",
            json!({"IpAddress": {"aws:SourceIp": "54.240.143.0/33"}}),
        ),
        ("Unknown", json!("x")),
    ] {
        let problem = with(name, value.clone());
        assert!(
            matches!(problem, PolicyProblem::Invalid(_)),
            "{name} {value}: {problem}"
        );
    }
    for (name, value, words) in [
        ("NotPrincipal", json!({"AWS": "111122223333"}), "`NotPrincipal`"),
        ("NotAction", json!("ecr:PutImage"), "`NotAction`"),
        ("NotResource", json!("*"), "`NotResource`"),
        (
            "Condition",
            json!({"StringEquals": {"aws:PrincipalOrgPaths": "o-1/*"}}),
            "`aws:principalorgpaths`",
        ),
        (
            "Condition",
            json!({"StringEquals": {"ecr:ResourceTag/Owner": "${aws:username}"}}),
            "policy variables",
        ),
        (
            "Resource",
            json!("arn:aws:ecr:*:*:repository/${aws:username}/*"),
            "policy variables",
        ),
        (
            "Condition",
            json!({"Bool": {"aws:PrincipalArn": "true"}}),
            "`Bool`",
        ),
    ] {
        let problem = with(name, value);
        assert!(matches!(problem, PolicyProblem::NotEvaluated(_)), "{name}");
        assert!(problem.to_string().contains(words), "{problem}");
    }
    for text in [
        "",
        "{}",
        "[]",
        r#"{"Statement":[]}"#,
        r#"{"Version":"2020","Statement":[]}"#,
    ] {
        assert!(ResourcePolicy::parse(text).is_err(), "{text}");
    }
}

/// Source: IAM user guide, "Policy evaluation logic" and "Cross-account policy evaluation logic".
#[test]
fn policies_of_both_sides_are_evaluated_together() {
    use PolicyDecision as G;
    use Verdict as V;
    let by = |naming| G::Allowed(naming);
    for (own, session, decision, at_home, abroad) in [
        (
            V::Allowed,
            V::Allowed,
            G::Silent,
            Ok(()),
            Err(DenialReason::NotAllowedByResource),
        ),
        (
            V::Allowed,
            V::Allowed,
            by(PrincipalMatch::Account),
            Ok(()),
            Ok(()),
        ),
        (
            V::Allowed,
            V::Allowed,
            by(PrincipalMatch::Identity),
            Ok(()),
            Ok(()),
        ),
        (
            V::Silent,
            V::Allowed,
            by(PrincipalMatch::Identity),
            Ok(()),
            Err(DenialReason::NotAllowedToIdentity),
        ),
        (
            V::Silent,
            V::Allowed,
            by(PrincipalMatch::Account),
            Err(DenialReason::NotAllowedToIdentity),
            Err(DenialReason::NotAllowedToIdentity),
        ),
        (
            V::Allowed,
            V::Silent,
            by(PrincipalMatch::Identity),
            Err(DenialReason::NotAllowedToSession),
            Err(DenialReason::NotAllowedToSession),
        ),
        (
            V::Silent,
            V::Silent,
            by(PrincipalMatch::Session),
            Ok(()),
            Err(DenialReason::NotAllowedToIdentity),
        ),
    ] {
        assert_eq!(
            decide(own, session, decision, true),
            at_home,
            "{own:?} {session:?} {decision:?}"
        );
        assert_eq!(
            decide(own, session, decision, false),
            abroad,
            "{own:?} {session:?} {decision:?}"
        );
    }
    let everything = by(PrincipalMatch::Session);
    for at_home in [true, false] {
        let denied = |own, session, decision| decide(own, session, decision, at_home).unwrap_err();
        assert_eq!(
            denied(V::Denied, V::Allowed, everything),
            DenialReason::DeniedToIdentity
        );
        assert_eq!(
            denied(V::Allowed, V::Denied, everything),
            DenialReason::DeniedToSession
        );
        assert_eq!(
            denied(V::Allowed, V::Allowed, G::Denied),
            DenialReason::DeniedByResource
        );
    }
}
