//! The transaction against a repository in memory that keeps ECR's rules.

mod gate;
mod memory;
mod moving;
mod run;
mod targets;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use semver::Version;

use self::gate::FakeScans;
use self::memory::{ConcurrentPush, Fault, Memory};
use self::run::{FixedHistory, Run, blobs, image, places};
use super::*;
use crate::pipeline::Ledger;
use crate::ports::{
    BlobStream, BuildError, Builder, EngineSummary, FoundManifests, ImageStore, ReadHistory, ReadRegistry,
    ReadRepository, ReadWhole, Reporter, TryImage, WriteRepository,
};
use crate::ports::{GitError, RegistryError};
use crate::report::{Report, Status};
use tagship_domain::build::{BuildRequest, Places, RequestHash};
use tagship_domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST, Platform};
use tagship_domain::error::Diagnose as _;
use tagship_domain::event::{Event, RepositoryInfo};
use tagship_domain::facts::{CommitId, Descent, GitTags, Source};
use tagship_domain::findings::GatePlan;
use tagship_domain::immutability::Mutability;
use tagship_domain::plan::{Plan, PlanRequest, Scope, TargetPlan};
use tagship_domain::reference::{Digest, ImageName, ImageRef, Reference, RegistryHost, RepositoryName, Tag};
use tagship_domain::tags::{Flavor, Mode, TagClass, TagContext, TagRule, TagSet, evaluate};

const COMMIT: &str = "1111111111111111111111111111111111111111";
const COMMIT_TAG: &str = "sha-111111111111";

/// One whole run of the first version.
async fn ship(
    registry: &Memory,
    content: &'static str,
    rebuild: bool,
) -> (Result<(), PipelineError>, Report) {
    run(content, rebuild).ship(registry).await
}

fn run(content: &str, rebuild: bool) -> Run {
    let rules = ["type=sha", "type=semver", "latest"];
    let mut run = Run::new(COMMIT, Some("1.0.0"), &rules, content);
    run.plan_request.rebuild = rebuild;
    run
}

fn movable_latest() -> Mutability {
    Mutability::ImmutableWithExclusion(vec![
        tagship_domain::immutability::TagFilter::parse("latest").unwrap(),
    ])
}

#[tokio::test]
async fn what_a_role_may_not_push_is_not_built() {
    let registry = Memory::new(movable_latest());
    registry.state.lock().unwrap().missing_rights = vec!["ecr:UploadLayerPart", "ecr:PutImage"];
    let (result, report) = ship(&registry, "a", false).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the role may not push to repository `team/app`: it lacks `ecr:UploadLayerPart`, `ecr:PutImage`"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("`ecr:InitiateLayerUpload`"), "{hint}");
    assert_eq!(report.status, Status::Failed);
    assert!(registry.state.lock().unwrap().blobs.is_empty());
}

#[tokio::test]
async fn tags_come_last_and_the_moving_one_after_the_immutable_ones() {
    let registry = Memory::new(movable_latest());
    let (result, report) = ship(&registry, "a", false).await;
    result.unwrap();
    assert_eq!(report.status, Status::Published);
    let puts: Vec<String> = registry
        .requests()
        .into_iter()
        .filter(|name| name.starts_with("put "))
        .collect();
    let digest = report.digest.unwrap();
    assert_eq!(
        puts,
        [
            "put blob",
            "put blob",
            &format!("put {digest}"),
            &format!("put {COMMIT_TAG}"),
            "put 1.0.0",
            "put latest"
        ]
    );
    let verified = registry
        .requests()
        .iter()
        .position(|name| name == "look up")
        .unwrap();
    let first_tag = registry
        .requests()
        .iter()
        .position(|name| name == &format!("put {COMMIT_TAG}"))
        .unwrap();
    assert!(verified < first_tag);
}

/// The image and its tags are read in one request, where the registry itself keeps those where they are; where it would let
/// them move, each is looked at again just before it is put.
#[tokio::test]
async fn the_read_back_looks_at_the_tags_too() {
    let reads_before_tags = async |mutability| {
        let registry = Memory::new(mutability);
        ship(&registry, "a", false).await.0.unwrap();
        let requests = registry.requests();
        let pushed = requests.iter().position(|name| name.starts_with("put sha256:"));
        let tagged = requests.iter().position(|name| name.starts_with("put sha-"));
        let between = &requests[pushed.unwrap() + 1..tagged.unwrap()];
        let looks = between.iter().filter(|name| !name.starts_with("blob"));
        looks.cloned().collect::<Vec<_>>()
    };
    assert_eq!(reads_before_tags(movable_latest()).await, ["look up"]);
    assert_eq!(
        reads_before_tags(Mutability::Mutable).await,
        ["look up", "resolve"]
    );
}

