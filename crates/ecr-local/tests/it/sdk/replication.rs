//! Replication to other regions and accounts, and what is reported of it.

use aws_sdk_ecr::operation::list_images::ListImagesOutput;
use aws_sdk_ecr::types::{
    ImageIdentifier, ImageReplicationStatus, ImageTagMutability, RctAppliedFor, ReplicationBackfillStatus,
    ReplicationConfiguration, ReplicationDestination, ReplicationRule, ReplicationStatus, RepositoryFilter,
    RepositoryFilterType,
};
use reqwest::StatusCode;
use serde_json::json;

use super::policies::{PARTNER, ROLES};
use crate::bench::{ACCOUNT, Bench, REGION, REPOSITORY, api_error, digest_of, index};

const ELSEWHERE: &str = "us-east-1";

const FURTHER: &str = "eu-west-1";

pub(crate) fn to(region: &str) -> ReplicationDestination {
    ReplicationDestination::builder()
        .region(region)
        .registry_id(ACCOUNT)
        .build()
        .unwrap()
}

pub(crate) fn rule(destinations: impl IntoIterator<Item = ReplicationDestination>) -> ReplicationRule {
    ReplicationRule::builder()
        .set_destinations(Some(destinations.into_iter().collect()))
        .build()
        .unwrap()
}

fn filter(prefix: &str) -> RepositoryFilter {
    RepositoryFilter::builder()
        .filter(prefix)
        .filter_type(RepositoryFilterType::PrefixMatch)
        .build()
        .unwrap()
}

pub(crate) async fn configure_in(
    bench: &Bench,
    region: &'static str,
    rules: Vec<ReplicationRule>,
) -> Result<ReplicationConfiguration, String> {
    let configuration = ReplicationConfiguration::builder()
        .set_rules(Some(rules))
        .build()
        .unwrap();
    let result = bench
        .ecr_in(bench.administrator(), region)
        .put_replication_configuration()
        .replication_configuration(configuration)
        .send()
        .await;
    match result {
        Ok(answer) => Ok(answer.replication_configuration.unwrap()),
        Err(error) => Err(api_error::<(), _, _>(Err(error)).0),
    }
}

async fn configure(bench: &Bench, rules: Vec<ReplicationRule>) {
    configure_in(bench, REGION, rules).await.unwrap();
}

