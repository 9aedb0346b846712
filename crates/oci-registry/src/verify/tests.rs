//! Images whole and damaged, in a registry in memory.

use serde_json::json;

use super::super::in_memory::InMemoryRegistry;
use super::*;
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::reference::{RepositoryName, Tag};

const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An image for `architecture` with one layer of its own and one that all share; gives its manifest.
fn add_image(registry: &InMemoryRegistry, architecture: &str) -> Descriptor {
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": {
            "org.opencontainers.image.version": "1.2.3-rc.1",
            "org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
        }},
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    let config = registry.add_blob(OCI_CONFIG, config.to_string());
    let own = registry.add_blob(OCI_LAYER_GZIP, format!("layer of {architecture}"));
    let shared = registry.add_blob(OCI_LAYER_GZIP, "shared layer");
    registry.add_manifest(
        OCI_MANIFEST,
        &json!({"schemaVersion": 2, "config": config, "layers": [shared, own]}),
    )
}

/// What `BuildKit` attaches to `image`.
fn add_attestation(registry: &InMemoryRegistry, image: &Descriptor) -> serde_json::Value {
    let config = registry.add_blob(OCI_CONFIG, r#"{"architecture":"unknown","os":"unknown"}"#);
    let mut statement = json!(registry.add_blob(IN_TOTO, "{}"));
    statement["annotations"] = json!({"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"});
    let manifest = registry.add_manifest(
        OCI_MANIFEST,
        &json!({"schemaVersion": 2, "config": config, "layers": [statement]}),
    );
    let mut entry = json!(manifest);
    entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    entry["annotations"] = json!({
        "vnd.docker.reference.digest": image.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    });
    entry
}

fn with_platform(image: &Descriptor, text: &str) -> serde_json::Value {
    let mut entry = json!(image);
    let platform = Platform::parse(text).unwrap();
    entry["platform"] =
        json!({"os": platform.os, "architecture": platform.architecture, "variant": platform.variant});
    entry
}

fn add_index(registry: &InMemoryRegistry) -> (Descriptor, Descriptor, Descriptor) {
    let amd64 = add_image(registry, "amd64");
    let arm64 = add_image(registry, "arm64");
    let entries = [
        with_platform(&amd64, "linux/amd64"),
        with_platform(&arm64, "linux/arm64/v8"),
        add_attestation(registry, &amd64),
    ];
    let index = registry.add_manifest(OCI_INDEX, &json!({"schemaVersion": 2, "manifests": entries}));
    (index, amd64, arm64)
}

#[tokio::test]
async fn a_single_image_tells_its_facts() {
    let registry = InMemoryRegistry::default();
    let image = add_image(&registry, "amd64");
    let verified = verify(&image.digest, &registry).await.unwrap();
    assert_eq!(verified.manifest.digest(), image.digest);
    let image_description = verified.description;
    assert_eq!(
        image_description
            .labels
            .get("org.opencontainers.image.version")
            .map(String::as_str),
        Some("1.2.3-rc.1")
    );
    assert_eq!(
        image_description
            .labels
            .get("org.opencontainers.image.revision")
            .map(String::as_str),
        Some("0123456789abcdef0123456789abcdef01234567")
    );
    assert_eq!(
        image_description.platforms,
        [PlatformManifest {
            platform: Platform::parse("linux/amd64").unwrap(),
            digest: image.digest
        }]
    );
    let bytes: usize = registry.state().blobs.values().map(bytes::Bytes::len).sum();
    assert_eq!(image_description.size, bytes as u64);
}

#[tokio::test]
async fn describing_a_single_image_takes_one_request() {
    let registry = InMemoryRegistry::default();
    let image = add_image(&registry, "amd64");
    let manifest = registry.state().manifests[&image.digest].clone();
    let described = describe(&manifest, &registry).await.unwrap();
    assert_eq!(registry.journal().len(), 1);
    assert_eq!(
        described,
        verify(&image.digest, &registry).await.unwrap().description
    );
}

#[tokio::test]
async fn an_index_says_which_image_a_statement_is_about() {
    let registry = InMemoryRegistry::default();
    let (index, amd64, _) = add_index(&registry);
    let verified = verify(&index.digest, &registry).await.unwrap();
    let expected = AttachedStatement {
        image: amd64.digest,
        predicate: "https://slsa.dev/provenance/v1".to_owned(),
    };
    assert_eq!(verified.statements, [expected]);
}

#[tokio::test]
async fn an_index_is_all_its_images_and_no_attestation() {
    let registry = InMemoryRegistry::default();
    let (index, amd64, arm64) = add_index(&registry);
    let verified = verify(&index.digest, &registry).await.unwrap();
    let platforms: Vec<_> = verified
        .description
        .platforms
        .iter()
        .map(|entry| (entry.platform.to_string(), entry.digest))
        .collect();
    assert_eq!(
        platforms,
        [
            ("linux/amd64".to_owned(), amd64.digest),
            ("linux/arm64/v8".to_owned(), arm64.digest)
        ]
    );
    let shared = "shared layer".len() + "layer of amd64".len() + "layer of arm64".len();
    let configs: usize = registry
        .state()
        .blobs
        .values()
        .filter(|blob| blob.starts_with(b"{\"architecture\":\"a"))
        .map(bytes::Bytes::len)
        .sum();
    assert_eq!(verified.description.size, (shared + configs) as u64);
}

#[tokio::test]
async fn every_blob_and_manifest_that_is_missing_is_named() {
    let complete = InMemoryRegistry::default();
    let (index, ..) = add_index(&complete);
    let blobs: Vec<Digest> = complete.state().blobs.keys().copied().collect();
    let manifests: Vec<Digest> = complete.state().manifests.keys().copied().collect();
    for digest in blobs.into_iter().chain(manifests) {
        let registry = InMemoryRegistry::default();
        add_index(&registry);
        registry.state().blobs.remove(&digest);
        registry.state().manifests.remove(&digest);
        let error = verify(&index.digest, &registry).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::ContentMissing { digest: missing } if *missing == digest),
            "{digest}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_blob_of_another_size_is_found() {
    let registry = InMemoryRegistry::default();
    let image = add_image(&registry, "amd64");
    let layer = Digest::of(b"shared layer");
    registry.state().blobs.insert(layer, "shared".into());
    let error = verify(&image.digest, &registry).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::ContentMismatch { expected, found } if *expected == layer && found == "6 bytes in place of 12"),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_is_no_image_is_refused() {
    let registry = InMemoryRegistry::default();
    let not_a_config = registry.add_blob(OCI_CONFIG, "[1, 2]");
    let image = registry.add_manifest(
        OCI_MANIFEST,
        &json!({"schemaVersion": 2, "config": not_a_config, "layers": []}),
    );
    let error = verify(&image.digest, &registry).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::ContentMismatch { .. }),
        "{error:?}"
    );

    let inner = registry.add_manifest(OCI_INDEX, &json!({"schemaVersion": 2, "manifests": []}));
    let outer = registry.add_manifest(OCI_INDEX, &json!({"schemaVersion": 2, "manifests": [inner]}));
    let error = verify(&outer.digest, &registry).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::ContentMismatch { .. }),
        "{error:?}"
    );

    let unknown = registry.add_manifest("text/html", &json!({}));
    let error = verify(&unknown.digest, &registry).await.unwrap_err();
    assert!(matches!(error, RegistryError::Manifest(_)), "{error:?}");
}

