//! Settings and records, as documents of a registry or a repository.

use redb::{ReadableTable, Table, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Registry;
use super::schema::{DOCUMENTS, InRepository, REPOSITORIES, decode, encode};
use crate::refusal::Refusal;
use tagship_domain::reference::RepositoryName;

/// The owner of a document; it goes with its repository.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner<'a> {
    Registry,
    Repository(&'a RepositoryName),
}

impl Owner<'_> {
    fn key(&self) -> &str {
        match self {
            Self::Registry => "",
            Self::Repository(name) => name.as_str(),
        }
    }
}

/// Settings and other small records, each under a name such as `lifecycle-policy` or `scan/sha256:…`.
impl Registry {
    /// One document.
    pub(crate) fn document<T: DeserializeOwned>(
        &self,
        owner: Owner<'_>,
        name: &str,
    ) -> Result<Option<T>, Refusal> {
        if let Owner::Repository(repository) = owner {
            self.repository(repository)?;
        }
        let read = self.store.read()?;
        self.document_in(&read.open_table(DOCUMENTS)?, owner, name)
    }

    /// Whether the registry has one of these documents.
    pub(crate) fn has_any(&self, names: &[&str]) -> Result<bool, Refusal> {
        let read = self.store.read()?;
        let documents = read.open_table(DOCUMENTS)?;
        for name in names {
            if documents
                .get((self.key.as_str(), Owner::Registry.key(), *name))?
                .is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All documents whose names begin with `prefix`, each with the rest of its name, in order.
    pub(crate) fn documents<T: DeserializeOwned>(
        &self,
        owner: Owner<'_>,
        prefix: &str,
    ) -> Result<Vec<(String, T)>, Refusal> {
        if let Owner::Repository(repository) = owner {
            self.repository(repository)?;
        }
        let read = self.store.read()?;
        let table = read.open_table(DOCUMENTS)?;
        let mut all = Vec::new();
        for entry in table.range((self.key.as_str(), owner.key(), prefix)..)? {
            let (key, document) = entry?;
            let (registry, repository, name) = key.value();
            let Some(rest) = name
                .strip_prefix(prefix)
                .filter(|_| registry == self.key && repository == owner.key())
            else {
                break;
            };
            all.push((rest.to_owned(), decode(document.value())?));
        }
        Ok(all)
    }

    /// The documents of one name of all repositories of all registries.
    pub(crate) fn all_documents<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Vec<(Self, RepositoryName, T)>, Refusal> {
        let read = self.store.read()?;
        let mut all = Vec::new();
        for entry in read.open_table(DOCUMENTS)?.iter()? {
            let (key, document) = entry?;
            let (registry, repository, found) = key.value();
            if found != name {
                continue;
            }
            let repository = RepositoryName::parse(repository).map_err(Refusal::state)?;
            all.push((self.of_key(registry)?, repository, decode(document.value())?));
        }
        Ok(all)
    }

    /// Changes a document in one transaction: `change` gets what is there and gives what is to be there.
    /// Gives what was there.
    pub(crate) fn change_document<T: Serialize + DeserializeOwned + Clone>(
        &self,
        owner: Owner<'_>,
        name: &str,
        change: impl FnOnce(Option<T>) -> Result<Option<T>, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        let write = self.store.begin()?;
        if let Owner::Repository(repository) = owner {
            self.repository_in(&write.open_table(REPOSITORIES)?, repository)?;
        }
        let before: Option<T> = {
            let mut documents = write.open_table(DOCUMENTS)?;
            let before = self.document_in(&documents, owner, name)?;
            match change(before.clone())? {
                Some(after) => self.put_document_in(&mut documents, owner, name, &after)?,
                None => drop(documents.remove((self.key.as_str(), owner.key(), name))?),
            }
            before
        };
        self.store.commit(write)?;
        Ok(before)
    }

    /// One document of a table that is open.
    pub(super) fn document_in<T: DeserializeOwned>(
        &self,
        documents: &impl ReadableTable<InRepository, &'static [u8]>,
        owner: Owner<'_>,
        name: &str,
    ) -> Result<Option<T>, Refusal> {
        let found = documents.get((self.key.as_str(), owner.key(), name))?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    /// Puts a document into a table that is open.
    pub(super) fn put_document_in(
        &self,
        documents: &mut Table<'_, InRepository, &'static [u8]>,
        owner: Owner<'_>,
        name: &str,
        document: &impl Serialize,
    ) -> Result<(), Refusal> {
        let key = (self.key.as_str(), owner.key(), name);
        documents.insert(key, encode(document)?.as_slice())?;
        Ok(())
    }

    /// Removes what is known of an image: every document whose name ends in its digest.
    pub(super) fn remove_documents_of(
        &self,
        write: &WriteTransaction,
        repository: &RepositoryName,
        digest: &str,
    ) -> Result<(), Refusal> {
        let (registry, repository) = (self.key.as_str(), repository.as_str());
        let of_image = |name: &str| name.strip_suffix(digest).is_some_and(|kind| kind.ends_with('/'));
        write.open_table(DOCUMENTS)?.retain_in(
            (registry, repository, "")..(registry, repository, "\u{10ffff}"),
            |key, _| !of_image(key.2),
        )?;
        Ok(())
    }

    /// Puts a document in place of what was there.
    pub(crate) fn put_document<T: Serialize + DeserializeOwned + Clone>(
        &self,
        owner: Owner<'_>,
        name: &str,
        document: T,
    ) -> Result<(), Refusal> {
        self.change_document(owner, name, |_: Option<T>| Ok(Some(document)))
            .map(drop)
    }
}
