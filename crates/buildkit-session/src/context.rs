//! The files that a build may read: a folder, walked in BuildKit's order, without what its patterns leave out.

mod entry;
mod follow;
mod inputs;
mod walk;

use std::path::{Path, PathBuf};

pub(crate) use entry::ContextFile;
pub use inputs::ContextInputs;
pub(crate) use walk::walk;

use super::dockerignore::{InvalidPattern, PatternList, clean};
use crate::error::Error;
use tagship_domain::error::cleaned;

/// A folder that is sent.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Without symbolic links.
    root: PathBuf,
    /// The only paths that anyone gets, whatever is asked for; all when absent.
    only: Option<Vec<String>>,
}

impl Folder {
    /// The build context.
    pub fn context(path: &Path) -> Result<Self, Error> {
        let unusable = |error: &std::io::Error| Error::Context {
            path: path.to_owned(),
            problem: problem(error),
        };
        let root = path.canonicalize().map_err(|error| unusable(&error))?;
        std::fs::read_dir(&root).map_err(|error| unusable(&error))?;
        Ok(Self { root, only: None })
    }

    /// The folder of the Dockerfile. Only the Dockerfile and its own ignore file are sent from it: a frontend that a
    /// `# syntax=` line names is foreign code, and has no business with the Dockerfile's neighbours.
    pub fn dockerfile(path: &Path) -> Result<(Self, String), Error> {
        let unusable = |problem: String| Error::Dockerfile {
            path: path.to_owned(),
            problem,
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let (Some(name), Some(folder)) = (name, path.parent()) else {
            return Err(unusable("it is not a path of a file in UTF-8".to_owned()));
        };
        let file = path.canonicalize().map_err(|error| unusable(problem(&error)))?;
        let root = folder.canonicalize().map_err(|error| unusable(problem(&error)))?;
        if !file.is_file() {
            return Err(unusable("it is not a file".to_owned()));
        }
        std::fs::File::open(&file).map_err(|error| unusable(problem(&error)))?;
        if !file.starts_with(&root) {
            return Err(unusable(
                "it is a symbolic link that leads out of its folder".to_owned(),
            ));
        }
        let only = vec![name.to_owned(), format!("{name}.dockerignore")];
        Ok((
            Self {
                root,
                only: Some(only),
            },
            name.to_owned(),
        ))
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What of the folder one request gets.
    pub(crate) fn select(&self, wanted: &FolderRequest) -> Result<Selection, ContextError> {
        let followed = |paths: &[String]| follow::follow(&self.root, paths);
        let (include, exclude) = if let Some(only) = &self.only {
            (followed(only)?.unwrap_or_default(), Vec::new())
        } else {
            let mut include = wanted.include.clone();
            if !wanted.follow.is_empty() {
                match followed(&wanted.follow)? {
                    Some(paths) => {
                        include =
                            follow::without_nested(include.into_iter().chain(paths)).unwrap_or_default();
                    }
                    // The folder itself is followed to.
                    None => include.clear(),
                }
            }
            (include, wanted.exclude.clone())
        };
        let list = |patterns: Vec<String>| match patterns.as_slice() {
            [] => Ok(None),
            patterns => PatternList::parse(patterns.iter().map(String::as_str)).map(Some),
        };
        Ok(Selection {
            include: list(include)?,
            exclude: list(exclude)?,
        })
    }
}

/// What a request asks of a folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct FolderRequest {
    /// Patterns, of which a path must match one; any path will do when empty.
    pub(crate) include: Vec<String>,
    /// Patterns that a path must not match.
    pub(crate) exclude: Vec<String>,
    /// Paths that are wanted, together with what their symbolic links lead to.
    pub(crate) follow: Vec<String>,
}

/// What of a folder is sent.
#[derive(Debug)]
pub(crate) struct Selection {
    include: Option<PatternList>,
    exclude: Option<PatternList>,
}

/// Why a context cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// A path cannot be read or sent.
    #[error("`{path}`: {problem}")]
    Path {
        /// Within the context.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// A pattern is wrong.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// The rest is not wanted.
    #[error("the build was cancelled")]
    Cancelled,
}

impl ContextError {
    fn at(path: &str, error: &std::io::Error) -> Self {
        Self::Path {
            path: path.to_owned(),
            problem: problem(error),
        }
    }
}

/// What an error of the file system means, in few words.
pub(crate) fn problem(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        std::io::ErrorKind::NotADirectory => "it is not a folder".to_owned(),
        _ => cleaned(&error.to_string()),
    }
}

#[cfg(test)]
mod tests;
