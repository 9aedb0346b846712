//! Lifecycle policies: how they are put and previewed, and when and to what they are applied.

use aws_sdk_ecr::types::{
    ImageActionType, ImageIdentifier, ImageStatusFilter, LifecyclePolicyPreviewFilter,
    LifecyclePolicyPreviewStatus, ListImagesFilter, TagStatus,
};
use ecr_local::LocalEcr;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tagship_domain::content::OCI_MANIFEST;
use tagship_domain::immutability::Mutability;

use crate::bench::{ACCOUNT, Bench, REPOSITORY, Registry, api_error, digest_of, index, options};

const DAY: i64 = 24 * 3600;

/// Without signatures, which would not be of the time that the clock is set to.
async fn bench() -> Bench {
    let bench = Bench::start_with(|options| {
        options.admin = true;
        options.auth = false;
    })
    .await;
    bench.make("team/mutable", Mutability::Mutable).await;
    bench
}

/// Sets the clock as a test from outside does.
async fn set_clock(bench: &Bench, offset: i64) {
    let answer = bench
        .http
        .put(bench.url("/_local/clock"))
        .json(&json!({"offset_seconds": offset}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "rules are written where they are used"
)]
fn policy(rules: Value) -> String {
    json!({"rules": rules}).to_string()
}

fn keep(priority: u32, count: u32) -> Value {
    json!({
        "rulePriority": priority,
        "description": "keep only the newest images, and let all others expire",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count},
        "action": {"type": "expire"},
    })
}

fn untagged_older_than(priority: u32, days: u32) -> Value {
    json!({
        "rulePriority": priority,
        "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days},
        "action": {"type": "expire"},
    })
}

async fn put(bench: &Bench, repository: &str, policy: &str) {
    bench
        .ecr()
        .put_lifecycle_policy()
        .repository_name(repository)
        .lifecycle_policy_text(policy)
        .send()
        .await
        .unwrap();
}

/// Digests of all images, sorted.
async fn images(bench: &Bench, repository: &str) -> Vec<String> {
    let listed = bench
        .ecr()
        .list_images()
        .repository_name(repository)
        .send()
        .await
        .unwrap();
    let mut digests: Vec<String> = listed
        .image_ids()
        .iter()
        .map(|id| id.image_digest().unwrap().to_owned())
        .collect();
    digests.sort();
    digests.dedup();
    digests
}

fn sorted(manifests: &[&str]) -> Vec<String> {
    let mut digests: Vec<String> = manifests.iter().map(|manifest| digest_of(manifest)).collect();
    digests.sort();
    digests
}

/// A small artifact that refers to a manifest.
async fn referrer(registry: &Registry, repository: &str, subject: &str) -> String {
    let mut manifest: Value =
        serde_json::from_str(&registry.content(repository, &format!("about {subject}")).await).unwrap();
    manifest["subject"] =
        json!({"mediaType": OCI_MANIFEST, "digest": digest_of(subject), "size": subject.len()});
    let manifest = manifest.to_string();
    let answer = registry.put(repository, &digest_of(&manifest), &manifest).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    manifest
}

#[tokio::test]
async fn a_policy_is_put_given_back_and_deleted() {
    let bench = bench().await;
    let ecr = bench.ecr();
    let missing = (
        "LifecyclePolicyNotFoundException".to_owned(),
        format!(
            "Lifecycle policy does not exist for the repository with name '{REPOSITORY}' in the registry with id '{ACCOUNT}'"
        ),
    );
    let get = || ecr.get_lifecycle_policy().repository_name(REPOSITORY).send();
    assert_eq!(api_error(get().await), missing);
    put(
        &bench,
        REPOSITORY,
        &policy(json!([keep(9, 1), untagged_older_than(2, 1)])),
    )
    .await;
    let found = get().await.unwrap();
    assert_eq!(
        found.lifecycle_policy_text().unwrap(),
        concat!(
            r#"{"rules":[{"rulePriority":2,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","#,
            r#""countUnit":"days","countNumber":1},"action":{"type":"expire"}},"#,
            r#"{"rulePriority":9,"description":"keep only the newest images, and let all others expire","#,
            r#""selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},"#,
            r#""action":{"type":"expire"}}]}"#,
        )
    );
    assert_eq!(found.last_evaluated_at().unwrap().secs(), 0);
    let delete = || ecr.delete_lifecycle_policy().repository_name(REPOSITORY).send();
    let deleted = delete().await.unwrap();
    assert_eq!(deleted.lifecycle_policy_text(), found.lifecycle_policy_text());
    assert_eq!(api_error(delete().await), missing);
}

