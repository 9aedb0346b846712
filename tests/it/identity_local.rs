//! From a job's right to ask for a token to a login, against an STS that verifies signatures, claims and trust policies.
#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecr_local::{Fault, FaultAction, GithubClaims, LocalEcr, Options};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tagship::aws::{Ecr, IdentityError};
use tagship::clock::SystemClock;
use tagship::ports::{Clock, ControlPlane as _, RegistryLogin as _, Reporter, RunEvent};
use tagship::settings::{AccessKey, IdentitySettings, OidcRequest, OidcToken};
use tagship_domain::error::Diagnose as _;
use tagship_domain::iam::{GithubRepository, JobFilter, RepositoryIds, SubjectForms, Trust};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{AccountId, Region, RepositoryName, Tag};
use tempfile::TempDir;

const ACCOUNT: &str = "123456789012";
const ROLE: &str = "arn:aws:iam::123456789012:role/publish";

/// Waits take no time.
struct Impatient;

#[async_trait]
impl Clock for Impatient {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    async fn sleep(&self, _duration: Duration) {}
}

/// Keeps the secrets that it is given.
#[derive(Default)]
struct MaskedSecrets(Mutex<Vec<String>>);

impl Reporter for MaskedSecrets {
    fn mask(&self, secret: &SecretString) {
        self.0.lock().unwrap().push(secret.expose_secret().to_owned());
    }

    fn event(&self, _event: RunEvent<'_>) {}
}

/// An embedded ECR in which the role `publish` may be assumed on a condition.
pub(crate) struct Aws {
    pub(crate) server: LocalEcr,
    masks: Arc<MaskedSecrets>,
    _data: TempDir,
}

impl Aws {
    async fn start(condition: &Value) -> Self {
        Self::start_permitting(condition, &["ecr:*"]).await
    }

    /// One whose role may do `actions` alone.
    async fn start_permitting(condition: &Value, actions: &[&str]) -> Self {
        let roles = json!({"Roles": [{
            "RoleName": "publish",
            "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": {"Statement": [{
                "Effect": "Allow",
                "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com")},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }]},
            "PolicyDocuments": [{"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}],
        }]});
        Self::start_with(&roles).await
    }

    /// One with these roles.
    pub(crate) async fn start_with(roles: &Value) -> Self {
        let data = TempDir::new().unwrap();
        // JSON is YAML.
        fs::write(data.path().join("roles.yaml"), roles.to_string()).unwrap();
        let account = AccountId::parse(ACCOUNT).unwrap();
        let region = Region::parse("eu-central-1").unwrap();
        let server = LocalEcr::start(Options::new(data.path(), account, region))
            .await
            .unwrap();
        let repository = RepositoryName::parse("team/app").unwrap();
        server
            .ensure_repository(&repository, &Mutability::Immutable)
            .await
            .unwrap();
        Self {
            server,
            masks: Arc::default(),
            _data: data,
        }
    }

    /// One whose role trusts the tokens that the embedded issuer makes at first.
    async fn trusting() -> Self {
        Self::start(&trust("repo:example/app:ref:refs/heads/main")).await
    }

    pub(crate) fn job(&self) -> IdentitySettings {
        IdentitySettings {
            role: Some(ROLE.to_owned()),
            session_name: "tagship".to_owned(),
            audience: "sts.amazonaws.com".to_owned(),
            duration_seconds: 3600,
            allowed_accounts: vec![AccountId::parse(ACCOUNT).unwrap()],
            region: Some(Region::parse("eu-central-1").unwrap()),
            endpoint_url: Some(self.server.endpoint()),
            oidc: Some(OidcToken::Request(OidcRequest {
                url: self.server.oidc_request_url(),
                token: self.server.oidc_request_token(),
            })),
            in_actions: true,
            ..IdentitySettings::default()
        }
    }

