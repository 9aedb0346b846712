//! The adapter for ECR beside a fake of its API.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::aws::IdentityError;
use crate::aws::RepositoryScans;
use crate::aws::tests::fakes::{ACCOUNT, World, host};
use crate::ports::{
    ControlPlane as _, LoginError, ReadScans as _, RegistryError, RegistryLogin as _, ScanStart,
    StartScans as _,
};
use tagship_domain::content::MANIFEST_TYPES;
use tagship_domain::error::{Diagnose as _, FailureKind};
use tagship_domain::immutability::{Mutability, TagFilter};
use tagship_domain::reference::{Digest, RegistryHost, RepositoryName, Tag};

fn app() -> RepositoryName {
    RepositoryName::parse("team/app").unwrap()
}

#[tokio::test]
async fn a_scan_that_was_had_today_is_not_asked_for_again() {
    let world = World::new().await;
    world.apis.ecr().refusals = vec![(400, "LimitExceededException")];
    let scans = RepositoryScans::new(Arc::new(world.ecr().await), app());
    let image = Digest::of(b"image");
    assert_eq!(scans.start(&image).await.unwrap(), ScanStart::HadOne);
    assert_eq!(world.apis.ecr().requests.len(), 1);
    world.apis.ecr().refusals = vec![(400, "AccessDeniedException")];
    let error = scans.check().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Credentials);
    assert!(
        error.to_string().contains("ecr:DescribeImageScanFindings"),
        "{error}"
    );
    world.apis.ecr().refusals = vec![(400, "ImageNotFoundException")];
    scans.check().await.unwrap();
    world.apis.ecr().refusals = vec![(400, "AccessDeniedException")];
    let error = scans.check_start().await.unwrap_err();
    assert!(error.to_string().contains("ecr:StartImageScan"), "{error}");
    world.apis.ecr().refusals = vec![(400, "ImageNotFoundException")];
    scans.check_start().await.unwrap();
    world.apis.ecr().refusals = vec![(400, "ScanNotFoundException")];
    assert_eq!(scans.scan(&image).await.unwrap(), None);
}

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| Tag::parse(text).unwrap()).collect()
}

