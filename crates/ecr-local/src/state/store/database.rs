//! The database and the blobs of all registries.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableTable as _, WriteTransaction};

use super::blobs::BlobFiles;
use super::commits::SyncedDatabase;
use super::schema::{DOCUMENTS, LAYERS, MANIFEST_BYTES, MANIFESTS, META, REFERRERS, REPOSITORIES, TAGS};
use crate::error::LocalError;
use crate::refusal::Refusal;
use crate::state::private_files;
use tagship_domain::reference::Digest;

/// The file of the database in the data folder.
const DATABASE_FILE: &str = "state.redb";

/// The most of the database that is held in memory; the system keeps more of the file, and gives it up when need be.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// What a database is that its library panics over.
const DAMAGED: &str = "it is damaged";

/// The name of the schema that this code reads and writes.
const SCHEMA: &[u8] = b"1";

/// The database and the blobs of all registries.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) database: SyncedDatabase,
    pub(super) blobs: BlobFiles,
}

thread_local! {
    /// The data folder whose database this thread opens.
    static OPENED: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Returns what a panic of this thread means, where it is the database's library that panics over what it reads.
///
/// For the panic handler of a program that aborts, where nothing else is left to say it.
pub fn error_of_panic() -> Option<LocalError> {
    let data = OPENED.with(|opened| opened.try_borrow().ok()?.clone())?;
    Some(unusable(&data, DAMAGED.to_owned()))
}

impl Store {
    /// Opens the state in `data`, or begins it, and removes what an earlier process left unfinished.
    ///
    /// A damaged database is an error: the whole of it is checked, because what is damaged is found too late
    /// otherwise, and not always by an error. The caller holds the folder's lock. Blocks.
    pub(crate) fn open(data: &Path) -> Result<Self, LocalError> {
        OPENED.set(Some(data.to_owned()));
        let opened = catch_unwind(|| Self::open_checked(data));
        OPENED.set(None);
        opened.unwrap_or_else(|_panic| Err(unusable(data, DAMAGED.to_owned())))
    }

    fn open_checked(data: &Path) -> Result<Self, LocalError> {
        let failed = |refusal: Refusal| match disk_failure(&refusal) {
            Some(kind) => LocalError::data(data)(kind.into()),
            None => unusable(data, describe(&refusal)),
        };
        let path = data.join(DATABASE_FILE);
        let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if length == 0 && BlobFiles::has_any(data).map_err(LocalError::data(data))? {
            let problem = format!("`{DATABASE_FILE}` is missing or empty, and images are there");
            return Err(unusable(data, problem));
        }
        if length == 0 {
            begin(data, &path, failed)?;
        }
        let file = private_files::open(&path).map_err(LocalError::data(&path))?;
        let mut database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_file(file)
            .map_err(|error| failed(error.into()))?;
        database.check_integrity().map_err(|error| failed(error.into()))?;
        let store = Self {
            database: SyncedDatabase::new(database),
            blobs: BlobFiles::open(data)?,
        };
        store.prepare().map_err(failed)?;
        match store.meta("schema").map_err(failed)? {
            Some(found) if found == SCHEMA => {}
            _ => {
                return Err(unusable(
                    data,
                    "it was written by another version of Tagship".to_owned(),
                ));
            }
        }
        let known = store.known_blobs().map_err(failed)?;
        store.blobs.sweep(&known)?;
        Ok(store)
    }

    /// Makes all tables, so that reads never meet a missing one.
    fn prepare(&self) -> Result<(), Refusal> {
        let write = self.begin()?;
        {
            write.open_table(REPOSITORIES)?;
            write.open_table(MANIFESTS)?;
            write.open_table(MANIFEST_BYTES)?;
            write.open_table(TAGS)?;
            write.open_table(LAYERS)?;
            write.open_table(REFERRERS)?;
            write.open_table(DOCUMENTS)?;
            let mut meta = write.open_table(META)?;
            if meta.get("schema")?.is_none() {
                meta.insert("schema", SCHEMA)?;
            }
        }
        self.commit(write)
    }

    /// Forgets every registry. Keys stay.
    pub(crate) fn clear(&self) -> Result<(), Refusal> {
        let write = self.begin()?;
        write.delete_table(REPOSITORIES)?;
        write.delete_table(MANIFESTS)?;
        write.delete_table(MANIFEST_BYTES)?;
        write.delete_table(TAGS)?;
        write.delete_table(LAYERS)?;
        write.delete_table(REFERRERS)?;
        write.delete_table(DOCUMENTS)?;
        self.commit(write)?;
        self.prepare()
    }

    /// Begins a transaction; the only one until it ends with [`Self::commit`] or is dropped.
    pub(super) fn begin(&self) -> Result<WriteTransaction, Refusal> {
        self.database.begin()
    }

    /// Ends a transaction of [`Self::begin`]. When this returns, its changes are on the disk.
    pub(super) fn commit(&self, write: WriteTransaction) -> Result<(), Refusal> {
        self.database.commit(write)
    }

    /// Begins to read what is there now.
    pub(super) fn read(&self) -> Result<ReadTransaction, Refusal> {
        self.database.read()
    }

    fn known_blobs(&self) -> Result<HashSet<Digest>, Refusal> {
        let read = self.read()?;
        let layers = read.open_table(LAYERS)?;
        let mut known = HashSet::new();
        for entry in layers.iter()? {
            let (key, _) = entry?;
            known.insert(Digest::parse_any(key.value().2).map_err(Refusal::state)?);
        }
        Ok(known)
    }

    /// A value that belongs to the emulator as a whole.
    pub(crate) fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let read = self.read()?;
        let meta = read.open_table(META)?;
        Ok(meta.get(key)?.map(|value| value.value().to_vec()))
    }

    /// Keeps a value that belongs to the emulator as a whole.
    pub(crate) fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), Refusal> {
        let write = self.begin()?;
        write.open_table(META)?.insert(key, value)?;
        self.commit(write)
    }
}

