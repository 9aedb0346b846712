//! An engine that pushes as Docker's do: by the requests of moby's `distribution/push_v2.go`, each on a connection of its
//! own, the layers compressed as they are sent.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Body, Client, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::saved::SavedImage;
use crate::ports::{ImageArchive as _, LoopbackRegistry};
use tagship_domain::reference::Digest;

/// What such an engine remembers and does.
#[derive(Default)]
pub(super) struct Engine {
    /// The digests that layers were pushed as.
    names: Mutex<HashMap<Digest, Digest>>,
    /// The bytes of layers that were sent.
    pub(super) sent: Arc<AtomicUsize>,
    /// How often it was asked to push.
    pub(super) pushes: AtomicUsize,
    /// Whether its loopback is another one.
    pub(super) is_elsewhere: AtomicBool,
    /// Whether it says the config in its push alone.
    pub(super) hides_config: AtomicBool,
    /// What others were answered who asked without the password, or for what no push asks for.
    pub(super) strangers: Mutex<Vec<StatusCode>>,
}

/// A registry as an engine sees it.
struct Remote<'a> {
    http: Client,
    base: String,
    host: String,
    registry: &'a LoopbackRegistry,
}

impl<'a> Remote<'a> {
    fn new(registry: &'a LoopbackRegistry) -> Self {
        let (host, name) = registry.repository.split_once('/').unwrap();
        Self {
            http: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            base: format!("http://{host}/v2/{name}"),
            host: format!("http://{host}"),
            registry,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Response {
        let password = self.registry.password.expose_secret();
        let request = request.basic_auth(self.registry.username, Some(password));
        request.send().await.unwrap()
    }

    async fn has(&self, digest: &Digest) -> bool {
        let address = format!("{}/blobs/{digest}", self.base);
        let answer = self.send(self.http.head(address)).await;
        answer.status().is_success() && answer.headers().contains_key("content-length")
    }

    /// POST, PATCH, PUT, HEAD. What is put is what was sent until the answer came.
    async fn upload(&self, content: Bytes, is_layer: bool, sent: Arc<AtomicUsize>) -> Digest {
        let begun = self
            .send(self.http.post(format!("{}/blobs/uploads/", self.base)))
            .await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let place = format!("{}{}", self.host, begun.headers()["location"].to_str().unwrap());
        let mut taken = 0;
        let gone = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&gone);
        let whole = content.clone();
        let pieces = std::iter::from_fn(move || {
            let piece = content.slice(taken..content.len().min(taken + 32 * 1024));
            taken += piece.len();
            counted.store(taken, Ordering::SeqCst);
            sent.fetch_add(piece.len(), Ordering::SeqCst);
            (!piece.is_empty()).then_some(Ok::<_, std::io::Error>(piece))
        });
        let body = Body::wrap_stream(futures_util::stream::iter(pieces));
        let patched = self.send(self.http.patch(&place).body(body)).await;
        assert_eq!(patched.status(), StatusCode::ACCEPTED);
        let range = patched.headers()["range"].to_str().unwrap();
        // Of a layer the engine compares no size.
        let whole_range = format!("0-{}", whole.len() - 1);
        assert!(
            range == whole_range || is_layer && range.starts_with("0-"),
            "{range}"
        );
        let digest = Digest::of(&whole[..gone.load(Ordering::SeqCst)]);
        let put = self.send(self.http.put(format!("{place}?digest={digest}"))).await;
        assert_eq!(put.status(), StatusCode::CREATED);
        assert!(self.has(&digest).await);
        digest
    }
}

impl Engine {
    pub(super) async fn contact(&self, registry: &LoopbackRegistry) {
        if self.is_elsewhere.load(Ordering::SeqCst) {
            return;
        }
        let remote = Remote::new(registry);
        let ping = remote
            .http
            .get(format!("{}/v2/", remote.host))
            .send()
            .await
            .unwrap();
        assert_eq!(ping.status(), StatusCode::UNAUTHORIZED);
        let manifest = format!("{}/manifests/{}", remote.base, registry.tag);
        let pulled = remote.send(remote.http.get(manifest)).await;
        assert_eq!(pulled.status(), StatusCode::NOT_FOUND);
    }

    pub(super) async fn push(&self, image: &SavedImage, registry: &LoopbackRegistry) {
        self.pushes.fetch_add(1, Ordering::SeqCst);
        let remote = Remote::new(registry);
        self.ask_as_a_stranger(&remote, image).await;
        // The top comes first.
        for (diff_id, layer) in image.diff_ids.iter().zip(&image.layers).rev() {
            let name = self.names.lock().unwrap().get(diff_id).copied();
            if let Some(name) = name
                && remote.has(&name).await
            {
                continue;
            }
            let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
            compressed.write_all(layer).unwrap();
            let compressed = compressed.finish().unwrap();
            let name = remote
                .upload(compressed.into(), true, Arc::clone(&self.sent))
                .await;
            self.names.lock().unwrap().insert(*diff_id, name);
        }
        if !remote.has(&image.image_id()).await {
            remote
                .upload(image.config.clone().into(), false, Arc::default())
                .await;
        }
        let layers: Vec<_> = {
            let names = self.names.lock().unwrap();
            let layers = image
                .diff_ids
                .iter()
                .map(|diff_id| json!({"digest": names[diff_id]}));
            layers.collect()
        };
        let manifest = json!({"schemaVersion": 2, "config": {"digest": image.image_id()}, "layers": layers});
        let address = format!("{}/manifests/{}", remote.base, registry.tag);
        let put = remote
            .send(remote.http.put(address).body(manifest.to_string()))
            .await;
        assert_eq!(put.status(), StatusCode::CREATED);
    }

    async fn ask_as_a_stranger(&self, remote: &Remote<'_>, image: &SavedImage) {
        let blob = format!("{}/blobs/{}", remote.base, image.diff_ids[0]);
        let uploads = format!("{}/blobs/uploads/", remote.base);
        let catalog = format!("{}/v2/_catalog", remote.host);
        let without = [
            remote.http.get(&blob),
            remote.http.post(&uploads),
            remote.http.put(format!("{}/manifests/x", remote.base)),
            remote
                .http
                .get(format!("{}/v2/", remote.host))
                .basic_auth("tagship", Some("")),
        ];
        for request in without {
            let answer = request.send().await.unwrap().status();
            self.strangers.lock().unwrap().push(answer);
        }
        for request in [
            remote.http.get(&blob),
            remote.http.get(catalog),
            remote.http.delete(&blob),
        ] {
            let answer = remote.send(request).await.status();
            self.strangers.lock().unwrap().push(answer);
        }
    }
}