/// Why there is no login.
fn identity(error: &LoginError) -> IdentityError {
    error.cause().downcast_ref::<IdentityError>().unwrap().clone()
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_its_end() {
    let world = World::new().await;
    let ecr = world.ecr().await;
    for (minutes, requests) in [(0, 1), (11 * 60 + 54, 1), (2, 2)] {
        world.clock.pass(Duration::from_secs(minutes * 60));
        ecr.credential(&host()).await.unwrap();
        assert_eq!(world.apis.counts().2, requests, "{minutes}");
    }
    ecr.forget(&host()).await;
    ecr.credential(&host()).await.unwrap();
    assert_eq!(world.apis.counts(), (1, 1, 3));
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_request() {
    let world = World::new().await;
    let ecr = world.ecr().await;
    let host = host();
    let credentials = join_all((0..8).map(|_| ecr.credential(&host))).await;
    assert!(credentials.iter().all(Result::is_ok));
    assert_eq!(world.apis.counts(), (1, 1, 1));
}

#[tokio::test]
async fn each_region_has_its_own_token_and_no_other_host_gets_any() {
    let world = World::new().await;
    let ecr = world.ecr().await;
    let credential = async |text: &str| ecr.credential(&RegistryHost::parse(text).unwrap()).await;
    credential("123456789012.dkr.ecr.eu-central-1.amazonaws.com")
        .await
        .unwrap();
    credential("210987654321.dkr.ecr.eu-central-1.amazonaws.com")
        .await
        .unwrap();
    credential("210987654321.dkr.ecr.us-east-1.amazonaws.com")
        .await
        .unwrap();
    let regions: Vec<_> = world
        .apis
        .ecr()
        .requests
        .iter()
        .map(|(_, region, _)| region.clone())
        .collect();
    assert_eq!(regions, ["eu-central-1", "us-east-1"]);
    let foreign = credential("evil.example:80").await.unwrap_err();
    assert!(matches!(identity(&foreign), IdentityError::ForeignRegistry));
    assert_eq!(world.apis.counts(), (1, 1, 2));
}

#[tokio::test]
async fn the_repositorys_mutability_is_read_with_its_filters() {
    let filter = |text: &str| json!({"filterType": "WILDCARD", "filter": text});
    let expected = vec![
        TagFilter::parse("latest").unwrap(),
        TagFilter::parse("dev-*").unwrap(),
    ];
    for (setting, filters, mutability) in [
        ("MUTABLE", json!(null), Mutability::Mutable),
        ("IMMUTABLE", json!([]), Mutability::Immutable),
        (
            "IMMUTABLE_WITH_EXCLUSION",
            json!([filter("latest"), filter("dev-*")]),
            Mutability::ImmutableWithExclusion(expected.clone()),
        ),
        (
            "MUTABLE_WITH_EXCLUSION",
            json!([filter("latest"), filter("dev-*")]),
            Mutability::MutableWithExclusion(expected.clone()),
        ),
    ] {
        let world = World::new().await;
        world.apis.ecr().repository =
            json!({"imageTagMutability": setting, "imageTagMutabilityExclusionFilters": filters});
        assert_eq!(world.ecr().await.mutability(&app()).await.unwrap(), mutability);
        assert_eq!(
            world.apis.ecr().requests[0].2,
            json!({"registryId": ACCOUNT, "repositoryNames": ["team/app"]})
        );
    }
}

#[tokio::test]
async fn a_mutability_that_is_not_known_is_an_error() {
    for repository in [
        json!({}),
        json!({"imageTagMutability": "IMMUTABLE_ON_SUNDAYS"}),
        json!({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
               "imageTagMutabilityExclusionFilters": [{"filterType": "REGEX", "filter": "a"}]}),
        json!({"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
               "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a*b*c*"}]}),
    ] {
        let world = World::new().await;
        world.apis.ecr().repository = repository;
        let error = world.ecr().await.mutability(&app()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
    }
}

#[tokio::test]
async fn tags_are_looked_up_a_hundred_at_a_time() {
    let world = World::new().await;
    let wanted: Vec<String> = (0..250).map(|number| format!("t{number}")).collect();
    let wanted = tags(&wanted.iter().map(String::as_str).collect::<Vec<_>>());
    // Odd white space: the bytes must come back as they are.
    let manifest = "{ \"schemaVersion\":2 ,\n\"ä\":1}\n";
    for tag in ["t0", "t7", "t249"] {
        world
            .apis
            .ecr()
            .images
            .insert(tag.to_owned(), manifest.to_owned());
    }
    let found = world
        .ecr()
        .await
        .look_up(&app(), &[], &wanted)
        .await
        .unwrap()
        .tags;
    let names: Vec<_> = found.keys().map(Tag::as_str).collect();
    assert_eq!(names, ["t0", "t249", "t7"]);
    assert!(found.values().all(|found| found.bytes() == manifest.as_bytes()));
    let ecr = world.apis.ecr();
    assert_eq!(ecr.requests.len(), 3);
    assert!(
        ecr.requests
            .iter()
            .all(|(_, _, body)| body["acceptedMediaTypes"] == json!(MANIFEST_TYPES)
                && body["registryId"] == ACCOUNT)
    );
}

#[tokio::test]
async fn a_digest_and_tags_are_looked_up_in_one_request() {
    let world = World::new().await;
    let manifest = "{\"schemaVersion\":2}";
    let digest = Digest::of(manifest.as_bytes());
    let absent = Digest::of(b"another");
    for name in ["1.2.3".to_owned(), digest.to_string()] {
        world.apis.ecr().images.insert(name, manifest.to_owned());
    }
    let names = tags(&["1.2.3", "sha-0"]);
    let found = world.ecr().await.look_up(&app(), &[digest, absent], &names).await;
    let found = found.unwrap();
    assert_eq!(found.tags.keys().collect::<Vec<_>>(), [&names[0]]);
    assert_eq!(found.digests.keys().collect::<Vec<_>>(), [&digest]);
    assert_eq!(world.apis.ecr().requests.len(), 1);
    // Another image than the one that was asked for does not stand for it.
    world.apis.ecr().answer_change = Some(|answer| {
        let other = "{}";
        answer["images"][0]["imageManifest"] = json!(other);
        answer["images"][0]["imageId"] = json!({"imageDigest": Digest::of(other.as_bytes())});
    });
    let error = world
        .ecr()
        .await
        .look_up(&app(), &[digest], &[])
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_tag_that_the_answer_leaves_out_is_asked_for_again() {
    let world = World::new().await;
    for tag in ["1.2.3", "sha-0"] {
        world.apis.ecr().images.insert(tag.to_owned(), "{}".to_owned());
    }
    // One image, named by one of its tags.
    world.apis.ecr().answer_change = Some(|answer| answer["images"].as_array_mut().unwrap().truncate(1));
    let found = world
        .ecr()
        .await
        .look_up(&app(), &[], &tags(&["1.2.3", "sha-0"]))
        .await;
    assert_eq!(found.unwrap().tags.len(), 2);
    world.apis.ecr().answer_change = Some(|answer| answer["images"] = json!([]));
    let error = world
        .ecr()
        .await
        .look_up(&app(), &[], &tags(&["1.2.3"]))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_not_what_it_says_is_refused() {
    type AnswerChange = fn(&mut Value);
    let answer_changes: [AnswerChange; 6] = [
        |answer| answer["images"][0]["imageManifest"] = json!("{\"other\":1}"),
        |answer| answer["images"][0]["imageId"]["imageDigest"] = json!("sha256:0"),
        |answer| answer["images"][0]["imageId"]["imageTag"] = json!(null),
        |answer| answer["images"][0]["imageManifest"] = json!(null),
        |answer| answer["images"][0]["imageManifestMediaType"] = json!(null),
        |answer| {
            *answer = json!({"failures": [{"imageId": {"imageTag": "1.2.3"}, "failureCode": "KmsError"}]});
        },
    ];
    for (number, answer_change) in answer_changes.into_iter().enumerate() {
        let world = World::new().await;
        world
            .apis
            .ecr()
            .images
            .insert("1.2.3".to_owned(), "{}".to_owned());
        world.apis.ecr().answer_change = Some(answer_change);
        let error = world
            .ecr()
            .await
            .look_up(&app(), &[], &tags(&["1.2.3"]))
            .await
            .unwrap_err();
        assert_eq!(
            matches!(error, RegistryError::ContentMismatch { .. }),
            number == 0,
            "{error}"
        );
    }
}

#[tokio::test]
async fn refusals_are_told_in_the_registrys_words() {
    type Expected = fn(&RegistryError) -> bool;
    let cases: [(&str, Expected, usize); 4] = [
        (
            "AccessDeniedException",
            |error| matches!(error, RegistryError::NotPermitted { action, .. } if action == "ecr:BatchGetImage"),
            1,
        ),
        (
            "RepositoryNotFoundException",
            |error| matches!(error, RegistryError::RepositoryMissing { .. }),
            1,
        ),
        // A quota, though the SDK takes it for throttling.
        (
            "LimitExceededException",
            |error| matches!(error, RegistryError::Refused { .. }),
            1,
        ),
        (
            "InvalidSignatureException",
            |error| matches!(error, RegistryError::Login { .. }),
            1,
        ),
    ];
    for (code, expected, requests) in cases {
        let world = World::new().await;
        world.apis.ecr().refusals = vec![(400, code); 10];
        let error = world
            .ecr()
            .await
            .look_up(&app(), &[], &tags(&["1.2.3"]))
            .await
            .unwrap_err();
        assert!(expected(&error), "{code}: {error}");
        assert_eq!(world.apis.ecr().requests.len(), requests, "{code}");
    }
    let world = World::new().await;
    let other = RepositoryName::parse("team/other").unwrap();
    let error = world.ecr().await.mutability(&other).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::RepositoryMissing { .. }),
        "{error}"
    );
    world.apis.ecr().refusals = vec![(400, "AccessDeniedException"); 2];
    let error = world.ecr().await.mutability(&app()).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::NotPermitted { action, .. } if action == "ecr:DescribeRepositories")
    );
    let error = world.ecr().await.credential(&host()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Credentials);
    let hint = error.hint().unwrap().into_owned();
    insta::assert_snapshot!(format!("{}\n{hint}", identity(&error)));
}