#[tokio::test]
async fn a_second_run_writes_nothing() {
    let registry = Memory::new(movable_latest());
    let first = ship(&registry, "a", false).await.1;
    let before = registry.requests().len();
    let (result, second) = ship(&registry, "other content, never built", false).await;
    result.unwrap();
    assert_eq!(
        (second.status, second.tags.len()),
        (Status::AlreadyPublished, first.tags.len())
    );
    assert_eq!(registry.requests()[before..], ["mutability", "resolve", "blob"]);
}

#[tokio::test]
async fn broken_off_anywhere_the_next_run_converges() {
    let whole = Memory::new(movable_latest());
    ship(&whole, "a", false).await.0.unwrap();
    let expected = whole.tag("1.0.0");
    for after in 0..whole.requests().len() {
        for fault in [Fault::Before, Fault::After] {
            let registry = Memory::new(movable_latest());
            registry.state.lock().unwrap().fault = Some((after, fault));
            let (result, report) = ship(&registry, "a", false).await;
            assert!(result.is_err(), "request {after}");
            assert_eq!(report.status, Status::Failed);
            for tag in &report.tags {
                assert!(
                    tag.digest.is_none() || registry.tag(tag.tag.as_str()) == tag.digest,
                    "the report is true"
                );
            }
            registry.state.lock().unwrap().fault = None;
            ship(&registry, "a", false).await.0.unwrap();
            for tag in [COMMIT_TAG, "1.0.0", "latest"] {
                assert_eq!(registry.tag(tag), expected, "request {after}, tag {tag}");
            }
        }
    }
}

