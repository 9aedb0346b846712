use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use crate::error::LocalError;
use tagship_domain::reference::{Digest, DigestHasher};

/// So many bytes are written before the disk is told to take them while more arrive. So little is left to do
/// when a large blob ends, and little waits in memory.
const FLUSH_BYTES: u64 = 32 * 1024 * 1024;

/// The blobs' files: `blobs/sha256/ab/<64 hex digits>`, and unfinished ones under `uploads/`.
///
/// No name from outside becomes a path: files are named by checked digests and by our own random ids.
#[derive(Debug, Clone)]
pub(crate) struct BlobFiles {
    blobs: PathBuf,
    uploads: PathBuf,
}

impl BlobFiles {
    /// Makes the folders where they are missing.
    pub(super) fn open(data: &Path) -> Result<Self, LocalError> {
        let files = Self {
            blobs: data.join("blobs").join("sha256"),
            uploads: data.join("uploads"),
        };
        for folder in [&files.blobs, &files.uploads] {
            fs::create_dir_all(folder).map_err(LocalError::data(folder))?;
        }
        Ok(files)
    }

    /// Where the blob of this digest is, if it is anywhere.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.blobs.join(hex.get(..2).unwrap_or_default()).join(hex)
    }

    /// Begins a blob whose digest is not known yet.
    pub(crate) fn begin(&self) -> io::Result<PartialBlob> {
        Ok(PartialBlob {
            path: self.uploads.join(crate::random::hex::<16>()?),
            file: None,
            flush: None,
            hash: DigestHasher::default(),
            length: 0,
        })
    }

    /// Puts a finished blob in its place, durably. Content that is there already is kept.
    pub(crate) fn finish(&self, mut blob: PartialBlob, digest: &Digest) -> io::Result<()> {
        let place = self.path(digest);
        if place.try_exists()? {
            return Ok(());
        }
        end_of(blob.flush.take())?;
        let file = match blob.file.take() {
            Some(file) => file,
            None => File::create_new(&blob.path)?,
        };
        file.sync_data()?;
        let folder = place.parent().unwrap_or(&self.blobs);
        if !folder.try_exists()? {
            fs::create_dir_all(folder)?;
            sync_folder(&self.blobs)?;
        }
        fs::rename(&blob.path, &place)?;
        sync_folder(folder)
    }

    /// Removes unfinished blobs, and blobs that no repository has: a kill between a file's rename and the
    /// database's commit leaves such.
    pub(super) fn sweep(&self, known: &HashSet<Digest>) -> Result<(), LocalError> {
        for unfinished in entries(&self.uploads)? {
            fs::remove_file(&unfinished).map_err(LocalError::data(&unfinished))?;
        }
        for folder in entries(&self.blobs)? {
            for path in entries(&folder)? {
                let digest = path
                    .file_name()
                    .and_then(|name| Digest::parse(&format!("sha256:{}", name.to_str()?)).ok());
                if digest.is_none_or(|digest| !known.contains(&digest)) {
                    fs::remove_file(&path).map_err(LocalError::data(&path))?;
                }
            }
        }
        Ok(())
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LocalError> {
    let list = || -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    };
    list().map_err(LocalError::data(folder))
}

/// Waits for a flush. Its failure is told only once by the system, and so must not be lost.
fn end_of(flush: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    flush.map_or(Ok(()), |flush| {
        flush
            .join()
            .unwrap_or_else(|_panic| Err(io::Error::other("a thread that flushes a blob panicked")))
    })
}

/// Makes names in a folder durable.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A blob that is being received; hashed while it is written. Dropping it removes its file.
///
/// The file is made with the first bytes, so that an upload that is begun and left costs nothing.
pub(crate) struct PartialBlob {
    path: PathBuf,
    file: Option<File>,
    /// Brings to the disk what is written so far.
    flush: Option<JoinHandle<io::Result<()>>>,
    hash: DigestHasher,
    length: u64,
}

impl fmt::Debug for PartialBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialBlob")
            .field("path", &self.path)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl PartialBlob {
    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = if let Some(file) = self.file.as_mut() {
            file
        } else {
            let new = OpenOptions::new().write(true).create_new(true).open(&self.path)?;
            self.file.insert(new)
        };
        self.hash.update(bytes);
        file.write_all(bytes)?;
        let flushes = self.length / FLUSH_BYTES;
        self.length = self.length.saturating_add(bytes.len() as u64);
        if flushes < self.length / FLUSH_BYTES && self.flush.as_ref().is_none_or(JoinHandle::is_finished) {
            end_of(self.flush.take())?;
            let file = file.try_clone()?;
            self.flush = Some(thread::spawn(move || file.sync_data()));
        }
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The digest of the bytes so far.
    pub(crate) fn digest(&self) -> Digest {
        self.hash.clone().finish()
    }
}

impl Drop for PartialBlob {
    fn drop(&mut self) {
        // After `finish` the file has another name and this one is gone. What cannot be removed is swept
        // at the next start.
        drop(fs::remove_file(&self.path));
    }
}
