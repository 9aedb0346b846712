//! The data folder: locked by the process that serves it.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::private_files;
use crate::error::LocalError;

/// Locked while a process serves the folder.
const LOCK_FILE: &str = "lock";

/// The folder, for as long as this process serves it.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// The lock ends with the file's handle, also when the process is killed.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is missing, and locks it.
    pub(crate) fn lock(path: &Path) -> Result<Self, LocalError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(LocalError::data(path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = private_files::open(&lock_path).map_err(LocalError::data(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(LocalError::Locked {
                path: path.to_owned(),
                endpoint: None,
            }),
            Err(TryLockError::Error(source)) => Err(LocalError::Data {
                path: lock_path,
                source,
            }),
        }
    }

    /// Where the folder is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
