//! Credentials, beside fakes of OIDC and STS.

pub(super) mod fakes;

use std::time::Duration;

use super::*;
use crate::ports::RegistryLogin as _;
use crate::settings::{AccessKey, IdentitySettings, OidcRequest, OidcToken};
use fakes::{ECR_PASSWORD, REQUEST_TOKEN, World, host};
use tagship_domain::error::{Diagnose as _, FailureKind, innermost};
use tagship_domain::iam::SessionPolicy;
use tagship_domain::reference::{AccountId, ImageName, RepositoryName};

/// Why there is no login.
async fn refusal(ecr: &Ecr) -> IdentityError {
    match ecr.credential(&host()).await {
        Err(error) => error.cause().downcast_ref::<IdentityError>().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn shown(error: &IdentityError) -> String {
    format!(
        "error: {error}\n\nhint: {}",
        error.hint().unwrap_or("(none)".into())
    )
}

#[tokio::test]
async fn nothing_is_contacted_before_it_is_needed_and_nothing_twice() {
    let world = World::new().await;
    let ecr = world.ecr().await;
    assert_eq!(world.apis.counts(), (0, 0, 0));
    let credential = ecr.credential(&host()).await.unwrap();
    assert_eq!(credential.username, "AWS");
    ecr.credential(&host()).await.unwrap();
    assert_eq!(world.apis.counts(), (1, 1, 1));
    let asked = world.apis.sts().requests[0].clone();
    assert_eq!(asked["RoleArn"], fakes::ROLE);
    assert_eq!(asked["RoleSessionName"], "tagship");
    assert_eq!(asked["DurationSeconds"], "3600");
}

#[tokio::test]
async fn every_secret_is_masked() {
    let world = World::new().await;
    world.ecr().await.credential(&host()).await.unwrap();
    let masks = world.reporter.masks();
    let token = world.apis.sts().requests[0]["WebIdentityToken"].clone();
    for secret in [
        token.as_str(),
        "key-secret-0",
        "session-secret-0",
        ECR_PASSWORD,
        // printf 'AWS:ecr-password-secret' | base64
        "QVdTOmVjci1wYXNzd29yZC1zZWNyZXQ=",
    ] {
        assert!(masks.iter().any(|mask| mask == secret), "{secret}");
    }
}

#[tokio::test]
async fn a_wrong_trust_policy_is_told_within_ten_seconds() {
    let world = World::new().await;
    world.apis.sts().trusted = "repo:octo/other:ref:refs/heads/main".to_owned();
    let error = refusal(&world.ecr().await).await;
    assert!(matches!(error, IdentityError::AssumeDenied(_)), "{error}");
    assert_eq!(error.kind(), FailureKind::Credentials);
    let waits = world.clock.waits();
    let (tokens, tries, _) = world.apis.counts();
    // Each try has its own token, and none is followed by a useless wait.
    assert_eq!((tokens, waits.len()), (tries, tries - 1));
    assert!((2..=4).contains(&tries), "{tries}");
    assert!(
        waits.iter().sum::<Duration>() < Duration::from_secs(8),
        "{waits:?}"
    );
    assert_eq!(world.reporter.retries(), waits.len());
    let mut sent: Vec<String> = world
        .apis
        .sts()
        .requests
        .iter()
        .map(|request| request["WebIdentityToken"].clone())
        .collect();
    sent.dedup();
    assert_eq!(sent.len(), tries);
}

#[tokio::test]
async fn a_trust_policy_that_was_just_changed_works() {
    let world = World::new().await;
    world.apis.sts().refusals = vec![
        (
            403,
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        (
            400,
            "ExpiredTokenException",
            "Token expired: current date/time 1 must be before the expiration date/time 0",
        ),
    ];
    world.ecr().await.credential(&host()).await.unwrap();
    assert_eq!(world.apis.counts(), (3, 3, 1));
}

#[tokio::test]
async fn a_denied_role_is_told_with_the_condition_that_would_match() {
    for (name, subject) in [
        ("classic", "repo:octo/app:environment:prod%3Aeu"),
        ("immutable", "repo:octo@1001/app@2002:ref:refs/tags/v1.2.3"),
        ("custom", "repository_owner:octo\n::error::x"),
    ] {
        let world = World::new().await;
        world.apis.oidc().subject = subject.to_owned();
        let error = refusal(&world.ecr().await).await;
        insta::assert_snapshot!(format!("denied_{name}"), shown(&error));
    }
}

#[tokio::test]
async fn what_may_pass_is_waited_for() {
    let busy = vec![
        (400, "IDPCommunicationError", "x"),
        (
            400,
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
        ),
        (400, "Throttling", "Rate exceeded"),
        (503, "ServiceUnavailable", "x"),
    ];
    let world = World::new().await;
    world.apis.oidc().failures = vec![(500, String::new()), (429, String::new())];
    world.apis.sts().refusals = busy;
    world.ecr().await.credential(&host()).await.unwrap();
    assert_eq!(world.apis.counts(), (7, 5, 1));
    assert_eq!(world.clock.waits().len(), 6);
}

#[tokio::test]
async fn an_outage_is_given_up_on() {
    let world = World::new().await;
    world.apis.sts().refusals = vec![(500, "InternalFailure", "x"); 1000];
    let error = refusal(&world.ecr().await).await;
    assert!(matches!(error, IdentityError::Unavailable { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Operation);
    let waited: Duration = world.clock.waits().iter().sum();
    let expected = Duration::from_secs(30)..=Duration::from_secs(90);
    assert!(expected.contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn where_nothing_listens_a_run_ends_within_seconds_and_asks_once_for_all_its_calls() {
    // A port of this machine that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let sts: fn(&mut IdentitySettings, &str) = |job, nowhere| job.endpoint_url = nowhere.parse().ok();
    let oidc: fn(&mut IdentitySettings, &str) = |job, nowhere| {
        job.oidc = Some(OidcToken::Request(OidcRequest {
            url: nowhere.parse().unwrap(),
            token: REQUEST_TOKEN.into(),
        }));
    };
    for change in [sts, oidc] {
        let world = World::new().await;
        let mut job = world.job();
        change(&mut job, &nowhere);
        let ecr = world.connect(&job).await.unwrap();
        let host = host();
        let (first, second) = tokio::join!(ecr.credential(&host), ecr.credential(&host));
        assert!(first.is_err() && second.is_err());
        let error = refusal(&ecr).await;
        assert!(matches!(error, IdentityError::Unavailable { .. }), "{error}");
        assert_eq!(error.kind(), FailureKind::Operation);
        let waits = world.clock.waits();
        assert!((1..=3).contains(&waits.len()), "{waits:?}");
        assert!(
            waits.iter().sum::<Duration>() < Duration::from_secs(8),
            "{waits:?}"
        );
    }
}

#[tokio::test]
async fn permanent_refusals_are_told_at_once_in_their_own_words() {
    let mut all = Vec::new();
    for (status, code, message) in [
        (
            400,
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com",
        ),
        (400, "InvalidIdentityToken", "Incorrect token audience"),
        (
            403,
            "RegionDisabledException",
            "STS is not activated in this region for account:123456789012.",
        ),
        (400, "ValidationError", "Request ARN is invalid"),
        (400, "MalformedPolicyDocument", "line one\n::error::line two"),
        (
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid",
        ),
    ] {
        let world = World::new().await;
        world.apis.sts().refusals = vec![(status, code, message)];
        let error = refusal(&world.ecr().await).await;
        assert_eq!(world.apis.counts(), (1, 1, 0), "{code}");
        assert!(world.clock.waits().is_empty());
        all.push(shown(&error));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

#[tokio::test]
async fn the_token_endpoints_refusals_are_told_without_its_answer() {
    let long = format!("{{\"value\":\"{}\"}}", "x".repeat(70_000));
    for (status, body) in [
        (401, "body-secret"),
        (404, "body-secret"),
        (307, "body-secret"),
        (200, "{\"value\":body-secret"),
        (200, "{\"value\":\"\",\"x\":\"body-secret\"}"),
        (200, "{\"token\":\"body-secret\"}"),
        (200, &long),
    ] {
        let world = World::new().await;
        world.apis.oidc().failures = vec![(status, body.to_owned())];
        let error = refusal(&world.ecr().await).await;
        assert!(matches!(error, IdentityError::TokenRefused { .. }), "{error}");
        assert!(!format!("{error:?}").contains("body-secret"));
        assert_eq!(world.apis.counts(), (1, 0, 0));
    }
}

#[tokio::test]
async fn a_session_that_is_too_long_is_shortened_with_a_warning() {
    let world = World::new().await;
    let mut job = world.job();
    job.duration_seconds = 7200;
    let ecr = world.connect(&job).await.unwrap();
    ecr.credential(&host()).await.unwrap();
    let durations: Vec<_> = world
        .apis
        .sts()
        .requests
        .iter()
        .map(|request| request["DurationSeconds"].clone())
        .collect();
    assert_eq!(durations, ["7200", "3600"]);
    assert!(world.clock.waits().is_empty());
    insta::assert_snapshot!(world.reporter.warnings().join("\n"));
}

#[tokio::test]
async fn a_session_is_narrowed_and_where_sts_has_no_room_for_that_it_is_not() {
    let image = ImageName {
        registry: host(),
        repository: RepositoryName::parse("team/app").unwrap(),
    };
    let policy = SessionPolicy::of([&image]).unwrap();
    let world = World::new().await;
    let ecr = world.connect(&job_with(&world, &policy)).await.unwrap();
    ecr.credential(&host()).await.unwrap();
    assert_eq!(world.apis.sts().requests[0]["Policy"], policy.as_str());
    assert!(world.reporter.warnings().is_empty());

    // Source: STS API reference, `PackedPolicyTooLarge`: policies and tags share a space that is packed.
    let world = World::new().await;
    let too_large = (
        400,
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes 120% of allotted space.",
    );
    world.apis.sts().refusals.push(too_large);
    let ecr = world.connect(&job_with(&world, &policy)).await.unwrap();
    ecr.credential(&host()).await.unwrap();
    let sent: Vec<bool> = {
        let sts = world.apis.sts();
        let requests = sts.requests.iter();
        requests.map(|request| request.contains_key("Policy")).collect()
    };
    assert_eq!(sent, [true, false]);
    insta::assert_snapshot!(world.reporter.warnings().join("\n"), @"STS has no room for a policy beside what the session of role `arn:aws:iam::123456789012:role/publish` carries; the session is not narrowed");
}

fn job_with(world: &World, policy: &SessionPolicy) -> IdentitySettings {
    IdentitySettings {
        session_policy: Some(policy.clone()),
        ..world.job()
    }
}

#[tokio::test]
async fn credentials_renew_themselves_before_they_end() {
    for (lasting, sessions) in [(3600, 1), (30, 2)] {
        let world = World::new().await;
        world.apis.sts().lasting = lasting;
        let ecr = world.ecr().await;
        ecr.credential(&host()).await.unwrap();
        ecr.forget(&host()).await;
        ecr.credential(&host()).await.unwrap();
        assert_eq!(world.apis.counts(), (sessions, sessions, 2));
    }
}

#[tokio::test]
async fn outside_of_actions_the_chains_credentials_assume_the_role() {
    let world = World::new().await;
    let laptop = IdentitySettings {
        oidc: None,
        access_key: Some(AccessKey {
            id: "AKIACHAIN".to_owned(),
            secret: "chain-secret".into(),
            session_token: None,
        }),
        in_actions: false,
        ..world.job()
    };
    let ecr = world.connect(&laptop).await.unwrap();
    ecr.credential(&host()).await.unwrap();
    assert_eq!(world.apis.counts(), (0, 1, 1));
    assert_eq!(world.apis.sts().requests[0]["Action"], "AssumeRole");
    let masks = world.reporter.masks();
    for secret in ["chain-secret", "key-secret-0", "session-secret-0"] {
        assert!(masks.iter().any(|mask| mask == secret), "{secret}");
    }

    let mut other = laptop.clone();
    other.role = Some("arn:aws:iam::123456789012:role/other".to_owned());
    let error = refusal(&world.connect(&other).await.unwrap()).await;
    assert!(matches!(error, IdentityError::ChainDenied { .. }), "{error}");
    insta::assert_snapshot!(shown(&error));
}

#[tokio::test]
async fn what_cannot_work_is_told_before_anything_is_contacted() {
    type Change = fn(&mut IdentitySettings);
    let cases: [Change; 9] = [
        |job| job.oidc = None,
        |job| (job.oidc, job.from_fork) = (None, true),
        |job| job.role = Some("publish".to_owned()),
        |job| job.role = Some("arn:aws:iam::210987654321:role/publish".to_owned()),
        |job| job.allowed_accounts = vec![AccountId::parse("000000000001").unwrap()],
        |job| job.session_name = "a b".to_owned(),
        |job| job.duration_seconds = 60,
        |job| job.endpoint_url = Some("http://api.example/".parse().unwrap()),
        |job| job.endpoint_url = Some("http://user:secret@198.51.100.1/".parse().unwrap()),
    ];
    let mut all = Vec::new();
    for change in cases {
        let world = World::new().await;
        let mut job = world.job();
        change(&mut job);
        let error = world.connect(&job).await.unwrap_err();
        assert_eq!(world.apis.counts(), (0, 0, 0));
        all.push(format!("{:?}: {}", error.kind(), shown(&error)));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

#[tokio::test]
async fn no_secret_can_be_printed() {
    let world = World::new().await;
    let job = world.job();
    let ecr = world.connect(&job).await.unwrap();
    let credential = ecr.credential(&host()).await.unwrap();
    world.apis.ecr().refusals = vec![(400, "InvalidSignatureException"); 2];
    ecr.forget(&host()).await;
    let refused = ecr.credential(&host()).await.unwrap_err();
    world.apis.sts().trusted.clear();
    world.apis.sts().lasting = 0;
    let denied = refusal(&world.ecr().await).await;
    let printed = format!("{job:?} {ecr:?} {credential:?} {refused:?} {refused} {denied:?} {denied}");
    assert!(
        printed.contains("AssumeDenied") && printed.contains("InvalidSignature"),
        "{printed}"
    );
    assert!(!printed.contains("-secret"), "{printed}");
    assert!(!printed.contains(REQUEST_TOKEN));
}

/// An answer whose length alone is wrong.
async fn with_answer_of(bytes: usize) -> Result<(), String> {
    let world = World::new().await;
    world.server.reset().await;
    // The user `AWS` and a password of many `=`, in base64.
    let token = format!("QVdTOj09{}", "PT09".repeat(bytes / 4));
    let answer = serde_json::json!({"authorizationData": [{"authorizationToken": token, "expiresAt": 4_000_000_000u32}]});
    let answer = wiremock::ResponseTemplate::new(200).set_body_json(answer);
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(answer)
        .mount(&world.server)
        .await;
    let identity = IdentitySettings {
        access_key: Some(AccessKey {
            id: "AKIA".to_owned(),
            secret: "secret".into(),
            session_token: None,
        }),
        role: None,
        allowed_accounts: Vec::new(),
        ..world.job()
    };
    let client = world
        .connect(&identity)
        .await
        .map_err(|error| error.to_string())?;
    match client.credential(&host()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(innermost(&error)),
    }
}

#[tokio::test]
async fn an_answer_of_sts_is_read_only_as_far_as_sts_speaks() {
    for (blanks, is_read) in [(100_000, true), (2 << 20, false)] {
        let world = World::new().await;
        world.apis.sts().blanks = blanks;
        let login = world.ecr().await.credential(&host()).await;
        assert_eq!(login.is_ok(), is_read, "{blanks}");
    }
}

#[tokio::test]
async fn a_token_is_read_only_as_far_as_tokens_go() {
    assert!(with_answer_of(20_000).await.is_ok());
    let error = with_answer_of(100_000).await.unwrap_err();
    assert!(
        error.contains("its answer is longer than the API's answers are"),
        "{error}"
    );
}
