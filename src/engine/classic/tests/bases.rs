//! Layers of a base image, which keep the blobs that their own registry has.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::ports::{OpenBase, ReadWhole};
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, Platform};
use tagship_domain::reference::{ImageName, RegistryHost, RepositoryName};

/// The base's own layers, and one that a build adds.
const OWN: [&[u8]; 2] = [&[1; 100_000], b"second of the base"];
const ADDED: &[u8] = b"added";

/// A registry with a base image, in blobs of another encoder than this tool's.
struct BaseRegistry {
    registry: Arc<InMemoryRegistry>,
    digest: Digest,
    blobs: Vec<Descriptor>,
}

/// Opens one repository, or fails.
struct Opens(Option<Arc<InMemoryRegistry>>);

impl OpenBase for Opens {
    fn open(&self, image: &ImageName) -> Result<Arc<dyn ReadWhole>, RegistryError> {
        let unavailable = RegistryError::Unavailable {
            host: image.registry.clone(),
            operation: "reading".into(),
            message: "no route".to_owned(),
            was_repeated: true,
        };
        let registry = self.0.clone().ok_or(unavailable)?;
        Ok(registry)
    }
}

impl BaseRegistry {
    fn new(media_type: &str) -> Self {
        let registry = InMemoryRegistry::default();
        let pack = |layer: &&[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(1));
            encoder.write_all(layer).unwrap();
            registry.add_blob(media_type, encoder.finish().unwrap())
        };
        let blobs: Vec<Descriptor> = OWN.iter().map(pack).collect();
        let diff_ids: Vec<Digest> = OWN.iter().map(|layer| Digest::of(layer)).collect();
        let config = registry.add_blob(OCI_CONFIG, json!({"rootfs": {"diff_ids": diff_ids}}).to_string());
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": blobs});
        let mut image = registry.add_manifest(OCI_MANIFEST, &manifest);
        image.platform = Some(Platform::parse("linux/amd64").unwrap());
        let mut other = registry.add_manifest(
            OCI_MANIFEST,
            &json!({"schemaVersion": 2, "config": config, "layers": []}),
        );
        other.platform = Some(Platform::parse("linux/arm64").unwrap());
        let index = registry.add_manifest(
            OCI_INDEX,
            &json!({"schemaVersion": 2, "manifests": [other, image]}),
        );
        Self {
            registry: Arc::new(registry),
            digest: index.digest,
            blobs,
        }
    }

    /// Pushes the image that was built on it. Gives the layers, and how often it was said that a blob was lost.
    async fn push(
        &self,
        opens: &Opens,
        target: &InMemoryRegistry,
        cache: Option<&LayerCache>,
        times: ImageForm,
    ) -> (Vec<Descriptor>, usize) {
        self.push_saved(Layout::Docker28, opens, target, cache, times)
            .await
    }

    async fn push_saved(
        &self,
        layout: Layout,
        opens: &Opens,
        target: &InMemoryRegistry,
        cache: Option<&LayerCache>,
        times: ImageForm,
    ) -> (Vec<Descriptor>, usize) {
        let host = RegistryHost::parse("127.0.0.1:1").unwrap();
        let base = BaseImage {
            image: ImageName {
                registry: host.clone(),
                repository: RepositoryName::parse("team/base").unwrap(),
            },
            digest: self.digest,
            platform: Some(Platform::parse("linux/amd64").unwrap()),
            registries: opens,
            target: host,
        };
        let layers: Vec<&[u8]> = OWN.into_iter().chain([ADDED]).collect();
        let saved = SavedImage::new(layout, &layers);
        let heard = RecordedEvents::default();
        let pushed = push_patiently(&saved, target, &heard, times, cache, Some(&base)).await;
        let verified = verify(&pushed.unwrap(), target).await.unwrap();
        let Content::Image(image) = verified.manifest.content().unwrap() else {
            panic!("an index");
        };
        assert_eq!(unpacked(&target.state().blobs, &image.layers), saved.diff_ids);
        let heard = heard.0.into_inner().unwrap();
        let lost = heard
            .iter()
            .filter(|text| text.contains("layers of the base image"));
        (image.layers, lost.count())
    }

    fn opens(&self) -> Opens {
        Opens(Some(Arc::clone(&self.registry)))
    }
}

fn digests(layers: &[Descriptor]) -> Vec<Digest> {
    layers.iter().map(|layer| layer.digest).collect()
}

#[tokio::test]
async fn a_base_keeps_its_blobs_which_are_copied_once_or_mounted() {
    for media_type in [
        OCI_LAYER_GZIP,
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ] {
        let base = BaseRegistry::new(media_type);
        // Times are set in no layer of the base.
        let late = ImageForm {
            config_time: Epoch::new(0),
            layer_time: Some(Epoch::new(0)),
            ..ImageForm::UNCHANGED
        };
        for times in [ImageForm::UNCHANGED, late] {
            let target = InMemoryRegistry::default();
            let (layers, lost) = base.push(&base.opens(), &target, None, times).await;
            assert_eq!(digests(&layers[..2]), digests(&base.blobs));
            assert!(layers.iter().all(|layer| layer.media_type == OCI_LAYER_GZIP));
            assert_eq!((lost, uploads(&target)), (0, 3));
            base.registry.journal();
            let again = base.push(&base.opens(), &target, None, times).await;
            assert_eq!((again.0, uploads(&target)), (layers, 0));
            let journal = base.registry.journal();
            assert!(
                !journal
                    .iter()
                    .any(|entry| entry.contains(&base.blobs[0].digest.to_string())),
                "{journal:?}"
            );
        }
        let target = InMemoryRegistry::default();
        target.state().mountable = base.registry.state().blobs.clone();
        base.push(&base.opens(), &target, None, ImageForm::UNCHANGED)
            .await;
        assert_eq!(uploads(&target), 1);
    }
}

