//! The state of a registry on disk: blobs as files named by their digest, everything else in one database.
//!
//! A blob's file is synced and in place before the database knows of it, and a database transaction is synced
//! when it returns. So what was acknowledged is there after a kill, and nothing is half-visible; what a kill
//! leaves behind is swept at the next start.

mod alias;
mod blobs;
mod commits;
mod copies;
mod deletion;
mod documents;
mod images;
mod layers;
mod paging;
mod pushes;
mod repositories;
mod schema;
mod storage_class;

use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableDatabase as _, ReadableTable as _};

pub(crate) use alias::Alias;
pub(crate) use blobs::{BlobFiles, PartialBlob};
pub(crate) use copies::Source;
pub(crate) use deletion::Deletion;
pub(crate) use documents::Owner;
pub(crate) use images::ImageDetail;
pub(crate) use paging::Page;
pub(crate) use pushes::{ImagePush, Repeat};
pub(crate) use repositories::{Encryption, ExclusionFilter, MutabilitySetting, NewRepository, Repository};
pub(crate) use storage_class::{ImageStatus, Storage, StorageClass};

use crate::error::LocalError;
use crate::refusal::Refusal;
use commits::Commits;
use schema::{DOCUMENTS, LAYERS, MANIFEST_BYTES, MANIFESTS, META, REFERRERS, REPOSITORIES, TAGS};
use tagship_domain::reference::{AccountId, Digest, Region, RepositoryName};

/// The file of the database in the data folder.
const DATABASE_FILE: &str = "state.redb";

/// The most of the database that is held in memory; the system keeps more of the file, and gives it up when need be.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The name of the schema that this code reads and writes.
const SCHEMA: &[u8] = b"1";

/// What stands in place of the region in the keys of public registries.
const PUBLIC: &str = "public";

/// The database and the blobs of all registries.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
    commits: Commits,
    blobs: BlobFiles,
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
            database,
            commits: Commits::default(),
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

    fn known_blobs(&self) -> Result<std::collections::HashSet<Digest>, Refusal> {
        let read = self.database.begin_read()?;
        let layers = read.open_table(LAYERS)?;
        let mut known = std::collections::HashSet::new();
        for entry in layers.iter()? {
            let (key, _) = entry?;
            known.insert(Digest::parse(key.value().2).map_err(Refusal::state)?);
        }
        Ok(known)
    }

    /// A value that belongs to the emulator as a whole.
    pub(crate) fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let read = self.database.begin_read()?;
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

/// The registry of one account in one region, or its public one.
///
/// All methods block; each is one transaction.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    store: Arc<Store>,
    account: AccountId,
    region: Region,
    /// The registry's part of every key: `account/region`, or `account/public`.
    key: String,
    is_public: bool,
}

/// A registry is its account and its region; there is one state.
impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Registry {}

impl Registry {
    pub(crate) fn new(store: Arc<Store>, account: AccountId, region: Region) -> Self {
        let key = format!("{account}/{region}");
        Self {
            store,
            account,
            region,
            key,
            is_public: false,
        }
    }

    /// Another registry in the same state.
    pub(crate) fn beside(&self, account: AccountId, region: Region) -> Self {
        Self::new(Arc::clone(&self.store), account, region)
    }

    /// The public registry of an account, which has no region of its own.
    pub(crate) fn public_of(&self, account: AccountId) -> Self {
        Self {
            store: Arc::clone(&self.store),
            key: format!("{account}/{PUBLIC}"),
            account,
            region: self.region.clone(),
            is_public: true,
        }
    }

    /// Whether everybody may pull from it.
    pub(crate) fn is_public(&self) -> bool {
        self.is_public
    }

    /// Forgets what is in every registry of the state.
    pub(crate) fn clear_all(&self) -> Result<(), Refusal> {
        self.store.clear()
    }

    /// The registry whose part of every key this is.
    fn of_key(&self, key: &str) -> Result<Self, Refusal> {
        let (account, region) = key.split_once('/').unwrap_or_default();
        let account = AccountId::parse(account).map_err(Refusal::state)?;
        if region == PUBLIC {
            return Ok(self.public_of(account));
        }
        Ok(self.beside(account, Region::parse(region).map_err(Refusal::state)?))
    }

    /// The action, in policies, that stands for an operation of the registry's API.
    pub(crate) fn action(&self, operation: &str) -> String {
        let service = if self.is_public { "ecr-public" } else { "ecr" };
        format!("{service}:{operation}")
    }

    /// The state that holds it, with all others.
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The account, which is the registry's id.
    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    /// The region.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// The files of all blobs.
    pub(crate) fn blobs(&self) -> &BlobFiles {
        &self.store.blobs
    }

    /// The resource name of a repository; `name` may be a pattern.
    pub(crate) fn arn(&self, name: &str) -> String {
        let (partition, account) = (self.region.partition(), &self.account);
        if self.is_public {
            return format!("arn:{partition}:ecr-public::{account}:repository/{name}");
        }
        format!("arn:{partition}:ecr:{}:{account}:repository/{name}", self.region)
    }

    fn no_such_repository(&self, name: &RepositoryName) -> Refusal {
        Refusal::RepositoryNotFound {
            repository: name.to_string(),
            registry: self.account.to_string(),
        }
    }
}
