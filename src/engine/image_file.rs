//! An image in one file, as the engine's `oci` exporter sends it, and its push from here.
//!
//! That is for a registry on this machine's loopback and an engine that has another one: in a container, a virtual machine or
//! elsewhere. The engine does not reach that registry, and this program does.
//!
//! 1. Find the content in the file: a tar archive of an OCI layout.
//! 2. Read the manifests from the root down, and upload the blobs that the registry lacks.
//! 3. Put the manifests by digest, children first.
//!
//! Source: OCI image spec, "Image Layout"; BuildKit, "Exporters", "oci".

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek as _};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bollard::Docker;
use bollard::query_parameters::CreateImageOptions;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::limits;
use crate::ports::{BlobStream, BuildError, RegistryError, Reporter, RunEvent, WriteRepository};
use oci_registry::{RetryPolicy, upload_watched};
use tagship_domain::content::{Content, Descriptor, ImageIndex, MAX_MANIFEST_BYTES, Manifest};
use tagship_domain::reference::{Digest, Reference, RegistryHost};

/// How deep indexes may lie in each other; those of builds lie one deep.
const MAX_DEPTH: usize = 4;
/// The most files of a layout.
const MAX_FILES: usize = 10_000;
/// The most uploads at a time.
const MAX_UPLOADS: usize = 4;
/// The bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// Whether an engine has this machine's loopback: it is asked to pull from there, and is seen to come.
pub(super) async fn shares_loopback(docker: &Docker) -> bool {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await else {
        return true;
    };
    let Ok(address) = listener.local_addr() else {
        return true;
    };
    let options = CreateImageOptions {
        from_image: Some(format!("{address}/tagship")),
        tag: Some("is-there".to_owned()),
        ..CreateImageOptions::default()
    };
    let pulled = docker
        .create_image(Some(options), None, None)
        .for_each(|_answer| std::future::ready(()));
    let comes = async {
        tokio::select! {
            biased;
            came = listener.accept() => came.is_ok(),
            () = pulled => false,
        }
    };
    timeout(limits::ENGINE_ANSWER, comes).await.unwrap_or(false)
}