#[tokio::test]
async fn a_hiccup_of_the_service_is_not_seen() {
    let world = World::new().await;
    world.apis.ecr().refusals = vec![(500, "ServerException")];
    world.ecr().await.mutability(&app()).await.unwrap();
    assert_eq!(world.apis.ecr().requests.len(), 2);
}

#[tokio::test]
async fn credentials_that_ended_early_are_renewed_once() {
    let world = World::new().await;
    let ecr = world.ecr().await;
    ecr.mutability(&app()).await.unwrap();
    let first = world.apis.sts().keys[0].clone();
    world.apis.ecr().ended = vec![first];
    ecr.mutability(&app()).await.unwrap();
    ecr.mutability(&app()).await.unwrap();
    assert_eq!(world.apis.counts(), (2, 2, 4));

    let world = World::new().await;
    world.apis.ecr().refusals = vec![(400, "ExpiredTokenException"); 10];
    let error = world.ecr().await.mutability(&app()).await.unwrap_err();
    let RegistryError::Login { source, .. } = error else {
        panic!("{error}");
    };
    assert!(matches!(identity(&source), IdentityError::Expired { .. }));
    assert_eq!(world.apis.counts(), (2, 2, 2));
}

#[tokio::test]
async fn layers_are_looked_for_a_hundred_at_a_time() {
    let world = World::new().await;
    let ecr = world.ecr().await;
    let digests: Vec<Digest> = (0_u8..=200).map(|number| Digest::of(&[number])).collect();
    for number in [0_u8, 150] {
        let digest = Digest::of(&[number]).to_string();
        world.apis.ecr().layers.insert(digest, u64::from(number) + 7);
    }
    let sizes = ecr.blob_sizes(&app(), &digests).await.unwrap();
    let expected = [(Digest::of(&[0]), 7), (Digest::of(&[150]), 157)];
    assert_eq!(sizes, expected.into());
    let asked = world.apis.ecr().requests.len();
    assert_eq!(asked, 3);
    assert!(ecr.blob_sizes(&app(), &[]).await.unwrap().is_empty());
    assert_eq!(world.apis.ecr().requests.len(), asked);
}
