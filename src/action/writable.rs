//! A file that the runner names, opened for appending.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::PathBuf;

use super::ActionFileError;
use crate::regular_file::NOT_WAITING;

/// A file that the runner names in a variable.
#[derive(Debug, Clone)]
pub(super) struct RunnerFile {
    pub(super) variable: &'static str,
    pub(super) path: PathBuf,
}

impl RunnerFile {
    pub(super) fn check(&self) -> Result<(), ActionFileError> {
        self.open().map(|_| ()).map_err(|source| self.unwritable(source))
    }

    /// Appends the text in one write.
    pub(super) fn append(&self, text: &str) -> Result<(), ActionFileError> {
        self.open()
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|source| self.unwritable(source))
    }

    /// The bytes that the file has already.
    pub(super) fn size(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Opens the file, and makes it for the owner of its folder when it is missing.
    ///
    /// The action runs as root, the runner does not: a file of root's in its folders would break later jobs.
    fn open(&self) -> io::Result<File> {
        // A pipe that is not read refuses at once.
        let existing = OpenOptions::new()
            .append(true)
            .custom_flags(NOT_WAITING)
            .open(&self.path);
        match existing {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o644)
            .open(&self.path)?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.metadata()?,
            _ => return Ok(file),
        };
        let made = file.metadata()?;
        let is_root = made.uid() == 0;
        if is_root && (made.uid(), made.gid()) != (folder.uid(), folder.gid()) {
            fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
        }
        Ok(file)
    }

    fn unwritable(&self, source: io::Error) -> ActionFileError {
        ActionFileError::Unwritable {
            variable: self.variable,
            path: self.path.display().to_string(),
            source,
        }
    }
}
