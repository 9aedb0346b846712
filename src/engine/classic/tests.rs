//! Pushes out of an archive into a registry in memory.

mod bases;
mod handover;
mod pushing;
mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Mutex;
use std::time::Duration;

use ::tar::Header;
use secrecy::SecretString;
use serde_json::{Value, json};

use self::saved::{Layout, SavedImage};
use super::encoding::Encoding;
use super::epoch::Epoch;
use super::*;
use crate::ports::RegistryError;
use oci_registry::InMemoryRegistry;
use oci_registry::verify;
use tagship_domain::content::{Content, Descriptor, Manifest, OCI_MANIFEST};

#[derive(Default)]
struct RecordedEvents(Mutex<Vec<String>>);

impl Reporter for RecordedEvents {
    fn mask(&self, _secret: &SecretString) {}

    fn event(&self, event: RunEvent<'_>) {
        let text = match event {
            RunEvent::Progress { what, current, total } => {
                let total = total.map_or("?".to_owned(), |total| total.to_string());
                format!("{what} {current}/{total}")
            }
            RunEvent::Retry { reason, .. } => format!("retry: {reason}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(text);
    }
}

impl RecordedEvents {
    fn retries(&self) -> usize {
        let heard = self.0.lock().unwrap();
        heard.iter().filter(|text| text.starts_with("retry: ")).count()
    }
}

/// Pauses that do not matter to a test's length.
fn impatient() -> RetryPolicy {
    RetryPolicy {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(1),
        ..RetryPolicy::default()
    }
}

/// A push whose pauses do not matter to a test's length.
async fn push_patiently(
    archive: &SavedImage,
    registry: &InMemoryRegistry,
    reporter: &RecordedEvents,
    form: ImageForm,
    cache: Option<&LayerCache>,
    base: Option<&BaseImage<'_>>,
) -> Result<Digest, BuildError> {
    let push = Push {
        archive,
        registry,
        reporter,
        form,
        cache,
        retry_policy: impatient(),
    };
    push.run(base).await
}

async fn push(saved: &SavedImage, registry: &InMemoryRegistry) -> Result<Digest, BuildError> {
    push_patiently(
        saved,
        registry,
        &RecordedEvents::default(),
        ImageForm::UNCHANGED,
        None,
        None,
    )
    .await
}

fn uploads(registry: &InMemoryRegistry) -> usize {
    registry
        .journal()
        .iter()
        .filter(|entry| *entry == "upload")
        .count()
}

/// The digests of the layers' uncompressed content.
fn unpacked(blobs: &BTreeMap<Digest, bytes::Bytes>, layers: &[Descriptor]) -> Vec<Digest> {
    let unpack = |layer: &Descriptor| {
        let mut content = Vec::new();
        let mut unpacking = flate2::read::MultiGzDecoder::new(&blobs[&layer.digest][..]);
        unpacking.read_to_end(&mut content).unwrap();
        Digest::of(&content)
    };
    layers.iter().map(unpack).collect()
}

/// The manifest, checked to be of the image: layers unpack to the diff-ids, in their order.
fn check(digest: Digest, saved: &SavedImage, registry: &InMemoryRegistry) -> Manifest {
    let state = registry.state();
    let manifest = state.manifests[&digest].clone();
    let Content::Image(image) = manifest.content().unwrap() else {
        panic!("an index");
    };
    assert_eq!(image.config.digest, saved.image_id());
    assert_eq!(unpacked(&state.blobs, &image.layers), saved.diff_ids);
    manifest
}

const LAYERS: [&[u8]; 3] = [&[1; 100_000], b"second", &[3; 700]];

#[tokio::test]
async fn both_layouts_give_the_same_image_every_time() {
    let mut digests = BTreeSet::new();
    for layout in [Layout::Docker20, Layout::Docker28, Layout::Docker20] {
        let saved = SavedImage::new(layout, &LAYERS);
        let registry = InMemoryRegistry::default();
        let digest = push(&saved, &registry).await.unwrap();
        let manifest = check(digest, &saved, &registry);
        assert_eq!((saved.opened(), saved.ended()), (1, 1));
        assert_eq!(manifest.media_type(), OCI_MANIFEST);
        assert!(registry.state().tags.is_empty());
        verify(&digest, &registry).await.unwrap();
        digests.insert(digest);
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
}

#[tokio::test]
async fn the_manifest_is_compact_and_in_the_specifications_words() {
    let saved = SavedImage::new(Layout::Docker28, &[b"layer"]);
    let registry = InMemoryRegistry::default();
    let digest = push(&saved, &registry).await.unwrap();
    let manifest = check(digest, &saved, &registry);
    let text = String::from_utf8(manifest.bytes().to_vec()).unwrap();
    let Content::Image(image) = manifest.content().unwrap() else {
        panic!("an index");
    };
    let layer = &image.layers[0];
    assert_eq!(
        text,
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":{}}}]}}"#,
            saved.image_id(),
            saved.config.len(),
            layer.digest,
            layer.size
        )
    );
}

#[tokio::test]
async fn a_layer_that_is_there_twice_is_uploaded_once() {
    for layout in [Layout::Docker20, Layout::Docker28] {
        let empty = [0; 1_024];
        let saved = SavedImage::new(layout, &[&empty, b"content", &empty, &empty]);
        let registry = InMemoryRegistry::default();
        let digest = push(&saved, &registry).await.unwrap();
        check(digest, &saved, &registry);
        assert_eq!(uploads(&registry), 2);
    }
}

#[tokio::test]
async fn images_without_layers_and_with_very_many_are_pushed() {
    for layout in [Layout::Docker20, Layout::Docker28] {
        for count in [0, 1, 127] {
            let layers: Vec<Vec<u8>> = (0..count).map(|n: usize| n.to_be_bytes().to_vec()).collect();
            let saved = SavedImage::new(layout, &layers.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let registry = InMemoryRegistry::default();
            let digest = push(&saved, &registry).await.unwrap();
            check(digest, &saved, &registry);
            assert_eq!(uploads(&registry), count);
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_opened_again_for_what_is_missing() {
    for layout in [Layout::Docker20, Layout::Docker28] {
        let whole = SavedImage::new(layout, &LAYERS).tar().len();
        for at in [0, 700, whole / 2, whole - 7_000] {
            let saved = SavedImage::new(layout, &LAYERS).breaking_off_at(&[at]);
            let registry = InMemoryRegistry::default();
            let heard = RecordedEvents::default();
            let pushed = push_patiently(&saved, &registry, &heard, ImageForm::UNCHANGED, None, None).await;
            check(pushed.unwrap(), &saved, &registry);
            assert_eq!((saved.opened(), heard.retries()), (2, 1), "{at}");
            // At most the one that broke off is begun twice.
            assert!(uploads(&registry) <= LAYERS.len() + 1);
        }
    }
}

#[tokio::test]
async fn a_line_that_breaks_off_again_and_again_is_used_as_long_as_it_gets_on() {
    let layers: Vec<Vec<u8>> = (0..8).map(|n| vec![n; 10_000]).collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    // What one layer takes in the archive: two small files, a header, and 20 blocks.
    let lengths: Vec<usize> = (1..=8).map(|layers| layers * 12_800 + 100).collect();
    assert!(lengths.len() > RetryPolicy::default().repetitions);
    let saved = SavedImage::new(Layout::Docker20, &layers).breaking_off_at(&lengths);
    let registry = InMemoryRegistry::default();
    let digest = push(&saved, &registry).await.unwrap();
    check(digest, &saved, &registry);
    assert_eq!((saved.opened(), uploads(&registry)), (9, 8));
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_repeated() {
    let saved = SavedImage::new(Layout::Docker20, &LAYERS);
    let registry = InMemoryRegistry::default();
    registry.state().broken_uploads = 3;
    let digest = push(&saved, &registry).await.unwrap();
    check(digest, &saved, &registry);
    assert_eq!(uploads(&registry), 3 + LAYERS.len());
    // An engine may crash when an export is left in the middle.
    assert_eq!(saved.ended(), saved.opened());
}

#[tokio::test]
async fn repetition_ends_when_nothing_gets_on() {
    let saved = SavedImage::new(Layout::Docker20, &LAYERS);
    let registry = InMemoryRegistry::default();
    registry.state().broken_uploads = u32::MAX;
    let error = push(&saved, &registry).await.unwrap_err();
    assert!(
        matches!(error, BuildError::Push(RegistryError::Unavailable { .. })),
        "{error:?}"
    );
    assert_eq!(saved.opened(), RetryPolicy::default().repetitions + 1);
    assert_eq!(saved.ended(), saved.opened());
    assert!(registry.state().manifests.is_empty());

    let saved = SavedImage::new(Layout::Docker28, &LAYERS).breaking_off_at(&[600; 100]);
    let error = push(&saved, &InMemoryRegistry::default()).await.unwrap_err();
    assert!(
        matches!(error, BuildError::Push(RegistryError::Source(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_engine_that_fell_silent_is_not_waited_for_again() {
    for length in [0, 700, 3_000] {
        let saved = SavedImage::new(Layout::Docker28, &LAYERS).silent_at(length);
        let error = push(&saved, &InMemoryRegistry::default()).await.unwrap_err();
        assert!(
            matches!(error, BuildError::Push(RegistryError::Source(_))),
            "{error:?}"
        );
        assert_eq!(saved.opened(), 1, "{length}");
    }
}

#[tokio::test]
async fn an_archive_of_another_image_is_refused() {
    let mut other_layer = SavedImage::new(Layout::Docker20, &LAYERS);
    other_layer.layers[1] = b"changed".to_vec();
    let mut lying_name = SavedImage::new(Layout::Docker28, &LAYERS);
    lying_name.layers[1] = b"changed".to_vec();
    let mut other_order = SavedImage::new(Layout::Docker20, &LAYERS);
    other_order.diff_ids.reverse();
    let mut one_more = SavedImage::new(Layout::Docker20, &LAYERS);
    one_more.diff_ids.push(Digest::of(b"one more"));
    for saved in [other_layer, lying_name, other_order, one_more] {
        let registry = InMemoryRegistry::default();
        let error = push(&saved, &registry).await.unwrap_err();
        assert!(
            matches!(error, BuildError::Push(RegistryError::Source(_))),
            "{error:?}"
        );
        assert!(registry.state().manifests.is_empty());
        assert_eq!(saved.opened(), 1, "the same again would not help: {error}");
    }
}

#[tokio::test]
async fn progress_is_told_of_every_layer() {
    let saved = SavedImage::new(Layout::Docker28, &LAYERS);
    let heard = RecordedEvents::default();
    let pushed = push_archive(
        &saved,
        &InMemoryRegistry::default(),
        &heard,
        ImageForm::UNCHANGED,
        None,
        None,
    )
    .await;
    pushed.unwrap();
    let heard = heard.0.into_inner().unwrap();
    for layer in LAYERS {
        let done = format!(
            "layer {} {size}/{size}",
            Digest::of(layer).short(),
            size = layer.len()
        );
        assert!(heard.contains(&done), "{done} in {heard:?}");
    }
    // Each is uploaded after it was read, which takes the longer of the two.
    let uploaded = heard.iter().filter(|text| {
        let amount = text
            .strip_prefix("upload of ")
            .and_then(|text| text.split_once(' '));
        amount.is_some_and(|(_, amount)| amount.split_once('/').is_some_and(|(now, all)| now == all))
    });
    assert_eq!(uploaded.count(), LAYERS.len(), "{heard:?}");
}

#[tokio::test]
async fn builds_that_differ_in_times_become_one_image() {
    let times = ImageForm {
        config_time: Epoch::new(1_700_000_000),
        layer_time: Some(Epoch::new(1_700_000_000)),
        ..ImageForm::UNCHANGED
    };
    let mut digests = BTreeSet::new();
    for late in [1_800_000_000, 1_900_000_000] {
        let layer = |mtime| {
            let mut header = Header::new_ustar();
            header.set_size(0);
            header.set_mtime(mtime);
            header.set_cksum();
            header.as_bytes().to_vec()
        };
        let saved = SavedImage::new(Layout::Docker28, &[&layer(1_600_000_000), &layer(late)]);
        let registry = InMemoryRegistry::default();
        let pushed = push_archive(&saved, &registry, &RecordedEvents::default(), times, None, None).await;
        let digest = pushed.unwrap();
        let pushed = verify(&digest, &registry).await.unwrap();
        let Content::Image(image) = pushed.manifest.content().unwrap() else {
            panic!("an index");
        };
        let blobs = registry.state().blobs.clone();
        let config: Value = serde_json::from_slice(&blobs[&image.config.digest]).unwrap();
        let unpacked = unpacked(&blobs, &image.layers);
        assert_eq!(config["rootfs"]["diff_ids"], json!(unpacked));
        assert_eq!(unpacked[0], saved.diff_ids[0], "it is old enough");
        digests.insert(digest);
    }
    assert_eq!(digests.len(), 1);
}

#[tokio::test]
async fn what_the_registry_has_is_not_sent_again() {
    let saved = SavedImage::new(Layout::Docker20, &LAYERS);
    let registry = InMemoryRegistry::default();
    push(&saved, &registry).await.unwrap();
    registry.journal();
    let digest = push(&saved, &registry).await.unwrap();
    check(digest, &saved, &registry);
    assert_eq!(uploads(&registry), 0);
}

#[tokio::test]
async fn a_known_layer_is_passed_over_where_the_registry_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = LayerCache::at(folder.path().join("layers"));
    let saved = SavedImage::new(Layout::Docker28, &LAYERS);
    let registry = InMemoryRegistry::default();
    let push = async |saved: &SavedImage, registry: &InMemoryRegistry| {
        let heard = RecordedEvents::default();
        let times = ImageForm::UNCHANGED;
        let pushed = push_patiently(saved, registry, &heard, times, Some(&cache), None).await;
        let progress = heard.0.into_inner().unwrap();
        (pushed.unwrap(), progress.len())
    };
    let (first, _) = push(&saved, &registry).await;
    let (again, read) = push(&saved, &registry).await;
    assert_eq!((again, read), (first, 0), "no layer is read");
    check(again, &saved, &registry);

    // Another registry lacks them: what is remembered of the first is no reason to leave them out.
    let other = InMemoryRegistry::default();
    let (same, _) = push(&saved, &other).await;
    assert_eq!(same, first);
    assert_eq!(uploads(&other), LAYERS.len());
    check(same, &saved, &other);

    // A blob of another size is another blob.
    let damaged = InMemoryRegistry::default();
    push(&saved, &damaged).await;
    for blob in damaged.state().blobs.values_mut() {
        *blob = blob.slice(1..);
    }
    damaged.journal();
    push(&saved, &damaged).await;
    assert_eq!(uploads(&damaged), LAYERS.len());

    let more: Vec<&[u8]> = LAYERS.iter().copied().chain([&b"one more"[..]]).collect();
    registry.journal();
    let more = SavedImage::new(Layout::Docker28, &more);
    let (digest, _) = push(&more, &registry).await;
    check(digest, &more, &registry);
    assert_eq!(uploads(&registry), 1);
}

#[tokio::test]
async fn layers_are_compressed_as_much_as_is_asked_for() {
    // Words of a vocabulary in no order: the harder one looks for what repeats, the more one finds.
    let mut state = 1_u32;
    let words: Vec<u8> = (0..60_000)
        .flat_map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("word{} ", (state >> 16) % 2_000).into_bytes()
        })
        .collect();
    let saved = SavedImage::new(Layout::Docker28, &[&words]);
    let folder = tempfile::tempdir().unwrap();
    // One file for all: what one form became is nothing to another.
    let cache = LayerCache::at(folder.path().join("layers"));
    let pushed = async |encoding| {
        let registry = InMemoryRegistry::default();
        let form = ImageForm {
            encoding,
            ..ImageForm::UNCHANGED
        };
        let heard = RecordedEvents::default();
        let pushed = push_patiently(&saved, &registry, &heard, form, Some(&cache), None).await;
        let verified = verify(&pushed.unwrap(), &registry).await.unwrap();
        let Content::Image(image) = verified.manifest.content().unwrap() else {
            panic!("an index");
        };
        image.layers[0].clone()
    };
    let stored = pushed(Encoding::Stored).await;
    assert_eq!(
        (stored.digest, stored.size),
        (Digest::of(&words), words.len() as u64)
    );
    assert_eq!(stored.media_type, "application/vnd.oci.image.layer.v1.tar");
    let fast = pushed(Encoding::Gzip(1)).await;
    let small = pushed(Encoding::Gzip(9)).await;
    assert!(
        small.size < fast.size && fast.size < stored.size,
        "{small:?} {fast:?}"
    );
    assert_eq!(small.media_type, "application/vnd.oci.image.layer.v1.tar+gzip");
}