/// The archive of 20.10 says of no layer which one it is.
#[tokio::test]
async fn layers_without_names_are_known_by_their_content() {
    let base = BaseRegistry::new(OCI_LAYER_GZIP);
    let target = InMemoryRegistry::default();
    let (opens, times) = (base.opens(), ImageForm::UNCHANGED);
    let (layers, lost) = base
        .push_saved(Layout::Docker20, &opens, &target, None, times)
        .await;
    assert_eq!((digests(&layers[..2]), lost), (digests(&base.blobs), 0));
    assert_eq!(uploads(&target), 3);
}

#[tokio::test]
async fn a_base_that_is_known_is_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = LayerCache::at(folder.path().join("layers"));
    let base = BaseRegistry::new(OCI_LAYER_GZIP);
    let target = InMemoryRegistry::default();
    let (layers, _) = base
        .push(&base.opens(), &target, Some(&cache), ImageForm::UNCHANGED)
        .await;
    let again = base
        .push(&Opens(None), &target, Some(&cache), ImageForm::UNCHANGED)
        .await;
    assert_eq!(again, (layers, 0));
    let own = OWN.map(Digest::of);
    let originals = cache.originals(&own);
    assert_eq!(
        own.map(|diff_id| originals[&diff_id].length),
        OWN.map(|layer| layer.len() as u64)
    );
    assert_eq!(originals[&own[1]].beginning, own[1]);
    // What the base is never makes an own layer of it.
    let other = InMemoryRegistry::default();
    let (anew, lost) = base
        .push(&Opens(None), &other, Some(&cache), ImageForm::UNCHANGED)
        .await;
    assert_eq!(lost, 2, "each layer once");
    assert_ne!(digests(&anew[..2]), digests(&base.blobs));
}

#[tokio::test]
async fn a_base_that_cannot_be_asked_is_compressed_anew() {
    let base = BaseRegistry::new(OCI_LAYER_GZIP);
    let target = InMemoryRegistry::default();
    let (layers, lost) = base.push(&Opens(None), &target, None, ImageForm::UNCHANGED).await;
    assert_eq!(lost, 1);
    assert_ne!(digests(&layers[..2]), digests(&base.blobs));
    // One in a form that this tool does not write is not asked for its blobs, and no failure.
    let base = BaseRegistry::new("application/vnd.oci.image.layer.v1.tar+zstd");
    let (layers, lost) = base
        .push(&base.opens(), &target, None, ImageForm::UNCHANGED)
        .await;
    assert_eq!((lost, layers.len()), (0, 3));
}

/// A registry may say anything: what it says counts only where the digests do.
#[tokio::test]
async fn a_base_that_lies_gives_no_blob() {
    type Lie = fn(&mut BaseRegistry);
    let lies: [(&str, Lie); 5] = [
        ("another manifest", |base| {
            let other = Manifest::new(OCI_MANIFEST, "{}");
            base.registry.state().manifests.insert(base.digest, other);
        }),
        ("another config", |base| {
            let manifest = json!({"schemaVersion": 2, "layers": base.blobs, "config": base.blobs[0]});
            base.digest = base.registry.add_manifest(OCI_MANIFEST, &manifest).digest;
        }),
        ("layers that the image does not begin with", |base| {
            let diff_ids = [Digest::of(OWN[1]), Digest::of(OWN[0])];
            let config = json!({"rootfs": {"diff_ids": diff_ids}}).to_string();
            let config = base.registry.add_blob(OCI_CONFIG, config);
            let manifest = json!({"schemaVersion": 2, "layers": base.blobs, "config": config});
            base.digest = base.registry.add_manifest(OCI_MANIFEST, &manifest).digest;
        }),
        ("a blob of another layer", |base| {
            let swapped = [&base.blobs[1], &base.blobs[0]];
            let diff_ids: Vec<Digest> = OWN.iter().map(|layer| Digest::of(layer)).collect();
            let config = json!({"rootfs": {"diff_ids": diff_ids}}).to_string();
            let config = base.registry.add_blob(OCI_CONFIG, config);
            let manifest = json!({"schemaVersion": 2, "layers": swapped, "config": config});
            base.digest = base.registry.add_manifest(OCI_MANIFEST, &manifest).digest;
        }),
        ("other bytes", |base| {
            for blob in &base.blobs {
                base.registry
                    .state()
                    .blobs
                    .insert(blob.digest, bytes::Bytes::from_static(b"other"));
            }
        }),
    ];
    for (what, lie) in lies {
        let mut base = BaseRegistry::new(OCI_LAYER_GZIP);
        lie(&mut base);
        let target = InMemoryRegistry::default();
        let (layers, lost) = base
            .push(&base.opens(), &target, None, ImageForm::UNCHANGED)
            .await;
        assert!(lost > 0, "{what}");
        for blob in &base.blobs {
            assert!(!digests(&layers).contains(&blob.digest), "{what}");
            assert!(!target.state().blobs.contains_key(&blob.digest), "{what}");
        }
    }
}
