//! What is written to a layout.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::lock::{IndexLock, PATIENCE};
use super::{LayoutProblem, OciLayout, blob_name};
use crate::error::RegistryError;
use crate::manifests::mismatch;
use crate::repository::{BlobStream, WriteRepository};
use tagship_domain::content::Manifest;
use tagship_domain::reference::{Digest, DigestHasher, Reference, Tag};

/// Source: OCI image spec, "oci-layout file".
const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// What the names of files end with that are not whole yet.
const PARTIAL: &str = ".partial";

/// The folder that a layout is written in.
#[derive(Debug)]
pub(super) struct Staging {
    /// Absolute, without links.
    root: PathBuf,
    /// The archive that is made of it, if it is none itself. The folder is then removed at the end.
    archive: Option<PathBuf>,
    was_written: AtomicBool,
    /// What the names begin with of files that have none yet. No process id: in two containers these are alike.
    mark: String,
    /// How many files were begun, for names.
    begun: AtomicU64,
}

impl Staging {
    /// A folder that is there, or that is made when it is first written.
    pub(super) fn folder(path: &Path) -> Result<Self, String> {
        if path.exists() && !path.is_dir() {
            return Err("it is no folder".to_owned());
        }
        Ok(Self::new(place(path)?, None, mark()))
    }

    /// A folder beside an archive that is not there yet.
    pub(super) fn archive(path: &Path) -> Result<Self, LayoutProblem> {
        if path.symlink_metadata().is_ok() {
            return Err(LayoutProblem::Exists);
        }
        let archive = place(path)?;
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        let mark = mark();
        let root = archive.with_file_name(format!(".{name}.{mark}{PARTIAL}"));
        Ok(Self::new(root, Some(archive), mark))
    }

    fn new(root: PathBuf, archive: Option<PathBuf>, mark: String) -> Self {
        Self {
            root,
            archive,
            was_written: AtomicBool::new(false),
            mark,
            begun: AtomicU64::new(0),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether nothing is in the folder, but what a run that was killed began to write first.
    pub(super) fn is_empty(&self) -> bool {
        let is_begun = |entry: io::Result<fs::DirEntry>| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.starts_with('.') && name.ends_with(PARTIAL)
            })
        };
        fs::read_dir(&self.root).map_or(true, |mut entries| entries.all(is_begun))
    }

    /// Writes a file that has its name only when it is whole.
    fn put(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut file = self.begin()?;
        file.write(content)?;
        file.keep(&self.root.join(name))
    }

    /// Begins a file that has no name yet. The marker comes before all others: a folder that has it is ours to go on with.
    fn begin(&self) -> io::Result<Unnamed> {
        let marker = self.root.join("oci-layout");
        if !self.was_written.load(Ordering::Relaxed) && marker.symlink_metadata().is_err() {
            fs::create_dir_all(&self.root)?;
            let mut file = self.unnamed()?;
            file.write(MARKER)?;
            file.keep(&marker)?;
        }
        fs::create_dir_all(self.root.join("blobs/sha256"))?;
        self.was_written.store(true, Ordering::Relaxed);
        self.unnamed()
    }

    fn unnamed(&self) -> io::Result<Unnamed> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join(format!(".{}-{number}{PARTIAL}", self.mark));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o644).open(&path)?;
        Ok(Unnamed {
            path,
            file: Some(file),
        })
    }

    /// Makes the archive of what was written.
    pub(super) fn finish(self) -> Result<(), LayoutProblem> {
        let Some(archive) = &self.archive else {
            return Ok(());
        };
        if !self.was_written.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.pack(archive).map_err(LayoutProblem::Unwritable)
    }

    /// Files in the order of their names, without anything of this machine, so that equal content makes equal archives.
    fn pack(&self, archive: &Path) -> io::Result<()> {
        let packed = self.begin()?;
        let file = packed.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut builder = tar::Builder::new(io::BufWriter::with_capacity(1 << 20, file));
        let mut names = vec!["index.json".to_owned(), "oci-layout".to_owned()];
        for entry in fs::read_dir(self.root.join("blobs/sha256"))? {
            names.push(format!("blobs/sha256/{}", entry?.file_name().to_string_lossy()));
        }
        names.sort_unstable();
        for name in names {
            let content = File::open(self.root.join(&name))?;
            let mut header = tar::Header::new_gnu();
            header.set_size(content.metadata()?.len());
            header.set_mode(0o644);
            builder.append_data(&mut header, name, content)?;
        }
        builder.into_inner()?.flush()?;
        // Not over what another has put there meanwhile.
        file.sync_all()?;
        match fs::hard_link(&packed.path, archive) {
            // Not every file system has links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&packed.path, archive),
            linked => linked,
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.archive.is_some() {
            // What cannot be removed is hidden.
            fs::remove_dir_all(&self.root).ok();
        }
    }
}

