//! The program is not at hand: a stand-in takes the arguments that its source names, and makes what that makes.

use std::fs;

use oci_registry::{InMemoryRegistry, verify};
use secrecy::SecretString;
use serde_json::json;
use tagship_domain::content::{OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::error::Diagnose as _;

use super::*;
use crate::ports::ReadRepository as _;

struct Silent;

impl Reporter for Silent {
    fn mask(&self, _secret: &SecretString) {}

    fn event(&self, _event: RunEvent<'_>) {}
}

/// A builder that has pushed an image of one platform.
struct Built(Digest);

#[async_trait]
impl Builder for Built {
    async fn check(&self, _: &BuildRequest) -> Result<EngineSummary, BuildError> {
        Err(BuildError::NoSpace)
    }

    async fn publish(&self, _: &BuildRequest, _: &dyn WriteRepository) -> Result<Digest, BuildError> {
        Ok(self.0)
    }
}

/// The beginning of a stand-in: it knows `convert` with the flags of `cmd/soci/commands/convert.go` and `internal/platform.go`.
const BEGINNING: &str = r#"#!/bin/sh
set -eu
[ "$1" = convert ] || exit 64
if [ "$2" = --help ]; then
    echo '   --all-platforms, --standalone, --format string'
    exit 0
fi
[ "$#" = 7 ] && [ "$2 $3 $4 $5" = '--standalone --format oci-dir --all-platforms' ] || exit 64
env | grep -q SECRET_OF_THE_JOB && exit 65
from=$6
to=$7
[ -f "$from/oci-layout" ] && [ ! -e "$to" ] || exit 66
"#;

/// What makes an image with an index of its one layer, as `soci/soci_convert.go` does: the image is annotated and so another one,
/// and the index of its layers stands beside it.
const CONVERTING: &str = r#"
blob() { printf '%s' "$1" > "$to/blob"; d=$(sha256sum "$to/blob" | cut -d ' ' -f 1); s=$(wc -c < "$to/blob"); mv "$to/blob" "$to/blobs/sha256/$d"; }
cp -r "$from" "$to"
image=$(sed 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/' "$to/index.json")
blob 'the table of contents'; ztoc="{\"mediaType\":\"application/octet-stream\",\"digest\":\"sha256:$d\",\"size\":$s}"
blob '{}'; empty="{\"mediaType\":\"application/vnd.amazon.soci.index.v2+json\",\"digest\":\"sha256:$d\",\"size\":$s}"
blob "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactType\":\"application/vnd.amazon.soci.index.v2+json\",\"config\":$empty,\"layers\":[$ztoc]}"
index=$d indexsize=$s
blob "$(sed "s/}\$/,\"annotations\":{\"com.amazon.soci.index-digest\":\"sha256:$index\"}}/" "$to/blobs/sha256/$image")"
new=$d newsize=$s
platform='"platform":{"os":"linux","architecture":"arm64"}'
manifest='"mediaType":"application/vnd.oci.image.manifest.v1+json"'
blob "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[{$manifest,\"digest\":\"sha256:$new\",\"size\":$newsize,$platform},{$manifest,\"digest\":\"sha256:$index\",\"size\":$indexsize,\"artifactType\":\"application/vnd.amazon.soci.index.v2+json\",$platform,\"annotations\":{\"com.amazon.soci.image-manifest-digest\":\"sha256:$new\"}}]}"
printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%s}]}' "$d" "$s" > "$to/index.json"
"#;

/// Publishes with a stand-in that ends so.
async fn publish(registry: &InMemoryRegistry, ending: &str) -> Result<(Digest, Digest), BuildError> {
    let config =
        json!({"os": "linux", "architecture": "arm64", "rootfs": {"type": "layers", "diff_ids": []}});
    let config = registry.add_blob(OCI_CONFIG, config.to_string());
    let layer = registry.add_blob(OCI_LAYER_GZIP, "a layer");
    let manifest =
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
    let image = registry.add_manifest(OCI_MANIFEST, &manifest).digest;
    let work = tempfile::tempdir().unwrap();
    let program = work.path().join("soci");
    fs::write(&program, format!("{BEGINNING}{ending}")).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let variables = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let built = Built(image);
    let mut builder = SociBuilder::new(&built, registry, &variables, &Silent);
    builder.program.name = program.as_os_str();
    builder.program.limit = Duration::from_secs(5);
    builder.program.check().await?;
    let published = builder.publish(&BuildRequest::default(), registry).await?;
    Ok((image, published))
}

#[tokio::test]
async fn an_image_becomes_one_with_an_index_of_its_layers() {
    let registry = InMemoryRegistry::default();
    let (image, published) = publish(&registry, CONVERTING).await.unwrap();
    assert_ne!(image, published);
    let verified = verify(&published, &registry).await.unwrap();
    let platforms: Vec<String> = verified
        .description
        .platforms
        .iter()
        .map(|one| one.platform.to_string())
        .collect();
    assert_eq!(platforms, ["linux/arm64"], "the index is no image");
    let manifest = registry.manifest(&published).await.unwrap().unwrap();
    let Content::Index(index) = manifest.content().unwrap() else {
        panic!("it is an index")
    };
    assert!(index.manifests[1].is_soci_index() && !index.manifests[0].is_soci_index());
    // The same program makes the same of the same.
    assert_eq!(publish(&registry, CONVERTING).await.unwrap().1, published);
}

#[tokio::test]
async fn what_fails_or_makes_something_else_is_told_and_nothing_of_it_is_published() {
    let failing = "echo 'soci: no ztocs created, all layers either skipped or produced errors' >&2; exit 1";
    for (ending, said, hint) in [
        (
            failing,
            "no ztocs created",
            "layers of less than 10 MiB get no index",
        ),
        ("exit 3", "it says nothing", "its own words say why"),
        ("cp -r \"$from\" \"$to\"", "it is no index", "update `soci`"),
        ("sleep 60", "did not end within 5 s", "run again"),
    ] {
        let registry = InMemoryRegistry::default();
        let error = publish(&registry, ending).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
        assert_eq!(registry.state().manifests.len(), 1, "{ending}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_or_is_too_old_is_found_before_the_build() {
    let registry = InMemoryRegistry::default();
    let built = Built(Digest::of(b"none"));
    let variables = BTreeMap::new();
    let missing = Path::new("/nonexistent/soci");
    for (name, said) in [(missing, "cannot be run"), (Path::new("/bin/true"), "is too old")] {
        let mut builder = SociBuilder::new(&built, &registry, &variables, &Silent);
        builder.program.name = name.as_os_str();
        let error = builder.check(&BuildRequest::default()).await.unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hint().unwrap().contains("install `soci`"));
    }
}
