//! Files of blobs.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use crate::error::LocalError;
use crate::state::private_files;
use crate::state::quirks::DigestRule;
use tagship_domain::reference::{Digest, DigestAlgorithm, DigestHasher};

/// So many bytes are written before the disk is asked to take them while more arrive. So little is left to do
/// when a large blob ends, and little waits in memory.
const FLUSH_BYTES: u64 = 32 * 1024 * 1024;

/// The folder of blobs, with one for each algorithm in it.
const BLOBS: &str = "blobs";

/// Bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// The blobs' files: `blobs/sha256/ab/<hex digits>`, and unfinished ones under `uploads/`.
///
/// No name from outside becomes a path: files are named by checked digests and by our own random ids.
#[derive(Debug, Clone)]
pub(crate) struct BlobFiles {
    blobs: PathBuf,
    uploads: PathBuf,
    /// Files whose content was seen to be what their names say, as they were then.
    verified: Arc<Mutex<HashMap<Digest, FileState>>>,
}

/// How a file was when its content was looked at; one that was written since differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    length: u64,
    modified: Option<SystemTime>,
}

impl BlobFiles {
    /// Makes the folders where they are missing.
    pub(super) fn open(data: &Path) -> Result<Self, LocalError> {
        let files = Self {
            blobs: data.join(BLOBS),
            uploads: data.join("uploads"),
            verified: Arc::default(),
        };
        let by_algorithm = DigestAlgorithm::ALL.map(|algorithm| files.blobs.join(algorithm.name()));
        for folder in by_algorithm.iter().chain([&files.uploads]) {
            private_files::folder(folder).map_err(LocalError::data(folder))?;
        }
        Ok(files)
    }

    /// Whether there is any blob in `data`.
    pub(super) fn has_any(data: &Path) -> io::Result<bool> {
        for algorithm in DigestAlgorithm::ALL {
            let folders = match fs::read_dir(data.join(BLOBS).join(algorithm.name())) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                folders => folders?,
            };
            for folder in folders {
                if fs::read_dir(folder?.path())?.next().is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Whether the blob's file was found to be whole, and is as it was then.
    pub(crate) fn is_verified(&self, digest: &Digest, size: u64) -> bool {
        let state = fs::metadata(self.path(digest)).map(FileState::from);
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_ok_and(|state| state.length == size && verified.get(digest) == Some(&state))
    }

    /// Checks that the blob's file has the content that its name says; it is read once, and again when it was
    /// written since. Blocks.
    pub(crate) fn verify(&self, digest: &Digest, size: u64) -> io::Result<()> {
        if self.is_verified(digest, size) {
            return Ok(());
        }
        let path = self.path(digest);
        let mut file = File::open(&path)?;
        let state = FileState::from(file.metadata()?);
        let mut hash = DigestHasher::new(digest.algorithm());
        let mut piece = vec![0; READ_BYTES];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                length => hash.update(piece.get(..length).unwrap_or_default()),
            }
        }
        if state.length != size || hash.finish() != *digest {
            let problem = format!(
                "the blob in `{}` is damaged: push its image again",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.note_verified(digest, state);
        Ok(())
    }

    fn note_verified(&self, digest: &Digest, state: FileState) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.insert(*digest, state);
    }

    /// Where the blob of this digest is, if it is anywhere.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        let (folder, hex) = (self.blobs.join(digest.algorithm().name()), digest.hex());
        folder.join(hex.get(..2).unwrap_or_default()).join(hex)
    }

    /// Begins a blob whose digest is not known yet.
    pub(crate) fn begin(&self, digests: DigestRule) -> io::Result<PartialBlob> {
        Ok(PartialBlob {
            path: self.uploads.join(crate::random::hex::<16>()?),
            file: None,
            flush: None,
            hashes: digests
                .algorithms()
                .iter()
                .copied()
                .map(DigestHasher::new)
                .collect(),
            length: 0,
        })
    }

    /// Puts a finished blob in its place, durably. Content that is there already is kept, unless it is damaged.
    pub(crate) fn finish(&self, mut blob: PartialBlob, digest: &Digest) -> io::Result<()> {
        let place = self.path(digest);
        if place.try_exists()? && self.verify(digest, blob.length).is_ok() {
            return Ok(());
        }
        end_of(blob.flush.take())?;
        let file = match blob.file.take() {
            Some(file) => file,
            None => private_files::options()
                .write(true)
                .create_new(true)
                .open(&blob.path)?,
        };
        file.sync_data()?;
        let folder = place.parent().unwrap_or(&self.blobs);
        if !folder.try_exists()? {
            private_files::folder(folder)?;
            sync_folder(folder.parent().unwrap_or(&self.blobs))?;
        }
        fs::rename(&blob.path, &place)?;
        self.note_verified(digest, FileState::from(file.metadata()?));
        sync_folder(folder)
    }

    /// Removes unfinished blobs, and blobs that no repository has: a kill between a file's rename and the
    /// database's commit leaves such.
    pub(super) fn sweep(&self, known: &HashSet<Digest>) -> Result<(), LocalError> {
        for unfinished in entries(&self.uploads)? {
            fs::remove_file(&unfinished).map_err(LocalError::data(&unfinished))?;
        }
        for algorithm in DigestAlgorithm::ALL.map(DigestAlgorithm::name) {
            for folder in entries(&self.blobs.join(algorithm))? {
                for path in entries(&folder)? {
                    let digest = path
                        .file_name()
                        .and_then(|name| Digest::parse_any(&format!("{algorithm}:{}", name.to_str()?)).ok());
                    if digest.is_none_or(|digest| !known.contains(&digest)) {
                        fs::remove_file(&path).map_err(LocalError::data(&path))?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl From<Metadata> for FileState {
    fn from(metadata: Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
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

/// Waits for a flush. Its failure is reported only once by the system, and so must not be lost.
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
    /// One for each algorithm that the blob may be named by.
    hashes: Vec<DigestHasher>,
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
            let new = private_files::options()
                .write(true)
                .create_new(true)
                .open(&self.path)?;
            self.file.insert(new)
        };
        for hash in &mut self.hashes {
            hash.update(bytes);
        }
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

    /// Whether the bytes so far have this digest.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.hashes.iter().any(|hash| hash.clone().finish() == *digest)
    }
}

impl Drop for PartialBlob {
    fn drop(&mut self) {
        // After `finish` the file has another name and this one is gone. What cannot be removed is swept
        // at the next start.
        drop(fs::remove_file(&self.path));
    }
}