/// Whether a registry is on a loopback, which is another one for every machine and container.
pub(super) fn is_on_loopback(registry: &RegistryHost) -> bool {
    let name = registry.as_str();
    let host = name.rsplit_once(':').map_or(name, |(host, _)| host);
    host == "localhost"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Pushes the image of a file by digest; gives the digest of its root.
pub(super) async fn push_file(
    file: File,
    registry: &dyn WriteRepository,
    reporter: &dyn Reporter,
) -> Result<Digest, BuildError> {
    let read = tokio::task::spawn_blocking(move || ImageFile::read(file)?.whole());
    let (file, image) = read
        .await
        .map_err(io::Error::other)
        .and_then(|read| read)
        .map_err(|error| BuildError::Failed {
            message: format!("the engine sends no image: {error}"),
            location: None,
        })?;
    let digests: Vec<Digest> = image.blobs.keys().copied().collect();
    let sizes = registry.blob_sizes(&digests).await?;
    let mut missing: Vec<Descriptor> = image.blobs.into_values().collect();
    missing.retain(|blob| sizes.get(&blob.digest) != Some(&blob.size));
    stream::iter(missing)
        .map(|blob| upload(&file, blob, registry, reporter))
        .buffer_unordered(MAX_UPLOADS)
        .try_collect::<()>()
        .await?;
    for manifest in &image.manifests {
        let reference = Reference::Digest(manifest.digest());
        registry.put_manifest(&reference, manifest).await?;
    }
    Ok(image.root)
}

async fn upload(
    file: &ImageFile,
    blob: Descriptor,
    registry: &dyn WriteRepository,
    reporter: &dyn Reporter,
) -> Result<(), RegistryError> {
    let what = blob.digest.short();
    let report = |current| {
        reporter.event(RunEvent::Progress {
            what: &what,
            current,
            total: Some(blob.size),
        });
    };
    RetryPolicy::DEFAULT
        .repeat(
            || upload_watched(registry, &blob.digest, blob.size, file.open(&blob), report),
            RegistryError::is_transient,
        )
        .await
}

/// A file that holds an OCI layout.
struct ImageFile {
    file: Arc<File>,
    /// Where each blob's bytes lie.
    places: BTreeMap<Digest, Range<u64>>,
    root: Descriptor,
}

/// What an image is made of.
#[derive(Debug)]
struct WholeImage {
    root: Digest,
    /// Children before those that name them.
    manifests: Vec<Manifest>,
    /// Configs and layers.
    blobs: BTreeMap<Digest, Descriptor>,
}

impl ImageFile {
    /// Finds out what lies where.
    fn read(mut file: File) -> io::Result<Self> {
        file.rewind()?;
        let file = Arc::new(file);
        let mut places = BTreeMap::new();
        let mut index = None;
        let mut archive = tar::Archive::new(&*file);
        for (number, entry) in archive.entries_with_seek()?.enumerate() {
            let entry = entry?;
            if number >= MAX_FILES {
                return Err(wrong("it has too many files"));
            }
            let begin = entry.raw_file_position();
            let place = begin..begin.saturating_add(entry.size());
            let path = entry.path()?.to_string_lossy().into_owned();
            match path.strip_prefix("blobs/sha256/") {
                Some(hex) if entry.header().entry_type().is_file() => {
                    let digest = Digest::parse(&format!("sha256:{hex}")).map_err(io::Error::other)?;
                    places.insert(digest, place);
                }
                _ if path == "index.json" => index = Some(place),
                _ => {}
            }
        }
        let index = index.ok_or_else(|| wrong("it has no index"))?;
        let index: ImageIndex = serde_json::from_slice(&content(&file, &index)?)?;
        let [root] = index.manifests.as_slice() else {
            return Err(wrong("its index does not name one image"));
        };
        let root = root.clone();
        Ok(Self { file, places, root })
    }

    /// Reads all manifests.
    fn whole(self) -> io::Result<(Self, WholeImage)> {
        let mut image = WholeImage {
            root: self.root.digest,
            manifests: Vec::new(),
            blobs: BTreeMap::new(),
        };
        self.descend(&self.root, 0, &mut image)?;
        Ok((self, image))
    }

    fn descend(&self, descriptor: &Descriptor, depth: usize, image: &mut WholeImage) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(wrong("its indexes lie too deep in each other"));
        }
        if image
            .manifests
            .iter()
            .any(|known| known.digest() == descriptor.digest)
        {
            return Ok(());
        }
        let manifest = Manifest::new(
            descriptor.media_type.clone(),
            content(&self.file, self.place(descriptor)?)?,
        );
        if manifest.digest() != descriptor.digest {
            return Err(wrong("a manifest is another one than it is called"));
        }
        match manifest.content().map_err(io::Error::other)? {
            Content::Index(index) => {
                for child in &index.manifests {
                    self.descend(child, depth + 1, image)?;
                }
            }
            Content::Image(content) => {
                for blob in std::iter::once(content.config).chain(content.layers) {
                    self.place(&blob)?;
                    image.blobs.insert(blob.digest, blob);
                }
            }
        }
        image.manifests.push(manifest);
        Ok(())
    }

    fn place(&self, descriptor: &Descriptor) -> io::Result<&Range<u64>> {
        self.places
            .get(&descriptor.digest)
            .filter(|place| place.end - place.start == descriptor.size)
            .ok_or_else(|| wrong(&format!("it lacks {}", descriptor.digest)))
    }

    /// The bytes of a blob; none of one that is not there.
    fn open(&self, blob: &Descriptor) -> BlobStream {
        let place = self.places.get(&blob.digest).cloned().unwrap_or_default();
        let begin = (Arc::clone(&self.file), place);
        stream::try_unfold(begin, |(file, place)| async move {
            if place.is_empty() {
                return Ok(None);
            }
            let length = usize::try_from(place.end - place.start)
                .unwrap_or(PIECE)
                .min(PIECE);
            let next = place.start + length as u64;
            let (reading, begin) = (Arc::clone(&file), place.start);
            let piece = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; length];
                reading.read_exact_at(&mut piece, begin)?;
                Ok::<_, io::Error>(Bytes::from(piece))
            });
            let piece = piece.await.map_err(io::Error::other)??;
            Ok(Some((piece, (file, next..place.end))))
        })
        .boxed()
    }
}

/// A small file's content.
fn content(file: &File, place: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(place.end - place.start)
        .ok()
        .filter(|length| *length <= MAX_MANIFEST_BYTES)
        .ok_or_else(|| wrong("a manifest is too large"))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, place.start)?;
    Ok(bytes.into())
}