/// Digests and tags of a repository's images in a region; none if there is no such repository.
async fn images(bench: &Bench, region: &'static str, repository: &str) -> Vec<(String, String)> {
    let answer = bench
        .ecr_in(bench.administrator(), region)
        .list_images()
        .repository_name(repository)
        .send()
        .await;
    let mut all: Vec<(String, String)> = answer
        .iter()
        .flat_map(ListImagesOutput::image_ids)
        .map(|id| {
            (
                id.image_tag().unwrap_or_default().to_owned(),
                id.image_digest().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    all.sort();
    all
}

async fn statuses(bench: &Bench, repository: &str, tag: &str) -> Vec<ImageReplicationStatus> {
    let answer = bench
        .ecr()
        .describe_image_replication_status()
        .repository_name(repository)
        .image_id(ImageIdentifier::builder().image_tag(tag).build())
        .send()
        .await
        .unwrap();
    answer.replication_statuses().to_vec()
}

#[tokio::test]
async fn what_is_pushed_is_copied_to_another_region() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "0.9.0", "before").await;
    configure(&bench, vec![rule([to(ELSEWHERE)])]).await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let digest = digest_of(&manifest);
    // Only what was pushed afterwards, byte for byte.
    assert_eq!(
        images(&bench, ELSEWHERE, REPOSITORY).await,
        [("1.0.0".to_owned(), digest.clone())]
    );
    let elsewhere = bench.ecr_in(bench.administrator(), ELSEWHERE);
    let copy = elsewhere
        .batch_get_image()
        .repository_name(REPOSITORY)
        .image_ids(ImageIdentifier::builder().image_digest(&digest).build())
        .send()
        .await
        .unwrap();
    assert_eq!(copy.images()[0].image_manifest(), Some(manifest.as_str()));
    let layer = elsewhere
        .get_download_url_for_layer()
        .repository_name(REPOSITORY)
        .layer_digest(digest_of("one"))
        .send()
        .await
        .unwrap();
    let layer = bench
        .http
        .get(layer.download_url().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(layer.bytes().await.unwrap(), "one");
    // Settings are not replicated.
    let repository = elsewhere
        .describe_repositories()
        .repository_names(REPOSITORY)
        .send()
        .await
        .unwrap();
    let made = &repository.repositories()[0];
    assert_eq!(made.image_tag_mutability(), Some(&ImageTagMutability::Mutable));
    let status = ImageReplicationStatus::builder()
        .region(ELSEWHERE)
        .registry_id(ACCOUNT)
        .status(ReplicationStatus::Complete)
        .build();
    assert_eq!(statuses(&bench, REPOSITORY, "1.0.0").await, [status]);
    assert_eq!(statuses(&bench, REPOSITORY, "0.9.0").await, []);
}

#[tokio::test]
async fn an_index_comes_with_its_images_and_a_put_image_is_copied_too() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let child = registry.image(REPOSITORY, "child", "one").await;
    configure(&bench, vec![rule([to(ELSEWHERE)])]).await;
    let index = index(&[&child]);
    let put = bench
        .ecr()
        .put_image()
        .repository_name(REPOSITORY)
        .image_manifest(&index)
        .image_tag("1.0.0");
    put.send().await.unwrap();
    assert_eq!(
        images(&bench, ELSEWHERE, REPOSITORY).await,
        [
            (String::new(), digest_of(&child)),
            ("1.0.0".to_owned(), digest_of(&index))
        ]
    );
}

#[tokio::test]
async fn filters_tell_which_repositories_and_copies_are_not_copied_on() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let filtered = |prefix: &str, destination| {
        ReplicationRule::builder()
            .destinations(destination)
            .repository_filters(filter(prefix))
            .build()
            .unwrap()
    };
    configure(
        &bench,
        vec![
            filtered("other/", to(FURTHER)),
            filtered("team/a", to(ELSEWHERE)),
            filtered("team/", to(ELSEWHERE)),
        ],
    )
    .await;
    configure_in(&bench, ELSEWHERE, vec![rule([to(FURTHER)])])
        .await
        .unwrap();
    registry.image(REPOSITORY, "1.0.0", "one").await;
    assert_eq!(images(&bench, ELSEWHERE, REPOSITORY).await.len(), 1);
    assert_eq!(statuses(&bench, REPOSITORY, "1.0.0").await.len(), 1);
    assert!(images(&bench, FURTHER, REPOSITORY).await.is_empty());
}

#[tokio::test]
async fn a_tag_that_may_not_move_arrives_as_no_tag() {
    let bench = Bench::start().await;
    let elsewhere = bench.ecr_in(bench.administrator(), ELSEWHERE);
    elsewhere
        .create_repository_creation_template()
        .prefix("ROOT")
        .applied_for(RctAppliedFor::Replication)
        .image_tag_mutability(ImageTagMutability::Immutable)
        .send()
        .await
        .unwrap();
    bench
        .make("team/moving", tagship_domain::immutability::Mutability::Mutable)
        .await;
    configure(&bench, vec![rule([to(ELSEWHERE)])]).await;
    let registry = bench.registry().await;
    let one = registry.image("team/moving", "latest", "one").await;
    let two = registry.image("team/moving", "latest", "two").await;
    assert_eq!(
        images(&bench, ELSEWHERE, "team/moving").await,
        [
            (String::new(), digest_of(&two)),
            ("latest".to_owned(), digest_of(&one))
        ]
    );
    let status = &statuses(&bench, "team/moving", "latest").await[0];
    assert_eq!(status.status(), Some(&ReplicationStatus::Complete));
}

