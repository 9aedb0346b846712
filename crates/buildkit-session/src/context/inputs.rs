//! What a build reads: the context after its ignore file, and the files that are read whatever that says.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::walk::paths;
use super::{Folder, FolderRequest, Selection, problem};
use crate::dockerignore::patterns_of;
use crate::error::Error;

/// A context and a Dockerfile, as the frontend reads them.
#[derive(Debug)]
pub struct ContextInputs {
    context: PathBuf,
    beside: Vec<PathBuf>,
    selection: Selection,
    present: Vec<String>,
}

impl ContextInputs {
    /// The most bytes of an ignore file; nothing sensible comes near.
    const MAX_IGNORE_FILE: u64 = 4 * 1024 * 1024;

    /// Reads the ignore file, and lists what the build would be sent.
    ///
    /// The Dockerfile's own ignore file, `<name>.dockerignore` beside it, stands in place of the context's.
    /// Source: Dockerfile reference, ".dockerignore file"; BuildKit, `frontend/dockerui`, `Client.dockerIgnorePatterns`.
    pub fn read(context: &Path, dockerfile: &Path) -> Result<Self, Error> {
        let folder = Folder::context(context)?;
        let mut own = dockerfile.as_os_str().to_owned();
        own.push(".dockerignore");
        let own = PathBuf::from(own);
        let shared = folder.root().join(".dockerignore");
        let mut beside = vec![dockerfile.to_owned(), own.clone()];
        if own.is_file() {
            return Self::of(&folder, &own, beside);
        }
        beside.push(shared.clone());
        Self::of(&folder, &shared, beside)
    }

    /// Reads a context beside the main one, which has an ignore file of its own.
    /// Source: BuildKit, `frontend/dockerui/namedcontext.go`.
    pub fn named(context: &Path) -> Result<Self, Error> {
        let folder = Folder::context(context)?;
        let ignore_file = folder.root().join(".dockerignore");
        Self::of(&folder, &ignore_file, vec![ignore_file.clone()])
    }

    fn of(folder: &Folder, ignore_file: &Path, beside: Vec<PathBuf>) -> Result<Self, Error> {
        let unreadable = |problem: String| Error::IgnoreFile {
            path: ignore_file.to_owned(),
            problem,
        };
        let exclude = match ignored(ignore_file) {
            Ok(exclude) => exclude,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(unreadable(problem(&error))),
        };
        let wanted = FolderRequest {
            exclude,
            ..FolderRequest::default()
        };
        let selection = folder
            .select(&wanted)
            .map_err(|error| unreadable(error.to_string()))?;
        let present = paths(folder.root(), &selection).map_err(|error| Error::Context {
            path: folder.root().to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            context: folder.root().to_owned(),
            beside,
            selection,
            present,
        })
    }
}

fn ignored(file: &Path) -> io::Result<Vec<String>> {
    // A pipe would be waited for.
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    let mut text = Vec::new();
    File::open(file)?
        .take(ContextInputs::MAX_IGNORE_FILE)
        .read_to_end(&mut text)?;
    Ok(patterns_of(&String::from_utf8_lossy(&text)))
}

impl ContextInputs {
    /// Returns the context's folder, without symbolic links.
    pub fn context(&self) -> &Path {
        &self.context
    }

    /// Returns the files that are read whatever the ignore file says: the Dockerfile and the ignore files.
    pub fn beside(&self) -> &[PathBuf] {
        &self.beside
    }

    /// Returns the paths that the build would be sent, from the context on.
    pub fn present(&self) -> &[String] {
        &self.present
    }

    /// Whether the build would read a file of this path, from the context on.
    pub fn reads(&self, path: &str) -> bool {
        self.selection.takes(path)
    }

    /// Whether the build would read anything in a folder of this path, from the context on.
    pub fn reads_in(&self, folder: &str) -> bool {
        self.selection.looks_in(folder)
    }
}