fn wrong(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use oci_registry::InMemoryRegistry;
    use serde_json::{Value, json};
    use tagship_domain::content::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};

    use super::*;
    use crate::ports::ReadRepository as _;

    struct Silent;

    impl Reporter for Silent {
        fn mask(&self, _secret: &secrecy::SecretString) {}

        fn event(&self, _event: RunEvent<'_>) {}
    }

    /// The files of a layout.
    #[derive(Default)]
    struct Layout(Vec<(String, Vec<u8>)>);

    impl Layout {
        fn blob(&mut self, media_type: &str, content: impl Into<Vec<u8>>) -> Value {
            let content = content.into();
            let digest = Digest::of(&content);
            let said = json!({"mediaType": media_type, "digest": digest.to_string(), "size": content.len()});
            self.0.push((format!("blobs/sha256/{}", digest.hex()), content));
            said
        }

        fn image(&mut self, layer: &[u8]) -> Value {
            let config = self.blob(OCI_CONFIG, r#"{"architecture":"amd64","os":"linux"}"#);
            let layer = self.blob(OCI_LAYER_GZIP, layer);
            let manifest =
                json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
            self.blob(OCI_MANIFEST, manifest.to_string())
        }

        fn index(&mut self, children: &[Value]) -> Value {
            let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children});
            self.blob(OCI_INDEX, index.to_string())
        }

        fn naming(mut self, roots: &[Value]) -> Self {
            let index = json!({"schemaVersion": 2, "manifests": roots});
            self.0.push(("index.json".to_owned(), index.to_string().into()));
            self
        }

        fn archive(&self) -> Vec<u8> {
            let mut archive = tar::Builder::new(Vec::new());
            for (path, content) in &self.0 {
                let mut header = tar::Header::new_gnu();
                header.set_size(content.len() as u64);
                header.set_mode(0o644);
                archive
                    .append_data(&mut header, path, content.as_slice())
                    .unwrap();
            }
            archive.into_inner().unwrap()
        }
    }

    async fn push(bytes: &[u8], registry: &InMemoryRegistry) -> Result<Digest, BuildError> {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        push_file(file, registry, &Silent).await
    }

    #[tokio::test]
    async fn every_manifest_and_blob_comes_into_the_registry_as_it_is() {
        let mut layout = Layout::default();
        let large = vec![7; 3 * PIECE + 1];
        let images = [layout.image(b"one"), layout.image(&large)];
        let root = layout.index(&images);
        let blobs = layout.0.clone();
        let layout = layout.naming(std::slice::from_ref(&root));
        let registry = InMemoryRegistry::default();
        let pushed = push(&layout.archive(), &registry).await.unwrap();
        assert_eq!(root["digest"], pushed.to_string());
        for (_, content) in blobs {
            let digest = Digest::of(&content);
            let manifest = registry.manifest(&digest).await.unwrap();
            let size = registry.blob_size(&digest).await.unwrap();
            let is_there = manifest.is_some_and(|manifest| manifest.bytes() == content.as_slice());
            assert!(is_there || size == Some(content.len() as u64), "{digest}");
        }
        assert_eq!(push(&layout.archive(), &registry).await.unwrap(), pushed);
    }

    /// What the engine sends is hostile.
    #[tokio::test]
    async fn what_is_no_image_is_refused_and_nothing_of_it_is_named() {
        let whole = || {
            let mut layout = Layout::default();
            let image = layout.image(b"layer");
            (layout, image)
        };
        let mut cases: Vec<(&str, Vec<u8>)> = vec![("nothing", Vec::new()), ("no archive", vec![b'x'; 4096])];
        let (layout, image) = whole();
        let archive = layout.naming(std::slice::from_ref(&image)).archive();
        cases.push(("an archive that breaks off", archive[..1500].to_vec()));
        cases.push(("no index", whole().0.archive()));
        let (layout, image) = whole();
        cases.push((
            "two images",
            layout.naming(&[image.clone(), image.clone()]).archive(),
        ));
        cases.push(("no image", whole().0.naming(&[]).archive()));
        let (mut layout, _) = whole();
        layout.0.retain(|(_, content)| content != b"layer");
        cases.push(("a layer that is not there", layout.naming(&[image]).archive()));
        let (mut layout, mut image) = whole();
        for _ in 0..=MAX_DEPTH {
            image = layout.index(&[image]);
        }
        cases.push(("a deep one", layout.naming(&[image]).archive()));
        let (mut layout, image) = whole();
        let manifest = layout
            .0
            .iter_mut()
            .find(|(path, _)| path.contains(&image["digest"].as_str().unwrap()[7..]));
        let content = &mut manifest.unwrap().1;
        let last = content.len() - 2;
        content[last] = b' ';
        cases.push(("a manifest that was changed", layout.naming(&[image]).archive()));
        let (layout, mut image) = whole();
        image["size"] = json!(u64::MAX);
        cases.push(("an endless one", layout.naming(&[image]).archive()));
        let long = Layout(vec![(
            "index.json".to_owned(),
            vec![b' '; MAX_MANIFEST_BYTES + 1],
        )]);
        cases.push(("a long index", long.archive()));
        for (name, archive) in cases {
            let registry = InMemoryRegistry::default();
            let error = push(&archive, &registry).await.unwrap_err();
            assert!(
                error.to_string().contains("the engine sends no image"),
                "{name}: {error}"
            );
            assert!(registry.list_tags().await.unwrap().is_empty(), "{name}");
        }
    }

    #[test]
    fn every_way_to_name_a_loopback_is_one() {
        for (name, is_one) in [
            ("127.0.0.1:5510", true),
            ("127.1.2.3:80", true),
            ("localhost:5000", true),
            ("10.0.0.1:5510", false),
            ("123456789012.dkr.ecr.eu-central-1.amazonaws.com", false),
        ] {
            let host = RegistryHost::parse(name).unwrap();
            assert_eq!(is_on_loopback(&host), is_one, "{name}");
        }
    }
}