#[tokio::test]
async fn another_account_must_permit_it() {
    let bench = Bench::with_roles(ROLES).await;
    let other = ReplicationDestination::builder()
        .region(REGION)
        .registry_id("210987654321")
        .build()
        .unwrap();
    configure(&bench, vec![rule([other])]).await;
    let partner = bench.ecr_as(bench.in_role(PARTNER).await);
    let registry = bench.registry().await;
    for (tag, actions, status) in [
        ("1.0.0", None, ReplicationStatus::Failed),
        // The repository is missing, and may not be made.
        (
            "2.0.0",
            Some(json!("ecr:ReplicateImage")),
            ReplicationStatus::Failed,
        ),
        (
            "3.0.0",
            Some(json!(["ecr:ReplicateImage", "ecr:CreateRepository"])),
            ReplicationStatus::Complete,
        ),
        // It is there now.
        (
            "4.0.0",
            Some(json!("ecr:ReplicateImage")),
            ReplicationStatus::Complete,
        ),
    ] {
        if let Some(actions) = actions {
            let statement = json!({
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                "Action": actions,
                "Resource": "arn:aws:ecr:eu-central-1:210987654321:repository/*",
            });
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
            partner
                .put_registry_policy()
                .policy_text(policy.to_string())
                .send()
                .await
                .unwrap();
        }
        registry.image(REPOSITORY, tag, tag).await;
        let found = &statuses(&bench, REPOSITORY, tag).await[0];
        assert_eq!(found.status(), Some(&status), "{tag}");
        let denied = (status == ReplicationStatus::Failed).then_some("AccessDenied");
        assert_eq!(found.failure_code(), denied, "{tag}");
    }
    let copied = partner
        .list_images()
        .repository_name(REPOSITORY)
        .send()
        .await
        .unwrap();
    let mut tags: Vec<&str> = copied
        .image_ids()
        .iter()
        .filter_map(|id| id.image_tag())
        .collect();
    tags.sort_unstable();
    assert_eq!(tags, ["3.0.0", "4.0.0"]);
}

#[tokio::test]
async fn deletions_are_replicated_where_that_is_asked_for() {
    for enabled in [false, true] {
        let bench = Bench::start().await;
        // The SDK does not know this setting yet, so the request's body is written by hand.
        let destination = json!({"region": ELSEWHERE, "registryId": ACCOUNT});
        let rule = json!({"destinations": [destination], "deleteReplication": {"enabled": enabled}});
        let body = json!({"replicationConfiguration": {"rules": [rule]}}).to_string();
        let none = ReplicationConfiguration::builder()
            .set_rules(Some(Vec::new()))
            .build()
            .unwrap();
        bench
            .ecr()
            .put_replication_configuration()
            .replication_configuration(none)
            .customize()
            .mutate_request(move |request| {
                let length = body.len().to_string();
                request.headers_mut().insert("content-length", length);
                *request.body_mut() = body.clone().into();
            })
            .send()
            .await
            .unwrap();
        let registry = bench.registry().await;
        let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
        registry.put(REPOSITORY, "1.0", &manifest).await;
        registry.image(REPOSITORY, "2.0.0", "two").await;
        let delete = |id| {
            let request = bench.ecr().batch_delete_image().repository_name(REPOSITORY);
            request.image_ids(id).send()
        };
        delete(ImageIdentifier::builder().image_tag("1.0").build())
            .await
            .unwrap();
        delete(
            ImageIdentifier::builder()
                .image_digest(
                    images(&bench, REGION, REPOSITORY)
                        .await
                        .into_iter()
                        .find(|(tag, _)| tag == "2.0.0")
                        .unwrap()
                        .1,
                )
                .build(),
        )
        .await
        .unwrap();
        let left: Vec<String> = images(&bench, ELSEWHERE, REPOSITORY)
            .await
            .into_iter()
            .map(|(tag, _)| tag)
            .collect();
        if enabled {
            assert_eq!(left, ["1.0.0"]);
        } else {
            assert_eq!(left, ["1.0", "1.0.0", "2.0.0"]);
        }
    }
}

#[tokio::test]
async fn a_configuration_has_its_bounds() {
    let bench = Bench::start().await;
    let described = || async {
        let answer = bench.ecr().describe_registry().send().await.unwrap();
        assert_eq!(answer.registry_id(), Some(ACCOUNT));
        answer.replication_configuration.unwrap()
    };
    assert!(described().await.rules().is_empty());
    let account = |number: usize| {
        ReplicationDestination::builder()
            .region(ELSEWHERE)
            .registry_id(format!("{number:012}"))
            .build()
            .unwrap()
    };
    for rules in [
        vec![rule([to(REGION)])],
        vec![rule([to("nowhere")])],
        vec![rule((0..26).map(account))],
        vec![rule([to(ELSEWHERE)]); 11],
    ] {
        assert_eq!(
            configure_in(&bench, REGION, rules).await,
            Err("ValidationException".to_owned())
        );
    }
    let most = vec![rule((0..25).map(account)); 10];
    let answer = configure_in(&bench, REGION, most.clone()).await.unwrap();
    assert_eq!(answer.rules(), most);
    assert_eq!(described().await.rules(), most);
    let missing = bench
        .ecr()
        .describe_image_replication_status()
        .repository_name(REPOSITORY)
        .image_id(ImageIdentifier::builder().image_tag("missing").build())
        .send()
        .await;
    assert_eq!(api_error(missing).0, "ImageNotFoundException");
}