#[tokio::test]
async fn bad_policies_are_refused_in_ecrs_words() {
    let bench = bench().await;
    let refused = async |text: &str| {
        let put = bench
            .ecr()
            .put_lifecycle_policy()
            .repository_name(REPOSITORY)
            .lifecycle_policy_text(text);
        api_error(put.send().await)
    };
    assert_eq!(
        refused(&policy(json!([keep(1, 1), untagged_older_than(2, 1)]))).await,
        (
            "InvalidParameterException".to_owned(),
            "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation \
             failure: Rule for tagStatus=ANY must have the lowest priority per storage class'"
                .to_owned()
        )
    );
    assert!(
        refused(&" ".repeat(30_721))
            .await
            .1
            .contains("length less than or equal to 30720")
    );
    assert!(
        refused("{}")
            .await
            .1
            .contains("length greater than or equal to 100")
    );
    assert!(
        refused(&" ".repeat(100))
            .await
            .1
            .contains("Could not map policyString")
    );
}

#[tokio::test]
async fn a_policy_is_applied_once_a_day_of_the_clock() {
    let bench = bench().await;
    let registry = bench.registry().await;
    let old = registry.image(REPOSITORY, "v1", "one").await;
    set_clock(&bench, 60).await;
    let new = registry.image(REPOSITORY, "v2", "two").await;
    put(&bench, REPOSITORY, &policy(json!([keep(1, 1)]))).await;
    set_clock(&bench, DAY - 60).await;
    assert_eq!(images(&bench, REPOSITORY).await, sorted(&[&old, &new]));
    set_clock(&bench, DAY + 120).await;
    assert_eq!(images(&bench, REPOSITORY).await, sorted(&[&new]));
    let found = bench
        .ecr()
        .get_lifecycle_policy()
        .repository_name(REPOSITORY)
        .send()
        .await
        .unwrap();
    assert!(found.last_evaluated_at().unwrap().secs() > 0);
    // What comes later waits for the next day.
    let newest = registry.image(REPOSITORY, "v3", "three").await;
    set_clock(&bench, 2 * DAY).await;
    assert_eq!(images(&bench, REPOSITORY).await, sorted(&[&new, &newest]));
    set_clock(&bench, 2 * DAY + 240).await;
    assert_eq!(images(&bench, REPOSITORY).await, sorted(&[&newest]));
}

#[tokio::test]
async fn policies_can_be_applied_at_once_and_tell_what_they_did() {
    let bench = bench().await;
    let registry = bench.registry().await;
    let old = registry.image(REPOSITORY, "v1", "one").await;
    set_clock(&bench, 60).await;
    let new = registry.image(REPOSITORY, "v2", "two").await;
    put(&bench, REPOSITORY, &policy(json!([keep(7, 1)]))).await;
    let apply = async || -> Value {
        let request = bench.http.request(Method::POST, bench.url("/_local/lifecycle"));
        request.send().await.unwrap().json().await.unwrap()
    };
    assert_eq!(
        apply().await,
        json!([{
            "registryId": ACCOUNT,
            "region": "eu-central-1",
            "repositoryName": REPOSITORY,
            "imageDigest": digest_of(&old),
            "action": "EXPIRE",
            "rulePriority": 7,
        }])
    );
    assert_eq!(apply().await, json!([]));
    assert_eq!(images(&bench, REPOSITORY).await, sorted(&[&new]));
}

