//! The transaction against a repository in memory that keeps ECR's rules.

mod memory;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use semver::Version;

use self::memory::{Fault, Memory, Rival};
use super::*;
use crate::domain::build::{BuildArgs, BuildRequest};
use crate::domain::content::{Descriptor, Manifest, OCI_CONFIG, OCI_MANIFEST};
use crate::domain::facts::{CommitId, Source};
use crate::domain::immutability::Mutability;
use crate::domain::plan::{Plan, Wish};
use crate::domain::reference::{Digest, ImageName, Reference, RegistryHost, RepositoryName, Tag};
use crate::domain::tags::{self, TagRule};
use crate::engine::BuildError;
use crate::error::Diagnose as _;
use crate::ports::{
    BlobStream, Builder, EngineSummary, Event, ImageStore, ReadRegistry, Reporter, WriteRegistry,
};
use crate::registry::RegistryError;
use crate::report::{Ledger, Report, Status};

const COMMIT: &str = "1111111111111111111111111111111111111111";
const COMMIT_TAG: &str = "sha-111111111111";

/// Builds one layer from a text.
struct Text(&'static str);

fn blobs(text: &str, revision: &str, version: &str) -> (Bytes, Bytes, Manifest) {
    let layer = Bytes::from(text.to_owned());
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "config": { "Labels": {
            "org.opencontainers.image.revision": revision,
            "org.opencontainers.image.version": version,
        } },
        "rootfs": { "type": "layers", "diff_ids": [Digest::of(&layer)] },
    });
    let config = Bytes::from(config.to_string());
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": Descriptor::new(OCI_CONFIG, Digest::of(&config), config.len() as u64),
        "layers": [Descriptor::new("application/vnd.oci.image.layer.v1.tar", Digest::of(&layer), layer.len() as u64)],
    });
    let manifest = Manifest::new(OCI_MANIFEST, manifest.to_string());
    (layer, config, manifest)
}

#[async_trait]
impl Builder for Text {
    async fn check(&self, _: &BuildRequest) -> Result<EngineSummary, BuildError> {
        Ok(EngineSummary {
            version: "1".to_owned(),
            store: ImageStore::Classic,
            platform: "linux/amd64".to_owned(),
        })
    }

    async fn publish(&self, _: &BuildRequest, registry: &dyn WriteRegistry) -> Result<Digest, BuildError> {
        let (layer, config, manifest) = blobs(self.0, COMMIT, "1.0.0");
        registry.put_blob(layer).await?;
        registry.put_blob(config).await?;
        registry
            .put_manifest(&Reference::Digest(manifest.digest()), &manifest)
            .await?;
        Ok(manifest.digest())
    }
}

struct Silent;

impl Reporter for Silent {
    fn mask(&self, _: &secrecy::SecretString) {}
    fn event(&self, _: Event<'_>) {}
}

fn image() -> ImageName {
    ImageName {
        registry: RegistryHost::parse("127.0.0.1:5510").unwrap(),
        repository: RepositoryName::parse("team/app").unwrap(),
    }
}

/// One whole run, as the command does it.
async fn ship(
    registry: &Memory,
    content: &'static str,
    rebuild: bool,
) -> (Result<(), PipelineError>, Report) {
    let commit = CommitId::parse(COMMIT).unwrap();
    let version = Some(Version::new(1, 0, 0));
    let rules = ["type=sha", "type=semver", "latest"].map(|rule| TagRule::parse(rule).unwrap());
    let wanted = tags::wanted(&rules, version.as_ref(), &commit, false).unwrap();
    let names: Vec<Tag> = wanted.tags.iter().map(|wanted| wanted.tag.clone()).collect();
    let ledger = Ledger::default();
    let result = async {
        let facts = gather(registry, &names).await?;
        let source = Source {
            commit,
            committed_at: jiff::Timestamp::UNIX_EPOCH,
            tags: Vec::new(),
            changes: Vec::new(),
            change_count: 0,
            url: None,
        };
        let build = BuildRequest {
            context: PathBuf::from("/src"),
            dockerfile: PathBuf::from("/src/Dockerfile"),
            target: None,
            build_args: BuildArgs::default(),
            secrets: Vec::new(),
            labels: BTreeMap::new(),
            platform: None,
            no_cache: false,
            source_date_epoch: 0,
        };
        let plan = Plan::new(
            Wish {
                image: image(),
                source,
                version,
                wanted,
                rebuild,
                build,
            },
            Ok(&facts),
        );
        ledger.planned(&plan);
        execute(
            &plan,
            &Writers {
                registry,
                builder: &Text(content),
            },
            &Silent,
            &ledger,
        )
        .await
    };
    let result = result.await;
    (result, ledger.report())
}

fn movable_latest() -> Mutability {
    Mutability::ImmutableWithExclusion(vec![
        crate::domain::immutability::TagFilter::parse("latest").unwrap(),
    ])
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
        .position(|name| name == "manifest")
        .unwrap();
    let first_tag = registry
        .requests()
        .iter()
        .position(|name| name == &format!("put {COMMIT_TAG}"))
        .unwrap();
    assert!(verified < first_tag);
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
            let (layer, config, manifest) = blobs(content, COMMIT, "1.0.0");
            {
                let mut state = registry.state.lock().unwrap();
                state.blobs.insert(Digest::of(&layer), layer);
                state.blobs.insert(Digest::of(&config), config);
                state.rival = Some(Rival {
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
    let built = blobs("b", COMMIT, "1.0.0").2.digest();
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
