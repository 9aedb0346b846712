//! Jobs that become roles with a token of the issuer.

use aws_credential_types::Credentials;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityOutput;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ecr_local::GithubClaims;
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::bench::{Bench, REPOSITORY, api_error, oci_error, session_of};

const AUDIENCE: &str = "sts.amazonaws.com";

/// A token, asked for as a GitHub job does.
async fn job_token(bench: &Bench, audience: &str) -> String {
    let url = format!("{}&audience={audience}", bench.local.oidc_request_url());
    let token = bench.local.oidc_request_token();
    let answer = bench
        .http
        .get(url)
        .header("authorization", format!("bearer {}", token.expose_secret()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let body: Value = answer.json().await.unwrap();
    body["value"].as_str().unwrap().to_owned()
}

struct Assume<'a> {
    role: &'a str,
    duration: Option<i32>,
    policy: Option<&'a str>,
}

impl<'a> Assume<'a> {
    fn role(role: &'a str) -> Self {
        Self {
            role,
            duration: None,
            policy: None,
        }
    }

    /// The session, or code and message of the refusal.
    async fn with(
        self,
        bench: &Bench,
        token: &str,
    ) -> Result<AssumeRoleWithWebIdentityOutput, (String, String)> {
        // The call is not signed, so no key serves.
        let result = bench
            .sts_as(Credentials::new("none", "none", None, None, "test"))
            .assume_role_with_web_identity()
            .role_arn(self.role)
            .role_session_name("test-session")
            .web_identity_token(token)
            .set_duration_seconds(self.duration)
            .set_policy(self.policy.map(str::to_owned))
            .send()
            .await;
        match result {
            Ok(output) => Ok(output),
            Err(error) => Err(api_error::<(), _, _>(Err(error))),
        }
    }
}

/// The session of a job that became a role, which a session policy may narrow.
pub(crate) async fn session(bench: &Bench, role: &str, policy: Option<&str>) -> Credentials {
    let token = job_token(bench, AUDIENCE).await;
    let assume = Assume {
        policy,
        ..Assume::role(role)
    };
    session_of(assume.with(bench, &token).await.unwrap().credentials())
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

#[tokio::test]
async fn a_job_becomes_a_role() {
    let bench = Bench::start().await;
    let token = job_token(&bench, AUDIENCE).await;
    let output = Assume::role(bench.local.role_arn())
        .with(&bench, &token)
        .await
        .unwrap();
    assert_eq!(
        output.subject_from_web_identity_token(),
        Some("repo:example/app:ref:refs/heads/main")
    );
    assert_eq!(output.audience(), Some(AUDIENCE));
    let session = session_of(output.credentials());
    let caller = bench
        .sts_as(session.clone())
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(
        caller.arn(),
        Some("arn:aws:sts::123456789012:assumed-role/tagship-example/test-session")
    );
    assert!(
        bench
            .ecr_as(session.clone())
            .describe_repositories()
            .send()
            .await
            .is_ok()
    );
    // The session ends, and its registry token with it.
    let registry = bench.registry_as(session.clone()).await;
    bench.local.set_clock_offset(3601);
    let refused = api_error(bench.ecr_as(session).describe_repositories().send().await);
    assert_eq!(refused.0, "ExpiredTokenException");
    assert_eq!(oci_error(registry.get("").await).await.1, "DENIED");
}

#[tokio::test]
async fn a_token_is_what_github_gives() {
    let bench = Bench::start().await;
    bench.local.set_claims(GithubClaims {
        immutable_subject: true,
        environment: Some("production".to_owned()),
        ..GithubClaims::default()
    });
    let token = job_token(&bench, AUDIENCE).await;
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["iss"], "https://token.actions.githubusercontent.com");
    assert_eq!(claims["aud"], AUDIENCE);
    assert_eq!(claims["sub"], "repo:example@1001/app@2002:environment:production");
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 300);
    assert_eq!(seconds("iat") - seconds("nbf"), 600);
    let refused = bench
        .http
        .get(bench.local.oidc_request_url())
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn only_a_good_token_of_our_issuer_is_taken() {
    let bench = Bench::start().await;
    let role = bench.local.role_arn();
    let code = async |token: &str| Assume::role(role).with(&bench, token).await.unwrap_err().0;
    let token = job_token(&bench, AUDIENCE).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(code("not.a.token").await, "InvalidIdentityToken");
    // Another subject under the same signature.
    let (header, payload) = signed.split_once('.').unwrap();
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["sub"] = "repo:other/app:ref:refs/heads/main".into();
    let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
    assert_eq!(
        code(&format!("{header}.{forged}.{signature}")).await,
        "InvalidIdentityToken"
    );
    // No signature at all, as "alg: none" has it.
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    assert_eq!(code(&format!("{none}.{forged}.")).await, "InvalidIdentityToken");
    for (claim, value, expected) in [
        ("iss", json!("https://issuer.example"), "InvalidIdentityToken"),
        ("nbf", json!(32_503_680_000_i64), "InvalidIdentityToken"),
        // RFC 7519, section 2, "NumericDate": a number, with a fraction or without.
        ("nbf", json!(32_503_680_000.5), "InvalidIdentityToken"),
        ("nbf", json!(1e11), "InvalidIdentityToken"),
        (
            "nbf",
            json!(18_446_744_073_709_551_615_u64),
            "InvalidIdentityToken",
        ),
        ("nbf", json!("32503680000"), "InvalidIdentityToken"),
        ("nbf", json!(null), "InvalidIdentityToken"),
        ("iat", json!(32_503_680_000.5), "InvalidIdentityToken"),
        ("exp", json!(1.5), "ExpiredTokenException"),
        ("exp", json!("32503680000"), "InvalidIdentityToken"),
        ("exp", json!(1), "ExpiredTokenException"),
        ("sub", json!("user:someone"), "AccessDenied"),
    ] {
        bench.local.set_claims(GithubClaims {
            overrides: [(claim.to_owned(), value)].into_iter().collect(),
            ..GithubClaims::default()
        });
        let token = job_token(&bench, AUDIENCE).await;
        assert_eq!(code(&token).await, expected, "{claim}");
    }
}

// RFC 7519, section 2, "NumericDate".
#[tokio::test]
async fn times_of_a_token_may_have_fractions() {
    let bench = Bench::start().await;
    let overrides = [
        ("nbf", json!(1.5)),
        ("iat", json!(1.5e9)),
        ("exp", json!(32_503_680_000.5)),
    ];
    bench.local.set_claims(GithubClaims {
        overrides: overrides
            .map(|(claim, value)| (claim.to_owned(), value))
            .into_iter()
            .collect(),
        ..GithubClaims::default()
    });
    let token = job_token(&bench, AUDIENCE).await;
    assert!(
        Assume::role(bench.local.role_arn())
            .with(&bench, &token)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_token_is_good_for_five_minutes() {
    let bench = Bench::start().await;
    let token = job_token(&bench, AUDIENCE).await;
    bench.local.set_clock_offset(301);
    let refused = Assume::role(bench.local.role_arn()).with(&bench, &token).await;
    assert_eq!(refused.unwrap_err().0, "ExpiredTokenException");
}

#[tokio::test]
async fn who_is_not_trusted_is_told_nothing_more() {
    let bench = Bench::start().await;
    let expected = (
        "AccessDenied".to_owned(),
        "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned(),
    );
    let good = job_token(&bench, AUDIENCE).await;
    let other_audience = job_token(&bench, "api.example").await;
    let missing = role_arn("missing-role");
    for (role, token) in [
        (bench.local.role_arn(), &other_audience),
        (missing.as_str(), &good),
        ("arn:aws:iam::999999999999:role/tagship-example", &good),
    ] {
        let refused = Assume::role(role).with(&bench, token).await.unwrap_err();
        assert_eq!(refused, expected, "{role}");
    }
}

#[tokio::test]
async fn parameters_have_their_bounds() {
    let bench = Bench::start().await;
    let token = job_token(&bench, AUDIENCE).await;
    let role = bench.local.role_arn();
    for duration in [899, 3601, 43_201] {
        let assume = Assume {
            duration: Some(duration),
            ..Assume::role(role)
        };
        let refused = assume.with(&bench, &token).await.unwrap_err();
        assert_eq!(refused.0, "ValidationError", "{duration}");
    }
    let assume = Assume {
        policy: Some("{"),
        ..Assume::role(role)
    };
    let refused = assume.with(&bench, &token).await.unwrap_err();
    assert_eq!(refused.0, "MalformedPolicyDocument");
}

const ROLES: &str = r#"
Roles:
  - RoleName: publisher
    AssumeRolePolicyDocument:
      Statement:
        - Effect: Allow
          Principal: {Federated: "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
          Action: sts:AssumeRoleWithWebIdentity
          Condition:
            StringEquals:
              token.actions.githubusercontent.com:aud: sts.amazonaws.com
              token.actions.githubusercontent.com:sub:
                - repo:example/app:ref:refs/heads/main
                - repo:example/app:environment:production
    PolicyDocuments:
      - Statement:
          - Effect: Allow
            Action: ["ecr:GetAuthorizationToken", "ecr:Batch*", "ecr:DescribeRepositories", "ecr:*LayerUpload", "ecr:UploadLayerPart"]
            Resource: "*"
          - Effect: Deny
            Action: ecr:DescribeRepositories
            Resource: arn:aws:ecr:*:*:repository/team/*
"#;

#[tokio::test]
async fn a_role_may_do_what_its_policies_say() {
    let bench = Bench::with_roles(ROLES).await;
    let token = job_token(&bench, AUDIENCE).await;
    let output = Assume::role(&role_arn("publisher"))
        .with(&bench, &token)
        .await
        .unwrap();
    let session = session_of(output.credentials());
    let (code, message) = api_error(
        bench
            .ecr_as(session.clone())
            .describe_repositories()
            .repository_names(REPOSITORY)
            .send()
            .await,
    );
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        message,
        "User: arn:aws:sts::123456789012:assumed-role/publisher/test-session is not authorized to perform: \
         ecr:DescribeRepositories on resource: arn:aws:ecr:eu-central-1:123456789012:repository/team/app with an \
         explicit deny in an identity-based policy"
    );
    let registry = bench.registry_as(session).await;
    let manifest = registry.content(REPOSITORY, "one").await;
    let (status, code, message) = oci_error(registry.put(REPOSITORY, "1.0.0", &manifest).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(
        message.ends_with("because no identity-based policy allows the ecr:PutImage action"),
        "{message}"
    );
    let missing = registry.get(&format!("{REPOSITORY}/manifests/1.0.0")).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_trust_policy_names_its_subjects() {
    let bench = Bench::with_roles(ROLES).await;
    for (git_ref, environment, immutable_subject, trusted) in [
        ("refs/heads/main", None, false, true),
        ("refs/heads/main", None, true, false),
        ("refs/heads/other", None, false, false),
        ("refs/heads/other", Some("production"), false, true),
    ] {
        let claims = GithubClaims {
            git_ref: git_ref.to_owned(),
            environment: environment.map(str::to_owned),
            immutable_subject,
            ..GithubClaims::default()
        };
        let subject = claims.subject();
        bench.local.set_claims(claims);
        let token = job_token(&bench, AUDIENCE).await;
        let output = Assume::role(&role_arn("publisher")).with(&bench, &token).await;
        assert_eq!(output.is_ok(), trusted, "{subject}");
    }
}

#[tokio::test]
async fn a_session_policy_narrows_the_session() {
    let bench = Bench::start().await;
    let token = job_token(&bench, AUDIENCE).await;
    let assume = Assume {
        policy: Some(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*"}]}"#,
        ),
        ..Assume::role(bench.local.role_arn())
    };
    let session = session_of(assume.with(&bench, &token).await.unwrap().credentials());
    let ecr = bench.ecr_as(session);
    assert!(ecr.list_images().repository_name(REPOSITORY).send().await.is_ok());
    assert_eq!(
        api_error(ecr.describe_repositories().send().await).0,
        "AccessDeniedException"
    );
}