#[tokio::test]
async fn children_wait_for_their_index_and_referrers_follow_their_subject() {
    let bench = bench().await;
    let (registry, repository) = (bench.registry().await, "team/mutable");
    let child = registry.content(repository, "child").await;
    assert_eq!(
        registry
            .put(repository, &digest_of(&child), &child)
            .await
            .status(),
        StatusCode::CREATED
    );
    let subject = registry.content(repository, "subject").await;
    assert_eq!(
        registry
            .put(repository, &digest_of(&subject), &subject)
            .await
            .status(),
        StatusCode::CREATED
    );
    let about = referrer(&registry, repository, &subject).await;
    let index = index(&[&child]);
    assert_eq!(
        registry.put(repository, "v1", &index).await.status(),
        StatusCode::CREATED
    );
    put(&bench, repository, &policy(json!([untagged_older_than(1, 1)]))).await;
    assert_eq!(
        images(&bench, repository).await,
        sorted(&[&child, &subject, &about, &index])
    );
    set_clock(&bench, DAY + 60).await;
    assert_eq!(images(&bench, repository).await, sorted(&[&child, &index]));
    let delete = bench
        .ecr()
        .batch_delete_image()
        .repository_name(repository)
        .image_ids(ImageIdentifier::builder().image_tag("v1").build());
    delete.send().await.unwrap();
    set_clock(&bench, 2 * DAY + 120).await;
    assert_eq!(images(&bench, repository).await, sorted(&[]));
}

#[tokio::test]
async fn what_is_archived_is_kept_and_expires_later() {
    let bench = bench().await;
    let registry = bench.registry().await;
    registry.image(REPOSITORY, "v1", "one").await;
    put(
        &bench,
        REPOSITORY,
        &policy(json!([
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 30},
                "action": {"type": "transition", "targetStorageClass": "archive"},
            },
            {
                "rulePriority": 2,
                "selection": {
                    "tagStatus": "any",
                    "storageClass": "archive",
                    "countType": "sinceImageTransitioned",
                    "countUnit": "days",
                    "countNumber": 90,
                },
                "action": {"type": "expire"},
            },
        ])),
    )
    .await;
    let pull = async || {
        let registry = bench.registry().await;
        registry.get(&format!("{REPOSITORY}/manifests/v1")).await.status()
    };
    set_clock(&bench, 20 * DAY).await;
    assert_eq!(pull().await, StatusCode::OK);
    set_clock(&bench, 50 * DAY - 60).await;
    assert_eq!(pull().await, StatusCode::OK);
    set_clock(&bench, 80 * DAY).await;
    assert_eq!(pull().await, StatusCode::NOT_FOUND);
    let archived = async || {
        let any = ListImagesFilter::builder()
            .image_status(ImageStatusFilter::Any)
            .build();
        let ecr = bench.ecr();
        let list = ecr.list_images().repository_name(REPOSITORY).filter(any);
        list.send().await.unwrap().image_ids().len()
    };
    set_clock(&bench, 169 * DAY).await;
    assert_eq!(archived().await, 1);
    set_clock(&bench, 171 * DAY).await;
    assert_eq!(archived().await, 0);
}

