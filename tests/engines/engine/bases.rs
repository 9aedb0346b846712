//! Base images in registries, whose layers keep their own blobs when an image that began with them is published.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tagship::settings::{LoginSettings, RegistryLoginSettings};
use tagship_domain::content::{Content, Descriptor, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST};
use tagship_domain::reference::Digest;
use test_support::fake::Fake;

use super::support::{Bench, Engine, engines, folder, request};

/// A registry with a base image of one layer, compressed by another encoder than this tool's.
async fn base() -> (Fake, Digest) {
    let registry = Fake::start().await;
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    let content = test_support::unique::hex64().repeat(3000);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    // Later than the constant of a reproducible build: one that was rewritten would have another digest.
    header.set_mtime(1_767_225_600);
    tar.append_data(&mut header, "of-the-base", content.as_bytes())
        .unwrap();
    let layer = tar.into_inner().unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(1));
    encoder.write_all(&layer).unwrap();
    let blob = encoder.finish().unwrap();
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&layer)]},
        "history": [{"created": "2026-01-01T00:00:00Z"}],
    });
    let config = config.to_string().into_bytes();
    let digest = Digest::of(&blob);
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": Descriptor::new(OCI_CONFIG, Digest::of(&config), config.len() as u64),
        "layers": [Descriptor::new(OCI_LAYER_GZIP, digest, blob.len() as u64)],
    });
    let manifest = manifest.to_string().into_bytes();
    {
        let mut state = registry.state();
        for content in [blob, config] {
            state.blobs.insert(Digest::of(&content), content.into());
        }
        let of_manifest = Digest::of(&manifest);
        state
            .manifests
            .insert(of_manifest, (OCI_MANIFEST.to_owned(), manifest.into()));
        state.tags.insert("1".to_owned(), of_manifest);
    }
    (registry, digest)
}

fn logins(registry: &Fake) -> LoginSettings {
    LoginSettings {
        lines: vec![RegistryLoginSettings {
            host: registry.host().as_str().to_owned(),
            username: "reader".to_owned(),
            password: "secret-1".into(),
        }],
        ..LoginSettings::default()
    }
}

#[tokio::test]
async fn a_base_of_another_encoder_is_copied_once_and_never_compressed_again() {
    for engine in engines().into_iter().filter(|engine| !engine.is_containerd()) {
        let (registry, blob) = base().await;
        let from = format!(
            "FROM {}/{}:1\nCOPY app /app\n",
            registry.host(),
            test_support::fake::REPOSITORY
        );
        let context = folder(&[("Dockerfile", &from), ("app", "app 1")]);
        let mut request = request(context.path());
        let bench = Bench::with_logins(&engine, logins(&registry))
            .await
            .with_bases(logins(&registry));
        for (number, reproducible) in [(1, false), (2, false), (3, true)] {
            request.reproducible = reproducible;
            std::fs::write(context.path().join("app"), test_support::unique::hex64()).unwrap();
            bench.registry.journal();
            let published = bench.publish(&request).await;
            let published = published.unwrap();
            let Content::Image(image) = bench.manifest(&published).content().unwrap() else {
                panic!("an index");
            };
            assert_eq!(image.layers[0].digest, blob, "{} {number}", engine.name);
            let journal = bench.registry.journal();
            let uploads = journal.iter().filter(|entry| entry.starts_with("POST ")).count();
            // The base once; the file and the config each time.
            assert_eq!(
                uploads,
                if number == 1 { 3 } else { 2 },
                "{}: {journal:?}",
                engine.name
            );
        }
        assert_eq!(bench.heard.log().notes, Vec::<String>::new());
    }
}

/// A store that keeps compressed layers sends those of a base as they are, whatever becomes of the times of others.
#[tokio::test]
async fn a_base_in_the_containerd_store_keeps_its_blobs_in_a_reproducible_build() {
    for engine in engines().into_iter().filter(Engine::is_containerd) {
        let (registry, blob) = base().await;
        let from = format!(
            "FROM {}/{}:1\nCOPY app /app\n",
            registry.host(),
            test_support::fake::REPOSITORY
        );
        let context = folder(&[("Dockerfile", &from), ("app", "app 1")]);
        let mut request = request(context.path());
        request.reproducible = true;
        let bench = Bench::with_logins(&engine, logins(&registry)).await;
        let published = bench.publish(&request).await.unwrap();
        let Content::Image(image) = bench.manifest(&published).content().unwrap() else {
            panic!("an index");
        };
        assert_eq!(image.layers[0].digest, blob, "{}", engine.name);
    }
}
