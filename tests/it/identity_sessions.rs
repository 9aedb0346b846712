//! Sessions of roles as a workflow wants them, against an STS that looks at every condition and policy.
#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::fs;
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tagship::aws::{IdentityError, RegistryRepositories};
use tagship::ports::{ControlPlane as _, RegistryLogin as _, WriteRepositories as _};
use tagship::settings::{AccessKey, IdentitySettings, OidcToken, SessionSettings};
use tagship_domain::error::Diagnose as _;
use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::{AccountId, ImageName, RepositoryName};
use tagship_domain::repositories::{DeclaredRepository, RegistryKind};

use crate::identity_local::{Aws, app, trust};

const JOB: &str = "repo:example/app:ref:refs/heads/main";
const POWER_USER: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser";
const PULL_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly";

/// The role `publish` for jobs; `keyed`, for the account's keys that know its external id and say their team; `untagged`,
/// which takes no tags.
fn roles() -> Value {
    let account = "arn:aws:iam::123456789012:root";
    let everything = json!([{"Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}]);
    let trusting = |name: &str, statement: Value| {
        json!({
            "RoleName": name,
            "AssumeRolePolicyDocument": {"Statement": [statement]},
            "PolicyDocuments": everything,
        })
    };
    let provider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    json!({"Roles": [
        trusting("publish", json!({
            "Effect": "Allow", "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity", "Condition": trust(JOB),
        })),
        trusting("keyed", json!({
            "Effect": "Allow", "Principal": {"AWS": account}, "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringEquals": {"sts:ExternalId": "acme", "aws:RequestTag/Team": "web"}},
        })),
        trusting("untagged", json!({
            "Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole",
        })),
    ]})
}

/// A job that has a key of the account, and no OIDC.
fn keyed(aws: &Aws, role: &str, session: SessionSettings) -> IdentitySettings {
    let key = aws.server.admin();
    IdentitySettings {
        role: Some(format!("arn:aws:iam::123456789012:role/{role}")),
        access_key: Some(AccessKey {
            id: key.id.clone(),
            secret: key.secret.clone(),
            session_token: None,
        }),
        session,
        oidc: None,
        ..aws.job()
    }
}

fn known() -> SessionSettings {
    SessionSettings {
        external_id: Some("acme".to_owned()),
        tags: vec![("Team".to_owned(), "web".to_owned())],
        ..SessionSettings::default()
    }
}

/// Whether the identity may make a repository; its session is as it is.
async fn may_create(aws: &Aws, identity: &IdentitySettings, name: &str) -> bool {
    let name = RepositoryName::parse(name).unwrap();
    let repositories = RegistryRepositories::of(Arc::new(aws.ecr(identity).await)).await;
    let declared = DeclaredRepository::undeclared(name, RegistryKind::Private);
    repositories.create(&declared).await.is_ok()
}

#[tokio::test]
async fn a_role_that_asks_for_an_external_id_and_tags_gets_both() {
    let aws = Aws::start_with(&roles()).await;
    let host = aws.server.registry_host();
    aws.ecr(&keyed(&aws, "keyed", known()))
        .await
        .credential(&host)
        .await
        .unwrap();
    for session in [
        SessionSettings {
            external_id: Some("other".to_owned()),
            ..known()
        },
        SessionSettings {
            external_id: None,
            ..known()
        },
        SessionSettings {
            tags: vec![("Team".to_owned(), "db".to_owned())],
            ..known()
        },
        SessionSettings::default(),
    ] {
        let error = aws.refusal(&keyed(&aws, "keyed", session.clone())).await;
        assert!(
            matches!(
                error,
                IdentityError::ChainDenied { .. } | IdentityError::TagsDenied { .. }
            ),
            "{session:?}: {error}"
        );
        assert!(error.hint().is_some());
    }
    let error = aws.refusal(&keyed(&aws, "untagged", known())).await;
    assert!(matches!(error, IdentityError::TagsDenied { .. }), "{error}");
    assert!(error.hint().unwrap().contains("`sts:TagSession`"));
}

#[tokio::test]
async fn policies_of_the_workflow_narrow_a_session_and_nothing_widens_it_again() {
    let aws = Aws::start_with(&roles()).await;
    let job = aws.job();
    assert!(may_create(&aws, &job, "team/free").await);
    let inline = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:Describe*"], "Resource": "*"},
    ]});
    let own = ImageName {
        registry: aws.server.registry_host(),
        repository: app(),
    };
    for (name, session) in [
        (
            "inline",
            SessionSettings {
                inline_policy: Some(inline.to_string()),
                ..SessionSettings::default()
            },
        ),
        (
            "managed",
            SessionSettings {
                managed_policies: vec![PULL_ONLY.to_owned()],
                ..SessionSettings::default()
            },
        ),
    ] {
        let narrowed = IdentitySettings {
            session,
            // It allows to make repositories, and beside a policy of the workflow would allow it here too.
            session_policy: SessionPolicy::of([&own]),
            ..job.clone()
        };
        assert!(
            !may_create(&aws, &narrowed, &format!("team/{name}")).await,
            "{name}"
        );
        aws.ecr(&narrowed).await.credential(&own.registry).await.unwrap();
    }
    let powerful = SessionSettings {
        managed_policies: vec![POWER_USER.to_owned()],
        ..SessionSettings::default()
    };
    let powerful = IdentitySettings {
        session: powerful,
        ..job.clone()
    };
    assert!(aws.ecr(&powerful).await.mutability(&app()).await.is_ok());

    let unknown = vec!["arn:aws:iam::aws:policy/NoSuchPolicy".to_owned()];
    let unknown = SessionSettings {
        managed_policies: unknown,
        ..SessionSettings::default()
    };
    let error = aws
        .refusal(&IdentitySettings {
            session: unknown,
            ..job
        })
        .await;
    assert!(
        matches!(error, IdentityError::SessionPolicyRefused { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_the_workflow_wants_of_a_session_is_never_left_out_for_want_of_room() {
    let aws = Aws::start_with(&roles()).await;
    let large = (0..40).map(|number| (format!("Tag{number}"), format!("{number}").repeat(100)));
    let session = SessionSettings {
        tags: large.collect(),
        ..known()
    };
    let own = ImageName {
        registry: aws.server.registry_host(),
        repository: app(),
    };
    let identity = IdentitySettings {
        session_policy: SessionPolicy::of([&own]),
        ..keyed(&aws, "untagged", session)
    };
    let error = aws.refusal(&identity).await;
    // The run's own policy was left out first; then it is the workflow's turn.
    assert!(
        matches!(
            error,
            IdentityError::TagsDenied { .. } | IdentityError::SessionTooLarge { .. }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_that_are_there_are_used_and_others_are_not() {
    let aws = Aws::start_with(&roles()).await;
    let host = aws.server.registry_host();
    let there = IdentitySettings {
        uses_existing: true,
        ..keyed(&aws, "keyed", SessionSettings::default())
    };
    aws.ecr(&there).await.credential(&host).await.unwrap();
    assert!(
        !aws.operations().iter().any(|operation| operation == "AssumeRole"),
        "{:?}",
        aws.operations()
    );

    // A key that AWS does not take: the job's OIDC token assumes the role.
    let mut stale = IdentitySettings {
        uses_existing: true,
        access_key: there.access_key.clone(),
        ..aws.job()
    };
    stale.access_key.as_mut().unwrap().secret = "wrong".into();
    aws.ecr(&stale).await.credential(&host).await.unwrap();
    assert!(
        aws.operations()
            .iter()
            .any(|operation| operation == "AssumeRoleWithWebIdentity")
    );

    // There are others, but of an account that may not be used.
    let mut elsewhere = there;
    elsewhere.role = None;
    elsewhere.allowed_accounts = vec![AccountId::parse("000000000001").unwrap()];
    let error = aws.refusal(&elsewhere).await;
    assert!(
        matches!(error, IdentityError::AccountNotAllowed { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_in_a_file_is_read_anew_for_each_session() {
    let aws = Aws::start_with(&roles()).await;
    let host = aws.server.registry_host();
    let token = async || {
        let mut url = aws.server.oidc_request_url();
        url.query_pairs_mut().append_pair("audience", "sts.amazonaws.com");
        let request = reqwest::Client::builder().build().unwrap().get(url);
        let answer = request
            .bearer_auth(aws.server.oidc_request_token().expose_secret())
            .send()
            .await
            .unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        answer["value"].as_str().unwrap().to_owned()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, token().await + "\n").unwrap();
    let job = IdentitySettings {
        oidc: Some(OidcToken::File(path.clone())),
        ..aws.job()
    };
    aws.ecr(&job).await.credential(&host).await.unwrap();
    let (key, _) = aws.ecr(&job).await.credentials().await.unwrap();
    assert!(key.id.starts_with("ASIA") && key.session_token.is_some());
    assert!(aws.masks().contains(&key.secret.expose_secret().to_owned()));
    fs::write(&path, "\n").unwrap();
    let error = aws.refusal(&job).await;
    assert!(matches!(error, IdentityError::TokenFile { .. }), "{error}");
}