/// A name that no other process takes.
fn mark() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

/// A path with a folder that is there, without links.
fn place(path: &Path) -> Result<PathBuf, String> {
    if let Ok(real) = path.canonicalize() {
        return Ok(real);
    }
    let name = path.file_name().ok_or("it names no file")?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize();
    Ok(folder.map_err(|error| format!("its folder: {error}"))?.join(name))
}

/// A file that is removed unless it is kept.
struct Unnamed {
    path: PathBuf,
    file: Option<File>,
}

impl Unnamed {
    fn write(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(content))
    }

    fn keep(mut self, name: &Path) -> io::Result<()> {
        if let Some(file) = self.file.take() {
            file.sync_data()?;
        }
        fs::rename(&self.path, name)
    }
}

impl Drop for Unnamed {
    fn drop(&mut self) {
        // After a rename there is nothing to remove.
        fs::remove_file(&self.path).ok();
    }
}

impl OciLayout {
    fn staging(&self) -> Result<&Staging, RegistryError> {
        let staging = self.staging.as_ref();
        staging.ok_or_else(|| self.unusable("it was opened to be read".to_owned()))
    }

    fn failed(&self, error: io::Error) -> RegistryError {
        self.unusable(LayoutProblem::Unwritable(error))
    }
}

#[async_trait]
impl WriteRepository for OciLayout {
    async fn upload(&self, digest: &Digest, size: u64, mut content: BlobStream) -> Result<(), RegistryError> {
        let mut file = self.staging()?.begin().map_err(|error| self.failed(error))?;
        let (mut hash, mut written) = (DigestHasher::default(), 0);
        while let Some(chunk) = content.next().await {
            let chunk = chunk.map_err(|error| RegistryError::Source(error.to_string()))?;
            written += chunk.len() as u64;
            if written > size {
                return Err(mismatch(*digest, format!("more than {size} bytes")));
            }
            hash.update(&chunk);
            file.write(&chunk).map_err(|error| self.failed(error))?;
        }
        let found = hash.finish();
        if (found, written) != (*digest, size) {
            return Err(mismatch(*digest, format!("{found} of {written} bytes")));
        }
        let name = self.staging()?.root().join(blob_name(digest));
        file.keep(&name).map_err(|error| self.failed(error))
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest, RegistryError> {
        let digest = Digest::of(&content);
        let put = self.staging()?.put(&blob_name(&digest), &content);
        put.map(|()| digest).map_err(|error| self.failed(error))
    }

    /// Lists the manifest under a tag, or by itself where it is a referrer: others are parts of what comes later.
    async fn put_manifest(&self, reference: &Reference, manifest: &Manifest) -> Result<(), RegistryError> {
        self.put_blob(manifest.bytes().clone()).await?;
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) if manifest.content()?.subject().is_some() => None,
            Reference::Digest(_) => return Ok(()),
        };
        self.list(manifest, tag).await
    }
}

impl OciLayout {
    /// Lists a manifest that is there, so that it is found without a tag.
    pub async fn list_untagged(&self, manifest: &Manifest) -> Result<(), RegistryError> {
        self.list(manifest, None).await
    }

    /// Changes the index as it is at this moment: other processes may write to the layout too.
    async fn list(&self, manifest: &Manifest, tag: Option<&Tag>) -> Result<(), RegistryError> {
        let staging = self.staging()?;
        let lock = IndexLock::take(staging.root(), PATIENCE).await;
        let _lock = lock.map_err(|problem| self.unusable(problem))?;
        let mut index = self.index()?.into_owned();
        index.list(manifest, tag);
        index
            .check_count()
            .map_err(|problem| self.unusable(format!("`index.json`: {problem}")))?;
        let put = staging.put("index.json", &index.bytes());
        put.map_err(|error| self.failed(error))
    }
}