fn unusable(data: &Path, problem: String) -> LocalError {
    LocalError::Database {
        path: data.to_owned(),
        problem,
    }
}

/// Makes an empty database beside its place, and puts it there: a process that is killed meanwhile leaves it whole or not
/// at all.
fn begin(data: &Path, path: &Path, failed: impl Fn(Refusal) -> LocalError) -> Result<(), LocalError> {
    let begun = path.with_extension("new");
    match fs::remove_file(&begun) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(LocalError::data(data)(error)),
        _ => {}
    }
    let file = private_files::open(&begun).map_err(LocalError::data(&begun))?;
    let made = Database::builder().create_file(file);
    drop(made.map_err(|error| failed(error.into()))?);
    fs::rename(&begun, path).map_err(LocalError::data(path))
}

/// How the disk failed below a refusal, if it was the disk and not the database's content.
fn disk_failure(refusal: &Refusal) -> Option<io::ErrorKind> {
    let Refusal::State(source) = refusal else {
        return None;
    };
    let kind = match source.downcast_ref::<redb::Error>()? {
        redb::Error::Io(error) => error.kind(),
        _ => return None,
    };
    (!matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)).then_some(kind)
}

/// What went wrong below a refusal.
pub(crate) fn describe(refusal: &Refusal) -> String {
    std::error::Error::source(refusal).map_or_else(|| refusal.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_was_begun_by_a_killed_process_is_begun_anew() {
        let data = tempfile::tempdir().unwrap();
        let begun = data.path().join("state.new");
        fs::write(&begun, [0; 4096]).unwrap();
        drop(Store::open(data.path()).unwrap());
        assert!(!begun.exists());
        assert!(fs::metadata(data.path().join(DATABASE_FILE)).unwrap().len() > 0);
        drop(Store::open(data.path()).unwrap());
    }
}