#[tokio::test]
async fn configs_may_leave_out_what_they_need_not_have() {
    for config in [
        r#"{"architecture":"amd64","os":"linux"}"#,
        r#"{"architecture":"amd64","os":"linux","config":null}"#,
        r#"{"architecture":"amd64","os":"linux","config":{"Labels":null}}"#,
        r#"{"architecture":"amd64","os":"linux","config":{"Labels":{"org.opencontainers.image.version":"main"}}}"#,
    ] {
        let registry = InMemoryRegistry::default();
        let config = registry.add_blob(OCI_CONFIG, config);
        let content = json!({"schemaVersion": 2, "config": config, "layers": []});
        let image = registry.add_manifest(OCI_MANIFEST, &content);
        let labels = verify(&image.digest, &registry).await.unwrap().description.labels;
        assert_eq!(labels.get("org.opencontainers.image.revision"), None);
    }
}

/// A registry for a role that may push, and not read blobs.
struct PushOnly(InMemoryRegistry);

#[async_trait::async_trait]
impl ReadRepository for PushOnly {
    async fn resolve(&self, tags: &[Tag]) -> Result<BTreeMap<Tag, Manifest>, RegistryError> {
        self.0.resolve(tags).await
    }

    async fn list_tags(&self) -> Result<Vec<Tag>, RegistryError> {
        self.0.list_tags().await
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Manifest>, RegistryError> {
        self.0.manifest(digest).await
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, RegistryError> {
        self.0.blob_size(digest).await
    }

    async fn blob(&self, _: &Descriptor) -> Result<bytes::Bytes, RegistryError> {
        Err(RegistryError::NotPermitted {
            action: "ecr:GetDownloadUrlForLayer".to_owned(),
            repository: RepositoryName::parse("team/app").unwrap(),
        })
    }
}

#[tokio::test]
async fn a_role_that_may_push_may_verify() {
    let registry = PushOnly(InMemoryRegistry::default());
    let (index, amd64, _) = add_index(&registry.0);
    let description = verify(&index.digest, &registry).await.unwrap().description;
    assert_eq!(
        (description.platforms.len(), description.labels.len()),
        (2, 0),
        "an index tells platforms"
    );
    verify(&amd64.digest, &registry).await.unwrap();
    // The config that cannot be read must be there all the same.
    let manifest = registry.0.state().manifests[&amd64.digest].clone();
    let Content::Image(image) = manifest.content().unwrap() else {
        panic!("an image")
    };
    registry.0.state().blobs.remove(&image.config.digest);
    let error = verify(&amd64.digest, &registry).await.unwrap_err();
    assert!(matches!(error, RegistryError::ContentMissing { .. }), "{error:?}");
}

#[tokio::test]
async fn an_index_that_says_another_platform_than_the_config_is_refused() {
    let registry = InMemoryRegistry::default();
    let amd64 = add_image(&registry, "amd64");
    let entries = [with_platform(&amd64, "linux/arm64")];
    let index = registry.add_manifest(OCI_INDEX, &json!({"schemaVersion": 2, "manifests": entries}));
    let message = verify(&index.digest, &registry).await.unwrap_err().to_string();
    let expected = "a config for linux/amd64 where the index says linux/arm64";
    assert!(message.contains(expected), "{message}");
    // Another tool's image is described as it is.
    let manifest = registry.state().manifests[&index.digest].clone();
    assert!(describe(&manifest, &registry).await.is_ok());
}
