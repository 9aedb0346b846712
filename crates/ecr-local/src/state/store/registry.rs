//! One registry in the state: its names and keys. What it holds is read and changed in the files beside this one.

use std::sync::Arc;

use super::blobs::BlobFiles;
use super::database::Store;
use crate::refusal::Refusal;
use tagship_domain::reference::{AccountId, Region, RepositoryName};

/// What stands in place of the region in the keys of public registries.
const PUBLIC: &str = "public";

/// The registry of one account in one region, or its public one.
///
/// All methods block; each is one transaction.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    pub(super) store: Arc<Store>,
    pub(super) account: AccountId,
    region: Region,
    /// The registry's part of every key: `account/region`, or `account/public`.
    pub(super) key: String,
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
    pub(super) fn of_key(&self, key: &str) -> Result<Self, Refusal> {
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

    pub(super) fn no_such_repository(&self, name: &RepositoryName) -> Refusal {
        Refusal::RepositoryNotFound {
            repository: name.to_string(),
            registry: self.account.to_string(),
        }
    }
}