    pub(crate) async fn ecr(&self, identity: &IdentitySettings) -> Ecr {
        let (host, masks) = (self.server.registry_host(), Arc::clone(&self.masks));
        Ecr::connect(identity, &host, Arc::new(Impatient), masks)
            .await
            .unwrap()
    }

    /// Why there is no login.
    pub(crate) async fn refusal(&self, identity: &IdentitySettings) -> IdentityError {
        let ecr = self.ecr(identity).await;
        match ecr.credential(&self.server.registry_host()).await {
            Err(error) => error.cause().downcast_ref::<IdentityError>().unwrap().clone(),
            other => panic!("{other:?}"),
        }
    }

    /// What was masked.
    pub(crate) fn masks(&self) -> Vec<String> {
        self.masks.0.lock().unwrap().clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        let journal = self.server.journal();
        journal.into_iter().map(|entry| entry.operation).collect()
    }
}

pub(crate) fn trust(subject: &str) -> Value {
    json!({"StringEquals": {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": subject,
    }})
}

pub(crate) fn app() -> RepositoryName {
    RepositoryName::parse("team/app").unwrap()
}

#[tokio::test]
async fn a_job_comes_to_a_login_and_reads_its_repository() {
    let aws = Aws::trusting().await;
    let ecr = aws.ecr(&aws.job()).await;
    assert_eq!(aws.operations().len(), 0);
    assert_eq!(ecr.mutability(&app()).await.unwrap(), Mutability::Immutable);
    let tags = [Tag::parse("1.2.3").unwrap()];
    let found = ecr.look_up(&app(), &[], &tags).await.unwrap();
    assert!(found.tags.is_empty());
    let host = aws.server.registry_host();
    let credential = ecr.credential(&host).await.unwrap();
    assert_eq!(
        aws.operations(),
        [
            "GetIdToken",
            "AssumeRoleWithWebIdentity",
            "DescribeRepositories",
            "BatchGetImage",
            "GetAuthorizationToken"
        ]
    );
    let answer = reqwest::Client::builder()
        .build()
        .unwrap()
        .get(format!("http://{host}/v2/"))
        .basic_auth(&credential.username, Some(credential.password.expose_secret()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

/// What a hint says to write into the trust policy is what STS takes.
#[tokio::test]
async fn the_condition_that_is_told_is_the_one_that_matches() {
    for immutable_subject in [false, true] {
        let claims = GithubClaims {
            environment: Some("prod:eu".to_owned()),
            immutable_subject,
            ..GithubClaims::default()
        };
        let aws = Aws::start(&trust("repo:example/other:ref:refs/heads/main")).await;
        aws.server.set_claims(claims.clone());
        let error = aws.refusal(&aws.job()).await;
        assert!(matches!(error, IdentityError::AssumeDenied(_)), "{error}");
        assert!(error.to_string().contains(&claims.subject()), "{error}");
        let hint = error.hint().unwrap();
        let conditions: Vec<Value> = hint
            .match_indices("{\n")
            .filter_map(|(at, _)| {
                serde_json::Deserializer::from_str(&hint[at..])
                    .into_iter::<Value>()
                    .next()?
                    .ok()
            })
            .filter_map(|value| value.get("Condition").cloned())
            .collect();
        assert_eq!(conditions.len(), 2, "{hint}");
        for (condition, immutable_subject) in conditions.iter().zip([immutable_subject, !immutable_subject]) {
            let aws = Aws::start(condition).await;
            aws.server.set_claims(GithubClaims {
                immutable_subject,
                ..claims.clone()
            });
            let host = aws.server.registry_host();
            assert!(aws.ecr(&aws.job()).await.credential(&host).await.is_ok());
        }
    }
}

#[tokio::test]
async fn every_other_refusal_is_told_as_what_it_is() {
    type Expected = fn(&IdentityError) -> bool;
    let overrides: [(&str, Value, Expected); 3] = [
        (
            "iss",
            json!("https://issuer.example"),
            |error| matches!(error, IdentityError::UnknownIssuer { issuer, .. } if issuer == "https://issuer.example"),
        ),
        ("aud", json!("elsewhere"), |error| {
            matches!(
                error,
                IdentityError::WrongAudience { .. } | IdentityError::AssumeDenied(_)
            )
        }),
        ("exp", json!(1_000_000_000), |error| {
            matches!(error, IdentityError::TokenRejected { .. })
        }),
    ];
    for (claim, value, expected) in overrides {
        let aws = Aws::trusting().await;
        let mut claims = GithubClaims::default();
        claims.overrides.insert(claim.to_owned(), value);
        aws.server.set_claims(claims);
        let error = aws.refusal(&aws.job()).await;
        assert!(expected(&error), "{claim}: {error}");
    }
    let aws = Aws::trusting().await;
    let mut job = aws.job();
    job.role = Some("arn:aws:iam::123456789012:role/missing".to_owned());
    assert!(matches!(aws.refusal(&job).await, IdentityError::AssumeDenied(_)));
    let mut job = aws.job();
    job.oidc = Some(OidcToken::Request(OidcRequest {
        url: aws.server.oidc_request_url(),
        token: SecretString::from("wrong"),
    }));
    assert!(matches!(
        aws.refusal(&job).await,
        IdentityError::TokenRefused { .. }
    ));
}

#[tokio::test]
async fn trouble_on_the_way_is_not_seen() {
    let aws = Aws::trusting().await;
    let trouble = [
        ("GetIdToken", FaultAction::Reset),
        (
            "AssumeRoleWithWebIdentity",
            FaultAction::Error {
                code: "IDPCommunicationError".to_owned(),
                message: "busy".to_owned(),
                status: 400,
            },
        ),
        ("AssumeRoleWithWebIdentity", FaultAction::Reset),
        ("AssumeRoleWithWebIdentity", FaultAction::Truncate),
        (
            "AssumeRoleWithWebIdentity",
            FaultAction::Status {
                status: 503,
                envelope: false,
            },
        ),
    ];
    for (operation, action) in trouble {
        aws.server.add_fault(Fault {
            operation: operation.to_owned(),
            repository: None,
            skip: 0,
            times: 1,
            action,
        });
    }
    let ecr = aws.ecr(&aws.job()).await;
    ecr.credential(&aws.server.registry_host()).await.unwrap();
}

#[tokio::test]
async fn a_key_pair_is_used_as_it_is_and_its_account_is_checked() {
    let aws = Aws::trusting().await;
    let key = aws.server.admin();
    let mut identity = IdentitySettings {
        access_key: Some(AccessKey {
            id: key.id.clone(),
            secret: key.secret.clone(),
            session_token: None,
        }),
        role: None,
        oidc: None,
        ..aws.job()
    };
    let host = aws.server.registry_host();
    aws.ecr(&identity).await.credential(&host).await.unwrap();
    assert_eq!(aws.operations(), ["GetCallerIdentity", "GetAuthorizationToken"]);
    let masks = aws.masks.0.lock().unwrap().clone();
    assert!(masks.iter().any(|mask| mask == key.secret.expose_secret()));

    identity.allowed_accounts = vec![AccountId::parse("000000000001").unwrap()];
    let error = aws.refusal(&identity).await;
    assert!(
        matches!(&error, IdentityError::AccountNotAllowed { account, .. } if account.as_str() == ACCOUNT),
        "{error}"
    );

    identity.allowed_accounts.clear();
    identity.access_key.as_mut().unwrap().secret = SecretString::from("wrong");
    let error = aws.refusal(&identity).await;
    assert!(
        matches!(error, IdentityError::CredentialsRefused { .. }),
        "{error}"
    );
}

/// Trusts jobs of `example/app`, of `main` and of the environment `prod:eu`.
fn printed_trust(forms: SubjectForms, ids: Option<RepositoryIds>) -> Value {
    let trust = Trust {
        account: AccountId::parse(ACCOUNT).unwrap(),
        partition: "aws",
        issuer: "token.actions.githubusercontent.com".to_owned(),
        audience: "sts.amazonaws.com".to_owned(),
        repository: GithubRepository::parse("example/app").unwrap(),
        ids,
        jobs: vec![
            JobFilter::branch("main").unwrap(),
            JobFilter::environment("prod:eu").unwrap(),
        ],
        forms,
    };
    json!(trust.policy())["Statement"][0]["Condition"].clone()
}

#[tokio::test]
async fn a_printed_trust_policy_trusts_the_named_jobs_in_the_forms_that_it_names_and_no_others() {
    let job = |is_immutable: bool, environment: Option<&str>| GithubClaims {
        immutable_subject: is_immutable,
        environment: environment.map(str::to_owned),
        ..GithubClaims::default()
    };
    let with = |claim: &str, value: &str| {
        let mut claims = GithubClaims::default();
        claims.overrides.insert(claim.to_owned(), value.into());
        claims
    };
    for (forms, classic, immutable) in [
        (SubjectForms::Both, true, true),
        (SubjectForms::Classic, true, false),
        (SubjectForms::Immutable, false, true),
    ] {
        let aws = Aws::start(&printed_trust(forms, None)).await;
        let cases = [
            (job(false, None), classic),
            (job(true, None), immutable),
            (job(false, Some("prod:eu")), classic),
            (job(true, Some("prod:eu")), immutable),
            (job(false, Some("dev")), false),
            (with("sub", "repo:example/app:ref:refs/heads/other"), false),
            (with("sub", "repo:example/other:ref:refs/heads/main"), false),
            (with("sub", "repo:example@1/other@2:ref:refs/heads/main"), false),
            (with("sub", "repo:example/app:pull_request"), false),
            (with("aud", "elsewhere"), false),
        ];
        for (claims, is_trusted) in cases {
            aws.server.set_claims(claims.clone());
            let ecr = aws.ecr(&aws.job()).await;
            let login = ecr.credential(&aws.server.registry_host()).await;
            assert_eq!(login.is_ok(), is_trusted, "{forms:?} {claims:?}");
        }
    }
    let wrong_ids = RepositoryIds {
        owner: 7,
        repository: 8,
    };
    let aws = Aws::start(&printed_trust(SubjectForms::Immutable, Some(wrong_ids))).await;
    aws.server.set_claims(job(true, None));
    assert!(matches!(
        aws.refusal(&aws.job()).await,
        IdentityError::AssumeDenied(_)
    ));
}

#[tokio::test]
async fn all_rights_that_a_push_lacks_are_found_without_an_effect() {
    let pull = [
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ];
    let push = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    // A right that is missing alone, but for the two that only come with another one.
    let alone = push.iter().skip(2).map(|right| vec![*right]);
    let cases = [vec![], push.to_vec(), vec![push[1], push[3]]]
        .into_iter()
        .chain(alone);
    for missing in cases {
        let granted = pull
            .iter()
            .chain(push.iter().filter(|right| !missing.contains(*right)));
        let granted: Vec<&str> = granted.copied().collect();
        let condition = trust("repo:example/app:ref:refs/heads/main");
        let aws = Aws::start_permitting(&condition, &granted).await;
        let ecr = aws.ecr(&aws.job()).await;
        assert_eq!(ecr.missing_push_rights(&app()).await.unwrap(), missing);
        let done = aws.server.journal().into_iter().filter(|entry| {
            let writes = ["UploadLayerPart", "CompleteLayerUpload", "PutImage"];
            writes.contains(&entry.operation.as_str()) && entry.status.is_some_and(|status| status < 400)
        });
        assert_eq!(done.count(), 0, "{:?}", aws.operations());
    }
}