#[tokio::test]
async fn replication_may_take_its_time() {
    let bench = Bench::start_with(|options| options.quirks.replication_seconds = 60).await;
    configure(&bench, vec![rule([to(ELSEWHERE)])]).await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let status = || async {
        statuses(&bench, REPOSITORY, "1.0.0").await[0]
            .status
            .clone()
            .unwrap()
    };
    assert_eq!(status().await, ReplicationStatus::InProgress);
    bench.local.set_clock_offset(61);
    assert_eq!(status().await, ReplicationStatus::Complete);
}

#[tokio::test]
async fn a_backfill_copies_what_was_there_before() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let manifest = registry.image(REPOSITORY, "1.0.0", "one").await;
    let answer = registry.put(REPOSITORY, "1.0", &manifest).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let start = |region: &'static str| {
        let request = bench.ecr().start_replication_backfill();
        request.destination(to(region)).send()
    };
    assert_eq!(api_error(start(ELSEWHERE).await).0, "ValidationException");
    configure(&bench, vec![rule([to(ELSEWHERE)])]).await;
    let started = start(ELSEWHERE).await.unwrap();
    assert_eq!(started.status(), Some(&ReplicationBackfillStatus::Preparing));
    let id = started.replication_backfill_id().unwrap();
    assert_eq!(
        images(&bench, ELSEWHERE, REPOSITORY).await,
        [
            ("1.0".to_owned(), digest_of(&manifest)),
            ("1.0.0".to_owned(), digest_of(&manifest))
        ]
    );
    let results = bench
        .ecr()
        .describe_replication_backfill_results()
        .replication_backfill_id(id)
        .send()
        .await
        .unwrap();
    assert_eq!(results.status(), Some(&ReplicationBackfillStatus::Complete));
    let progress = results.progress().unwrap();
    // Each image and tag counts (ECR API reference, ReplicationBackfillProgress).
    assert_eq!(
        (
            progress.total_replication_count(),
            progress.failed_replication_count()
        ),
        (2, 0)
    );
    assert_eq!(results.results().len(), 2);
    let failed = bench
        .ecr()
        .describe_replication_backfill_results()
        .replication_backfill_id(id)
        .result_status_filter("FAILED".into())
        .send()
        .await
        .unwrap();
    assert!(failed.results().is_empty());
    let stop = bench
        .ecr()
        .stop_replication_backfill()
        .replication_backfill_id(id)
        .send()
        .await;
    assert_eq!(api_error(stop).0, "ReplicationBackfillInvalidStatusException");
    let missing = bench
        .ecr()
        .stop_replication_backfill()
        .replication_backfill_id("00000000-0000-4000-8000-000000000000")
        .send()
        .await;
    assert_eq!(api_error(missing).0, "ReplicationBackfillNotFoundException");
}

#[tokio::test]
async fn a_backfill_under_way_can_be_stopped() {
    let bench = Bench::start_with(|options| options.quirks.replication_seconds = 60).await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    configure(&bench, vec![rule([to(ELSEWHERE)]), rule([to(FURTHER)])]).await;
    let start = |region: &'static str| {
        let request = bench.ecr().start_replication_backfill();
        request.destination(to(region)).send()
    };
    let first = start(ELSEWHERE).await.unwrap();
    assert_eq!(
        api_error(start(ELSEWHERE).await).0,
        "ReplicationBackfillInProgressException"
    );
    start(FURTHER).await.unwrap();
    let stopped = bench
        .ecr()
        .stop_replication_backfill()
        .set_replication_backfill_id(first.replication_backfill_id)
        .send()
        .await
        .unwrap();
    assert_eq!(stopped.status(), Some(&ReplicationBackfillStatus::Stopped));
    bench.local.set_clock_offset(61);
    let listed = bench.ecr().list_replication_backfills().send().await.unwrap();
    let mut statuses: Vec<_> = listed
        .backfills()
        .iter()
        .map(|backfill| {
            (
                backfill.destination().unwrap().region(),
                backfill.status().as_str(),
            )
        })
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [(FURTHER, "COMPLETE"), (ELSEWHERE, "STOPPED")]);
    assert!(images(&bench, ELSEWHERE, REPOSITORY).await.is_empty());
    assert_eq!(images(&bench, FURTHER, REPOSITORY).await.len(), 1);
}
