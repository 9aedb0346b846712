//! Copies between registries in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::json;
use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};

use super::*;
use crate::in_memory::InMemoryRegistry;

/// An image of two layers for each of two platforms, of which one layer is shared.
async fn image(registry: &InMemoryRegistry) -> ImageTree {
    let images = ["amd64", "arm64"].map(|architecture| {
        let config = json!({"os": "linux", "architecture": architecture}).to_string();
        let config = registry.add_blob(OCI_CONFIG, config);
        let layers =
            ["base", architecture].map(|layer| registry.add_blob(OCI_LAYER_GZIP, layer.repeat(1000)));
        registry.add_manifest(
            OCI_MANIFEST,
            &json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}),
        )
    });
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": images});
    let index = registry.add_manifest(OCI_INDEX, &index);
    let root = registry.manifest(&index.digest).await.unwrap().unwrap();
    ImageTree::read(root, registry).await.unwrap()
}

fn uploads(registry: &InMemoryRegistry) -> usize {
    let journal = registry.journal();
    journal.iter().filter(|entry| *entry == "upload").count()
}

#[tokio::test]
async fn a_whole_index_is_copied_and_a_second_copy_sends_nothing() {
    let (source, target) = (InMemoryRegistry::default(), InMemoryRegistry::default());
    let tree = image(&source).await;
    let plan = CopyPlan::new(&tree, &target).await.unwrap();
    assert_eq!((plan.blobs.len(), plan.manifests.len(), plan.present), (5, 3, 0));
    let report = copy(&plan, &source, &target, None, &|_, _| {}).await.unwrap();
    assert_eq!((report.sent, report.bytes, report.mounted), (5, plan.bytes(), 0));
    verify_copy(&tree, &target).await.unwrap();
    assert_eq!(source.state().blobs, target.state().blobs);
    assert_eq!(source.state().manifests, target.state().manifests);
    assert!(target.state().tags.is_empty(), "no tag is put");

    let again = CopyPlan::new(&tree, &target).await.unwrap();
    assert!(again.is_empty());
    target.journal();
    assert_eq!(
        copy(&again, &source, &target, None, &|_, _| {}).await.unwrap(),
        CopyReport::default()
    );
    assert!(target.journal().is_empty());
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let (source, target) = (InMemoryRegistry::default(), InMemoryRegistry::default());
    let tree = image(&source).await;
    target.add_blob(OCI_LAYER_GZIP, "base".repeat(1000));
    let plan = CopyPlan::new(&tree, &target).await.unwrap();
    assert_eq!((plan.blobs.len(), plan.present), (4, 1));
    copy(&plan, &source, &target, None, &|_, _| {}).await.unwrap();
    verify_copy(&tree, &target).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_repeated() {
    let (source, target) = (InMemoryRegistry::default(), InMemoryRegistry::default());
    let tree = image(&source).await;
    target.state().broken_uploads = 3;
    let plan = CopyPlan::new(&tree, &target).await.unwrap();
    copy(&plan, &source, &target, None, &|_, _| {}).await.unwrap();
    verify_copy(&tree, &target).await.unwrap();
    assert_eq!(uploads(&target), 5 + 3);
}

#[tokio::test]
async fn damaged_bytes_never_become_a_blob() {
    for damage in ["flipped", "shorter", "longer"] {
        let (source, target) = (InMemoryRegistry::default(), InMemoryRegistry::default());
        let tree = image(&source).await;
        let damaged = Digest::of("arm64".repeat(1000).as_bytes());
        let mut content = "arm64".repeat(1000).into_bytes();
        match damage {
            "flipped" => content[2500] ^= 1,
            "shorter" => drop(content.pop()),
            _ => content.push(b'x'),
        }
        source.state().blobs.insert(damaged, content.into());
        let plan = CopyPlan::new(&tree, &target).await.unwrap();
        let error = copy(&plan, &source, &target, None, &|_, _| {}).await.unwrap_err();
        let is_named =
            matches!(&error, RegistryError::ContentMismatch { expected, .. } if *expected == damaged);
        assert!(is_named, "{damage}: {error}");
        assert!(!target.state().blobs.contains_key(&damaged), "{damage}");
        assert!(target.state().manifests.is_empty(), "{damage}");
        assert!(verify_copy(&tree, &target).await.is_err());
    }
}

#[tokio::test]
async fn blobs_are_mounted_within_a_registry_until_it_refuses() {
    let (source, target) = (InMemoryRegistry::default(), InMemoryRegistry::default());
    let tree = image(&source).await;
    let from = RepositoryName::parse("team/app").unwrap();
    let plan = CopyPlan::new(&tree, &target).await.unwrap();
    // It cannot mount.
    let report = copy(&plan, &source, &target, Some(&from), &|_, _| {})
        .await
        .unwrap();
    assert_eq!((report.sent, report.mounted), (5, 0));

    let target = InMemoryRegistry::default();
    target.state().mountable = source.state().blobs.clone();
    let report = copy(&plan, &source, &target, Some(&from), &|_, _| {})
        .await
        .unwrap();
    assert_eq!((report.sent, report.mounted, report.bytes), (0, 5, 0));
    verify_copy(&tree, &target).await.unwrap();
}

#[tokio::test]
async fn each_blob_that_is_sent_says_how_far_it_is_and_that_it_is_whole() {
    let (source, target) = (InMemoryRegistry::default(), InMemoryRegistry::default());
    let tree = image(&source).await;
    let plan = CopyPlan::new(&tree, &target).await.unwrap();
    // The first of all breaks off, and is sent again.
    target.state().broken_uploads = 1;
    let heard = Mutex::new(BTreeMap::<Digest, Vec<u64>>::new());
    let progress = |blob: &Descriptor, moved: u64| {
        heard.lock().unwrap().entry(blob.digest).or_default().push(moved);
    };
    copy(&plan, &source, &target, None, &progress).await.unwrap();
    let heard = heard.into_inner().unwrap();
    for blob in &plan.blobs {
        let moved = &heard[&blob.digest];
        assert_eq!(moved.last(), Some(&blob.size));
        assert_eq!(moved.iter().filter(|moved| **moved == blob.size).count(), 1);
    }
    assert_eq!(heard.len(), plan.blobs.len());

    let mounting = InMemoryRegistry::default();
    mounting.state().mountable = source.state().blobs.clone();
    let from = RepositoryName::parse("team/app").unwrap();
    let nothing = |_: &Descriptor, _: u64| panic!("nothing is sent");
    copy(&plan, &source, &mounting, Some(&from), &nothing)
        .await
        .unwrap();
}
