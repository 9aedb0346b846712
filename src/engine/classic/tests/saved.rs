//! Images as `docker save` writes them.

use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use ::tar::{Builder, EntryType, Header};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncRead, ReadBuf};

use super::pushing::Engine;
use crate::ports::{BuildError, ImageArchive, LoopbackRegistry, PushableImage};
use tagship_domain::reference::Digest;

/// An image as an engine has it.
pub(super) struct SavedImage {
    pub(super) config: String,
    pub(super) layers: Vec<Vec<u8>>,
    pub(super) diff_ids: Vec<Digest>,
    layout: Layout,
    /// The length that each opening breaks off at; whole ones follow.
    lengths: Mutex<Vec<usize>>,
    /// Whether one that breaks off does so because the engine fell silent.
    falls_silent: bool,
    opened: AtomicUsize,
    /// How many openings were read to their end.
    ended: Arc<AtomicUsize>,
    /// What the engine does when it is asked to push.
    pub(super) engine: Option<Arc<Engine>>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Layout {
    /// Docker Engine 20.10.
    Docker20,
    /// Docker Engine 28 with a graph driver.
    Docker28,
}

impl SavedImage {
    pub(super) fn new(layout: Layout, layers: &[&[u8]]) -> Self {
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        Self {
            config: config.to_string(),
            layers: layers.iter().map(|layer| layer.to_vec()).collect(),
            diff_ids,
            layout,
            lengths: Mutex::default(),
            falls_silent: false,
            opened: AtomicUsize::new(0),
            ended: Arc::default(),
            engine: None,
        }
    }

    /// The same in an engine that can be asked to push it.
    pub(super) fn within(self, engine: &Arc<Engine>) -> Self {
        Self {
            engine: Some(Arc::clone(engine)),
            ..self
        }
    }

    pub(super) fn breaking_off_at(self, lengths: &[usize]) -> Self {
        *self.lengths.lock().unwrap() = lengths.to_vec();
        self
    }

    pub(super) fn silent_at(self, length: usize) -> Self {
        let falls_silent = true;
        Self { falls_silent, ..self }.breaking_off_at(&[length])
    }

    pub(super) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// What `docker save` writes, in its order.
    pub(super) fn tar(&self) -> Vec<u8> {
        let mut tar = Builder::new(Vec::new());
        let mut add = |path: &str, content: &[u8]| {
            let mut header = Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, content).unwrap();
        };
        let id = self.image_id().hex();
        match self.layout {
            Layout::Docker20 => {
                let mut written = BTreeSet::new();
                for (at, layer) in self.layers.iter().enumerate() {
                    let folder = Digest::of(format!("v1 id of layer {at}").as_bytes()).hex();
                    add(&format!("{folder}/VERSION"), b"1.0");
                    add(&format!("{folder}/json"), b"{}");
                    if written.insert(Digest::of(layer)) {
                        add(&format!("{folder}/layer.tar"), layer);
                    }
                }
                add(&format!("{id}.json"), self.config.as_bytes());
                add("manifest.json", b"[]");
                // A layer that is there twice is a link the second time.
                let mut link = Header::new_ustar();
                link.set_entry_type(EntryType::Symlink);
                link.set_size(0);
                tar.append_link(&mut link, "0/layer.tar", "../1/layer.tar")
                    .unwrap();
            }
            Layout::Docker28 => {
                let blobs: BTreeSet<(String, &[u8])> = self
                    .layers
                    .iter()
                    .map(|layer| (Digest::of(layer).hex(), layer.as_slice()))
                    .chain([(id, self.config.as_bytes())])
                    .chain([(Digest::of(b"{}").hex(), &b"{}"[..])])
                    .collect();
                for (hex, content) in blobs {
                    add(&format!("blobs/sha256/{hex}"), content);
                }
                add("index.json", b"{}");
                add("oci-layout", b"{}");
            }
        }
        tar.into_inner().unwrap()
    }
}

#[async_trait]
impl ImageArchive for SavedImage {
    fn image_id(&self) -> Digest {
        Digest::of(self.config.as_bytes())
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    fn pushable(&self) -> Option<&dyn PushableImage> {
        self.engine.is_some().then_some(self)
    }

    async fn open(&self) -> Result<Box<dyn AsyncRead + Send + Unpin>, BuildError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let mut tar = self.tar();
        let mut lengths = self.lengths.lock().unwrap();
        let is_cut = !lengths.is_empty();
        if is_cut {
            tar.truncate(lengths.remove(0));
        }
        let stream = OpenedStream {
            rest: io::Cursor::new(tar),
            falls_silent: self.falls_silent && is_cut,
            ended: Arc::clone(&self.ended),
        };
        Ok(Box::new(stream))
    }
}

#[async_trait]
impl PushableImage for SavedImage {
    fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.len() as u64).sum()
    }

    async fn contact(&self, registry: &LoopbackRegistry) {
        self.engine.as_ref().unwrap().contact(registry).await;
    }

    async fn push(
        &self,
        registry: &LoopbackRegistry,
        take_config: &(dyn Fn(Bytes) + Send + Sync),
    ) -> Result<(), BuildError> {
        let engine = self.engine.as_ref().unwrap();
        if !engine.hides_config.load(Ordering::SeqCst) {
            take_config(Bytes::from(self.config.clone()));
        }
        engine.push(self, registry).await;
        Ok(())
    }
}

/// A stream that says when it was read to its end.
struct OpenedStream {
    rest: io::Cursor<Vec<u8>>,
    falls_silent: bool,
    ended: Arc<AtomicUsize>,
}

impl AsyncRead for OpenedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let had_room = buffer.remaining() > 0;
        let read = Pin::new(&mut self.rest).poll_read(context, buffer);
        if had_room && buffer.filled().len() == before {
            self.ended.fetch_add(1, Ordering::SeqCst);
            if self.falls_silent {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}