#[tokio::test]
async fn a_lost_race_is_success_with_the_same_image_and_a_conflict_with_another() {
    let whole = Memory::new(movable_latest());
    ship(&whole, "a", false).await.0.unwrap();
    let gathered = 2;
    for after in gathered..whole.requests().len() - 1 {
        for (content, same) in [("a", true), ("b", false)] {
            let registry = Memory::new(movable_latest());
            let (layer, config, manifest) = blobs(content, COMMIT, Some("1.0.0"));
            {
                let mut state = registry.state.lock().unwrap();
                state.blobs.insert(Digest::of(&layer), layer);
                state.blobs.insert(Digest::of(&config), config);
                state.rival = Some(ConcurrentPush {
                    after,
                    tag: Tag::parse("1.0.0").unwrap(),
                    manifest: manifest.clone(),
                });
            }
            let (result, _) = ship(&registry, "a", false).await;
            if same || registry.tag("1.0.0") != Some(manifest.digest()) {
                result.unwrap();
            } else {
                let error = result.unwrap_err();
                assert_eq!(error.kind().exit_code(), 10, "request {after}: {error}");
                let text = error.to_string();
                assert!(text.contains(&manifest.digest().to_string()), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn a_tag_is_not_overwritten_even_where_the_repository_would_allow_it() {
    let registry = Memory::new(Mutability::Mutable);
    ship(&registry, "a", false).await.0.unwrap();
    let before = registry.tag("1.0.0");
    let (result, _) = ship(&registry, "b", true).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind().exit_code(), 10);
    let built = blobs("b", COMMIT, Some("1.0.0")).2.digest();
    assert!(
        error.to_string().contains(&built.to_string()),
        "both digests are shown: {error}"
    );
    assert_eq!(registry.tag("1.0.0"), before);
    assert_eq!(registry.tag("latest"), before);
}

#[tokio::test]
async fn a_rebuild_that_gives_the_same_image_is_success() {
    let registry = Memory::new(movable_latest());
    ship(&registry, "a", false).await.0.unwrap();
    let (result, report) = ship(&registry, "a", true).await;
    result.unwrap();
    assert_eq!(report.status, Status::AlreadyPublished);
    assert_eq!(report.digest, registry.tag("1.0.0"));
}

#[tokio::test]
async fn a_rebuild_takes_a_second_build_on_a_classic_store_before_it_calls_an_image_another() {
    for (store, uncached, code) in [
        (ImageStore::Classic, vec!["a"], None),
        (ImageStore::Classic, vec!["c", "a"], Some(10)),
        (ImageStore::Containerd, vec!["a"], Some(10)),
    ] {
        let registry = Memory::new(movable_latest());
        ship(&registry, "a", false).await.0.unwrap();
        let published = registry.tag("1.0.0");
        let again = Run {
            store,
            uncached: uncached.clone(),
            ..run("b", true)
        };
        let (result, report) = again.ship(&registry).await;
        let found = result.as_ref().err().map(|error| error.kind().exit_code());
        assert_eq!(found, code, "{store:?} {uncached:?}: {result:?}");
        if code.is_none() {
            assert_eq!(report.status, Status::AlreadyPublished);
            assert_eq!(report.digest, published);
        }
        assert_eq!(registry.tag("1.0.0"), published);
    }
}

#[tokio::test]
async fn a_rebuild_that_differs_says_in_what() {
    let registry = Memory::new(movable_latest());
    ship(&registry, "a", false).await.0.unwrap();
    let published = registry.tag("1.0.0").unwrap();
    let (result, report) = ship(&registry, "b", true).await;
    let error = result.unwrap_err();
    let built = blobs("b", COMMIT, Some("1.0.0")).2.digest();
    assert_eq!(
        error.to_string(),
        format!(
            "the build gave {built}, and published is {published}: layer 1 is {}, published {}",
            Digest::of(b"b"),
            Digest::of(b"a")
        )
    );
    assert_eq!(report.status, Status::Failed);
    assert_eq!(registry.tag("latest"), Some(published));
}

#[tokio::test]
async fn a_commit_that_is_published_is_found_whatever_tags_are_wanted() {
    let registry = Memory::new(Mutability::Immutable);
    let first = Run::new(COMMIT, None, &["type=sha"], "a");
    first.ship(&registry).await.0.unwrap();
    let mut second = Run::new(COMMIT, Some("1.0.0"), &["type=semver"], "never built");
    second.plan_request.also = vec![(Tag::parse(COMMIT_TAG).unwrap(), TagClass::Commit)];
    let before = registry.requests().len();
    let (result, report) = second.ship(&registry).await;
    result.unwrap();
    assert_eq!(report.status, Status::Published);
    assert_eq!(registry.tag("1.0.0"), registry.tag(COMMIT_TAG));
    let requests = registry.requests()[before..].to_vec();
    assert_eq!(requests.iter().filter(|name| *name == "put blob").count(), 0);
    let is_look = |name: &&String| ["resolve", "look up"].contains(&name.as_str());
    let looks = requests.iter().filter(is_look).count();
    assert_eq!(
        looks, 3,
        "one for the plan, one before the tag, one after it: {requests:?}"
    );
}

#[tokio::test]
async fn another_request_for_a_published_commit_writes_nothing() {
    let registry = Memory::new(movable_latest());
    run("a", false).ship(&registry).await.0.unwrap();
    let before = registry.requests().len();
    let mut other = run("never built", false);
    other.plan_request.build.platforms = vec![Platform::parse("linux/arm64").unwrap()];
    other.plan_request.request = RequestHash::of(&other.plan_request.build, &places());
    let error = other.ship(&registry).await.0.unwrap_err();
    assert_eq!(error.kind().exit_code(), 10);
    assert!(error.to_string().contains("another `platforms`"), "{error}");
    let requests = registry.requests()[before..].to_vec();
    assert!(
        !requests.iter().any(|name| name.starts_with("put")),
        "{requests:?}"
    );
}

/// Such a repository has no "put unless there is one": a run looks, puts and looks.
#[tokio::test]
async fn on_a_mutable_repository_only_the_moment_of_one_request_is_open() {
    let undisturbed = Memory::new(Mutability::Mutable);
    ship(&undisturbed, "a", false).await.0.unwrap();
    let rival = run::blobs("rival", &"f".repeat(40), Some("1.0.0")).2;
    let mut lost = Vec::new();
    for after in 0..undisturbed.requests().len() {
        let registry = Memory::new(Mutability::Mutable);
        registry.state.lock().unwrap().rival = Some(memory::ConcurrentPush {
            after,
            tag: Tag::parse("1.0.0").unwrap(),
            manifest: rival.clone(),
        });
        let (result, _) = ship(&registry, "a", false).await;
        if result.is_ok() || registry.tag("1.0.0") != Some(rival.digest()) {
            lost.push(registry.requests()[after].clone());
        }
    }
    assert_eq!(lost, ["put 1.0.0"]);
}

#[tokio::test]
async fn an_image_that_fails_its_test_gets_no_tag_and_one_run_that_passes_puts_them() {
    let registry = Memory::new(movable_latest());
    let mut run = run("a", false);
    run.test = Some("false".to_owned());
    let (result, report) = run.ship(&registry).await;
    let error = result.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("does not pass `test`: build step `RUN false` failed with exit code 3"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("no tag was put"));
    assert_eq!(error.output(), ["no such option"]);
    assert_eq!(report.status, Status::Failed);
    assert!(registry.state.lock().unwrap().tags.is_empty());

    run.test = Some("true".to_owned());
    let (result, report) = run.ship(&registry).await;
    result.unwrap();
    assert_eq!(report.status, Status::Published);
    let notes: Vec<String> = report.notes.iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|note| note.contains("linux/s390x")), "{notes:?}");
    // A published commit is tested no more.
    let before = run.tester.runs.lock().unwrap().len();
    run.ship(&registry).await.0.unwrap();
    let runs = run.tester.runs.lock().unwrap();
    assert_eq!((before, runs.len()), (2, 2));
    let image = image().at(report.digest.unwrap()).to_string();
    assert!(
        runs[1].starts_with(&image) && runs[1].ends_with("true"),
        "{runs:?}"
    );
}
