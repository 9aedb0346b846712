//! The database and the blobs of all registries.

use std::collections::HashSet;
use std::path::Path;

use redb::{Database, ReadTransaction, ReadableTable as _, WriteTransaction};

use super::blobs::BlobFiles;
use super::commits::SyncedDatabase;
use super::schema::{DOCUMENTS, LAYERS, MANIFEST_BYTES, MANIFESTS, META, REFERRERS, REPOSITORIES, TAGS};
use crate::error::LocalError;
use crate::refusal::Refusal;
use tagship_domain::reference::Digest;

/// The file of the database in the data folder.
const DATABASE_FILE: &str = "state.redb";

/// The most of the database that is held in memory; the system keeps more of the file, and gives it up when need be.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The name of the schema that this code reads and writes.
const SCHEMA: &[u8] = b"1";

/// The database and the blobs of all registries.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) database: SyncedDatabase,
    pub(super) blobs: BlobFiles,
}

impl Store {
    /// Opens the state in `data`, or begins it, and removes what an earlier process left unfinished.
    ///
    /// The caller holds the folder's lock. Blocks.
    pub(crate) fn open(data: &Path) -> Result<Self, LocalError> {
        let failed = |problem: String| LocalError::Database {
            path: data.to_owned(),
            problem,
        };
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(data.join(DATABASE_FILE))
            .map_err(|error| failed(error.to_string()))?;
        let store = Self {
            database: SyncedDatabase::new(database),
            blobs: BlobFiles::open(data)?,
        };
        store.prepare().map_err(|refusal| failed(describe(&refusal)))?;
        match store
            .meta("schema")
            .map_err(|refusal| failed(describe(&refusal)))?
        {
            Some(found) if found == SCHEMA => {}
            _ => return Err(failed("it was written by another version of Tagship".to_owned())),
        }
        let known = store
            .known_blobs()
            .map_err(|refusal| failed(describe(&refusal)))?;
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
            known.insert(Digest::parse(key.value().2).map_err(Refusal::state)?);
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

/// What went wrong below a refusal.
pub(crate) fn describe(refusal: &Refusal) -> String {
    std::error::Error::source(refusal).map_or_else(|| refusal.to_string(), ToString::to_string)
}
