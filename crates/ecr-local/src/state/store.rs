//! The state of a registry on disk: blobs as files named by their digest, everything else in one database.
//!
//! A blob's file is synced and in place before the database knows of it, and a database transaction is synced
//! when it returns. So what was acknowledged is there after a kill, and nothing is half-visible; what a kill
//! leaves behind is swept at the next start.

mod alias;
mod blobs;
mod commits;
mod copies;
mod database;
mod deletion;
mod documents;
mod images;
mod layers;
mod paging;
mod pushes;
mod registry;
mod repositories;
mod schema;
mod storage_class;

pub(crate) use alias::Alias;
pub(crate) use blobs::PartialBlob;
pub(crate) use copies::Source;
pub use database::error_of_panic;
pub(crate) use database::{Store, describe};
pub(crate) use deletion::Deletion;
pub(crate) use documents::Owner;
pub(crate) use images::{ImageDetail, PULLED};
pub(crate) use paging::Page;
pub(crate) use pushes::{ImagePush, RepeatedPush};
pub(crate) use registry::Registry;
pub(crate) use repositories::{Encryption, ExclusionFilter, MutabilitySetting, NewRepository, Repository};
pub(crate) use storage_class::{ImageStatus, Storage, StorageClass};
