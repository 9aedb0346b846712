//! An engine that pushes to the loopback registry.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use reqwest::StatusCode;

use super::pushing::Engine;
use super::*;

/// Bytes that hardly compress, so that a layer that is not read whole is seen.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        // Source: Marsaglia, "Xorshift RNGs".
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

struct Bench {
    engine: Arc<Engine>,
    cache: LayerCache,
    registry: InMemoryRegistry,
    base: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// An engine with a large layer that was pushed by an export.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self {
            engine: Arc::default(),
            cache: LayerCache::at(folder.path().join("layers")),
            registry: InMemoryRegistry::default(),
            base: noise(7, 17_000_000),
            _folder: folder,
        };
        let first = bench.saved(&[b"app 1"]);
        bench.push(&first).await;
        assert_eq!((first.opened(), bench.pushes()), (1, 0));
        bench
    }

    fn saved(&self, layers: &[&[u8]]) -> SavedImage {
        let layers: Vec<&[u8]> = [&[self.base.as_slice()], layers].concat();
        SavedImage::new(Layout::Docker28, &layers).within(&self.engine)
    }

    async fn push(&self, saved: &SavedImage) -> Digest {
        self.registry.journal();
        self.engine.sent.store(0, Ordering::SeqCst);
        let heard = RecordedEvents::default();
        let cache = Some(&self.cache);
        let pushed = push_patiently(saved, &self.registry, &heard, ImageForm::UNCHANGED, cache, None).await;
        let digest = pushed.unwrap();
        // What came without a size has an end.
        let heard = heard.0.into_inner().unwrap();
        for name in heard
            .iter()
            .filter_map(|text| text.split_once("/?")?.0.rsplit_once(' '))
        {
            let end = |text: &String| {
                let amount = text
                    .strip_prefix(name.0)
                    .and_then(|rest| rest.trim().split_once('/'));
                amount.is_some_and(|(now, all)| now == all)
            };
            assert!(heard.iter().any(end), "{} does not end: {heard:?}", name.0);
        }
        check(digest, saved, &self.registry);
        digest
    }

    fn pushes(&self) -> usize {
        self.engine.pushes.load(Ordering::SeqCst)
    }

    fn sent(&self) -> usize {
        self.engine.sent.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_warm_engine_hands_over_what_is_new_alone_and_the_digest_is_that_of_an_export() {
    let bench = Bench::new().await;
    let second = bench.saved(&[b"app 2"]);
    let digest = bench.push(&second).await;
    assert_eq!(
        (second.opened(), bench.pushes(), uploads(&bench.registry)),
        (0, 1, 1)
    );
    // What fits between two sockets may have been sent of the large layer.
    assert!(
        bench.sent() < bench.base.len() * 3 / 4,
        "{} bytes were sent",
        bench.sent()
    );
    let exported = push(&bench.saved(&[b"app 2"]), &InMemoryRegistry::default()).await;
    assert_eq!(exported.unwrap(), digest);

    let third = bench.saved(&[b"app 3", b"and more"]);
    bench.push(&third).await;
    assert_eq!(
        (third.opened(), bench.pushes(), uploads(&bench.registry)),
        (0, 2, 2)
    );

    // Nothing is new but the config.
    let fourth = bench.saved(&[]);
    bench.push(&fourth).await;
    assert_eq!(
        (fourth.opened(), bench.pushes(), uploads(&bench.registry)),
        (0, 3, 0)
    );
}

#[tokio::test]
async fn an_engine_that_says_the_config_last_sends_a_known_layer_once_and_remembers_it() {
    let bench = Bench::new().await;
    bench.engine.hides_config.store(true, Ordering::SeqCst);
    bench.push(&bench.saved(&[b"app 2"])).await;
    // An engine is answered only when it has sent all: answered sooner, 28.5 panics.
    assert!(
        bench.sent() > bench.base.len(),
        "{} bytes were sent",
        bench.sent()
    );
    let third = bench.saved(&[b"app 3", b"and more"]);
    bench.push(&third).await;
    assert_eq!(
        (third.opened(), bench.pushes(), uploads(&bench.registry)),
        (0, 2, 2)
    );
    assert!(bench.sent() < 100, "{} bytes were sent", bench.sent());
}

#[tokio::test]
async fn strangers_can_neither_push_nor_read() {
    let bench = Bench::new().await;
    bench.push(&bench.saved(&[b"app 2"])).await;
    let answers = bench.engine.strangers.lock().unwrap().clone();
    let [unauthorized, absent] = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND];
    assert_eq!(answers, [[unauthorized; 4].as_slice(), &[absent; 3]].concat());
}

#[tokio::test]
async fn an_engine_with_another_loopback_is_given_nothing() {
    let bench = Bench::new().await;
    bench.engine.is_elsewhere.store(true, Ordering::SeqCst);
    let second = bench.saved(&[b"app 2"]);
    bench.push(&second).await;
    assert_eq!((second.opened(), bench.pushes()), (1, 0));
}

#[tokio::test]
async fn a_new_layer_that_begins_like_a_known_one_comes_out_of_an_export() {
    let bench = Bench::new().await;
    let mut alike = bench.base[..2_000_000].to_vec();
    alike.extend_from_slice(b"another end");
    let second = bench.saved(&[&alike]);
    bench.push(&second).await;
    assert_eq!((second.opened(), bench.pushes()), (1, 1));
    // It is known now.
    let third = bench.saved(&[&alike, b"app 3"]);
    bench.push(&third).await;
    assert_eq!((third.opened(), bench.pushes()), (0, 2));
}

#[tokio::test]
async fn an_upload_that_fails_is_made_up_for_by_an_export() {
    let bench = Bench::new().await;
    bench.registry.state().broken_uploads = 1;
    let second = bench.saved(&[b"app 2"]);
    bench.push(&second).await;
    assert_eq!((second.opened(), bench.pushes()), (1, 1));
}

#[tokio::test]
async fn an_image_that_is_mostly_new_is_exported() {
    let bench = Bench::new().await;
    let second = bench.saved(&[&noise(8, 10_000_000)]);
    bench.push(&second).await;
    assert_eq!((second.opened(), bench.pushes()), (1, 0));
}