#[tokio::test]
async fn a_preview_has_its_states_and_changes_nothing() {
    let bench = bench().await;
    let (ecr, registry) = (bench.ecr(), bench.registry().await);
    let start = || ecr.start_lifecycle_policy_preview().repository_name(REPOSITORY);
    let get = || ecr.get_lifecycle_policy_preview().repository_name(REPOSITORY);
    assert_eq!(
        api_error(start().send().await).0,
        "LifecyclePolicyNotFoundException"
    );
    assert_eq!(
        api_error(get().send().await).0,
        "LifecyclePolicyPreviewNotFoundException"
    );
    let mut manifests = Vec::new();
    for number in 0..4_i64 {
        set_clock(&bench, number).await;
        manifests.push(
            registry
                .image(REPOSITORY, &format!("v{number}"), &number.to_string())
                .await,
        );
    }
    let text = policy(json!([keep(5, 1)]));
    let started = start().lifecycle_policy_text(&text).send().await.unwrap();
    assert_eq!(started.status(), Some(&LifecyclePolicyPreviewStatus::InProgress));
    assert_eq!(
        get().send().await.unwrap().status(),
        Some(&LifecyclePolicyPreviewStatus::InProgress)
    );
    assert_eq!(
        api_error(start().lifecycle_policy_text(&text).send().await).0,
        "LifecyclePolicyPreviewInProgressException"
    );
    set_clock(&bench, 60).await;
    let done = get().send().await.unwrap();
    assert_eq!(done.status(), Some(&LifecyclePolicyPreviewStatus::Complete));
    assert_eq!(done.lifecycle_policy_text(), Some(text.as_str()));
    assert_eq!(done.summary().unwrap().expiring_image_total_count(), Some(3));
    let oldest = &done.preview_results()[0];
    assert_eq!(oldest.image_digest(), Some(digest_of(&manifests[0]).as_str()));
    assert_eq!(oldest.image_tags(), ["v0"]);
    assert_eq!(oldest.action().unwrap().r#type(), Some(&ImageActionType::Expire));
    assert_eq!(oldest.applied_rule_priority(), Some(5));
    // Pages, filters and chosen images.
    let first = get().max_results(2).send().await.unwrap();
    assert_eq!(first.preview_results().len(), 2);
    let second = get()
        .max_results(2)
        .next_token(first.next_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(second.preview_results().len(), 1);
    assert_eq!(second.next_token(), None);
    let untagged = LifecyclePolicyPreviewFilter::builder()
        .tag_status(TagStatus::Untagged)
        .build();
    assert_eq!(
        get()
            .filter(untagged)
            .send()
            .await
            .unwrap()
            .preview_results()
            .len(),
        0
    );
    let chosen = ImageIdentifier::builder().image_tag("v1").build();
    let one = get().image_ids(chosen.clone()).send().await.unwrap();
    assert_eq!(one.preview_results()[0].image_tags(), ["v1"]);
    assert_eq!(
        api_error(get().image_ids(chosen).max_results(2).send().await).0,
        "InvalidParameterException"
    );
    assert_eq!(
        api_error(get().max_results(101).send().await).0,
        "InvalidParameterException"
    );
    // Nothing happened, and the results do not stay for ever.
    set_clock(&bench, 3 * DAY).await;
    assert_eq!(images(&bench, REPOSITORY).await.len(), 4);
    assert_eq!(
        get().send().await.unwrap().status(),
        Some(&LifecyclePolicyPreviewStatus::Expired)
    );
}

#[tokio::test]
async fn what_was_due_while_nothing_ran_is_applied_at_the_start() {
    let bench = bench().await;
    let registry = bench.registry().await;
    let image = registry.image(REPOSITORY, "v1", "one").await;
    set_clock(&bench, -2 * DAY).await;
    put(
        &bench,
        REPOSITORY,
        &policy(json!([untagged_older_than(1, 1), keep(2, 1)])),
    )
    .await;
    let mut options = options(bench.folder.path());
    options.auth = false;
    bench.local.stop().await;
    let local = LocalEcr::start(options).await.unwrap();
    let bench = Bench { local, ..bench };
    let found = bench
        .ecr()
        .get_lifecycle_policy()
        .repository_name(REPOSITORY)
        .send()
        .await
        .unwrap();
    assert!(found.last_evaluated_at().unwrap().secs() > 0);
    assert_eq!(images(&bench, REPOSITORY).await, sorted(&[&image]));
}
