//! Policies, sessions and callers, by IAM's rules.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::grammar::{PrincipalMatch, Verdict, matches};
use super::identities::SESSION;
use super::principal::SessionCredentials;
use super::*;
use tagship_domain::reference::AccountId;

#[test]
fn wildcards_match_whole_texts() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("ecr:*", "ecr:PutImage", true),
        ("ecr:Batch*Image", "ecr:BatchGetImage", true),
        ("ecr:Batch*Image", "ecr:BatchGetImages", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*a*b", "xaxbxb", true),
        ("*a*b", "xaxbx", false),
        ("repo:o/r:*", "repo:o/r2:ref", false),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_deny_counts_before_any_allow() {
    let policy = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":["ecr:*"],"Resource":"*"},
            {"Effect":"Deny","Action":"ecr:describerepositories","Resource":["arn:aws:ecr:*:*:repository/secret/*"]}]}"#,
    )
    .unwrap();
    let verdict = |action, repository| {
        policy.verdict(
            action,
            &format!("arn:aws:ecr:eu-west-1:111122223333:repository/{repository}"),
            &BTreeMap::new(),
        )
    };
    assert_eq!(verdict("ecr:DescribeRepositories", "team/app"), Verdict::Allowed);
    assert_eq!(verdict("ecr:DescribeRepositories", "secret/app"), Verdict::Denied);
    assert_eq!(verdict("sts:AssumeRole", "team/app"), Verdict::Silent);
}

#[test]
fn what_cannot_be_evaluated_is_not_read() {
    for statement in [
        r#"{"Effect":"Allow","NotAction":"ecr:*","Resource":"*"}"#,
        r#"{"Effect":"Deny","Action":"ecr:*","Resource":"*","Condition":{"Bool":{"a":"b"}}}"#,
        r#"{"Effect":"allow","Action":"ecr:*","Resource":"*"}"#,
    ] {
        assert!(
            Policy::parse(&format!(r#"{{"Statement":{statement}}}"#)).is_err(),
            "{statement}"
        );
    }
}

fn iam() -> Iam {
    let folder = tempfile::tempdir().unwrap();
    let account = AccountId::parse("111122223333").unwrap();
    Iam {
        roles: Roles::load(folder.path(), &account, "aws").unwrap(),
        account,
        partition: "aws",
        administrator: AccessKey {
            id: "AKIAADMIN".to_owned(),
            secret: "secret".into(),
        },
        seal: Seal::new(&[7; Seal::KEY_BYTES]),
    }
}

fn session(iam: &Iam, policy: Option<&str>) -> (Session, SessionCredentials) {
    iam.issue(Session {
        account: iam.account.clone(),
        key_id: String::new(),
        role: "tagship-example".to_owned(),
        name: "test".to_owned(),
        expires: Timestamp::from_second(1000).unwrap(),
        policy: policy.map(str::to_owned),
        policy_arns: Vec::new(),
        tags: BTreeMap::new(),
        transitive_tag_keys: Vec::new(),
        source_identity: None,
    })
    .unwrap()
}

#[test]
fn session_credentials_are_bound_to_key_token_and_time() {
    let iam = iam();
    let (session, credentials) = session(&iam, None);
    let at = |second| Timestamp::from_second(second).unwrap();
    let token = credentials.token.expose_secret();
    let (principal, secret) = iam.find(&credentials.key.id, Some(token), at(999)).unwrap();
    assert_eq!(principal, Principal::Session(Box::new(session)));
    assert_eq!(secret.expose_secret(), credentials.key.secret.expose_secret());
    let refused = |key: &str, token: Option<&str>, second| iam.find(key, token, at(second)).unwrap_err();
    assert_eq!(
        refused(&credentials.key.id, Some(token), 1000),
        BadCredentials::Expired
    );
    assert_eq!(refused(&credentials.key.id, None, 0), BadCredentials::Unknown);
    assert_eq!(refused("AKIAADMIN", Some(token), 0), BadCredentials::Unknown);
    let mut forged = token.to_owned();
    forged.replace_range(..1, if token.starts_with('A') { "B" } else { "A" });
    assert_eq!(
        refused(&credentials.key.id, Some(&forged), 0),
        BadCredentials::Unknown
    );
    let other = Seal::new(&[8; Seal::KEY_BYTES]);
    assert!(other.open::<Session>(SESSION, token).is_none());
    assert!(iam.seal.open::<Session>("registry", token).is_none());
}

#[test]
fn a_session_policy_only_narrows() {
    let iam = iam();
    let narrow = r#"{"Statement":{"Effect":"Allow","Action":["ecr:PutImage","iam:*"],"Resource":"*"}}"#;
    let (session, _) = session(&iam, Some(narrow));
    let principal = Principal::Session(Box::new(session));
    let authorize = |action| {
        let request = Request {
            action,
            resource: "*",
            source: None,
            tags: None,
        };
        iam.authorize(&principal, &request, &iam.account, &[])
    };
    assert_eq!(authorize("ecr:PutImage"), Ok(()));
    let refusal = authorize("ecr:BatchGetImage").unwrap_err();
    assert_eq!(
        refusal,
        "User: arn:aws:sts::111122223333:assumed-role/tagship-example/test is not authorized to perform: \
         ecr:BatchGetImage on resource: * because no session policy allows the ecr:BatchGetImage action"
    );
    assert!(authorize("iam:CreateUser").is_err());
}

/// The policies of AWS's examples, and what only looks like one.
mod resource_policies;

#[test]
fn a_caller_is_named_by_account_role_or_session() {
    let caller = Caller {
        account: AccountId::parse("111122223333").unwrap(),
        identity: "arn:aws:iam::111122223333:role/build".to_owned(),
        session: Some("arn:aws:sts::111122223333:assumed-role/build/job".to_owned()),
        tags: BTreeMap::new(),
    };
    for (name, expected) in [
        ("*", Some(PrincipalMatch::Identity)),
        ("111122223333", Some(PrincipalMatch::Account)),
        ("arn:aws:iam::111122223333:root", Some(PrincipalMatch::Account)),
        (
            "arn:aws:iam::111122223333:role/build",
            Some(PrincipalMatch::Identity),
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/build/job",
            Some(PrincipalMatch::Session),
        ),
        ("arn:aws:sts::111122223333:assumed-role/build/other", None),
        ("arn:aws:sts::111122223333:assumed-role/build/*", None),
        ("arn:aws:iam::111122223333:role/*", None),
        ("arn:aws:iam::444455556666:root", None),
        ("444455556666", None),
    ] {
        assert_eq!(caller.principal_match(name), expected, "{name}");
    }
}
