//! The process's environment and current folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::config;
use tagship_domain::event::{CiJob, CiSystem};
use tagship_domain::tags::Mode;

/// The process's environment and current folder, read once.
///
/// An empty variable is as good as unset: the runner sets every input that a workflow leaves out to the empty text.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    not_utf8: BTreeSet<String>,
    working_directory: PathBuf,
    /// The folder above the current one that `tagship.yaml` lies in.
    project: Option<PathBuf>,
}

impl Environment {
    /// Takes variables, and the folder that relative paths begin in; absolute.
    pub fn new(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        working_directory: PathBuf,
    ) -> Self {
        let mut environment = Self {
            working_directory,
            ..Self::default()
        };
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) if value.is_empty() => {}
                Ok(value) => {
                    environment.variables.insert(name, value);
                }
                Err(_) => {
                    environment.not_utf8.insert(name);
                }
            }
        }
        environment
    }

    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "here everybody else gets it from")]
    pub fn of_process() -> io::Result<Self> {
        Ok(Self::new(std::env::vars_os(), std::env::current_dir()?).within_project())
    }

    /// The same, with the folder above that has a `tagship.yaml`, where the current one has none: up to the root of the git
    /// repository.
    ///
    /// Outside of a repository no other folder counts: `/tmp` may hold any file of any user.
    #[must_use]
    pub fn within_project(mut self) -> Self {
        let here = &self.working_directory;
        let has_file = |folder: &&Path| folder.join(config::FILE_NAME).is_file();
        let root = here.ancestors().find(|folder| folder.join(".git").exists());
        self.project = root
            .filter(|_| !has_file(&here.as_path()))
            .and_then(|root| {
                let mut above = here.ancestors().skip(1);
                above.find(|folder| folder.starts_with(root) && has_file(folder))
            })
            .map(Path::to_owned);
        self
    }

    /// The same, with paths that begin in the current folder, whatever lies above.
    #[must_use]
    pub fn without_project(mut self) -> Self {
        self.project = None;
        self
    }

    /// The folder above the current one that `tagship.yaml` lies in, where relative paths then begin; absolute.
    pub fn project(&self) -> Option<&Path> {
        self.project.as_deref()
    }

    /// The value of a variable that is set, not empty and UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The names that begin so, of variables that are set.
    pub(super) fn names<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.variables.keys().map(String::as_str);
        names.filter(move |name| name.starts_with(prefix))
    }

    /// Whether the variable is set to what is not UTF-8.
    pub fn is_not_utf8(&self, name: &str) -> bool {
        self.not_utf8.contains(name)
    }

    /// The current folder; absolute.
    pub fn working_directory(&self) -> &Path {
        &self.working_directory
    }

    /// Whether the process runs in a GitHub Actions job. Source: GitHub docs, "Variables reference".
    pub fn in_actions(&self) -> bool {
        self.get("GITHUB_ACTIONS") == Some("true")
    }

    /// The other CI system that the process runs a job of.
    pub fn other_ci(&self) -> Option<CiSystem> {
        (!self.in_actions())
            .then(|| CiSystem::detect(&|name| self.get(name)))
            .flatten()
    }

    /// What the CI system calls this run.
    pub fn run_id(&self) -> Option<&str> {
        match self.other_ci() {
            Some(system) => self.get(system.run_id()),
            None => self.get("GITHUB_RUN_ID").filter(|_| self.in_actions()),
        }
    }

    /// The job of another CI system than GitHub Actions, if the process runs in one.
    pub fn other_job(&self) -> Option<CiJob> {
        self.other_ci().map(|system| system.job(&|name| self.get(name)))
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("working_directory", &self.working_directory)
            .finish_non_exhaustive()
    }
}

/// What `docker/metadata-action` reads from variables of its own; they count only where its results are wanted.
#[derive(Debug, Default)]
pub struct ActionVariables {
    /// `DOCKER_METADATA_PR_HEAD_SHA`: whether a pull request is named by its own last commit.
    pub head_of_pull_request: bool,
    /// `DOCKER_METADATA_SHORT_SHA_LENGTH`: how many digits a short commit id has.
    pub short_digits: Option<usize>,
}

/// The variable of this name is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number")]
pub struct NoNumber(pub &'static str);

impl ActionVariables {
    /// Reads the variables, if `mode` is the compatible one.
    pub fn read(environment: &Environment, mode: Mode) -> Result<Self, NoNumber> {
        const SHORT_LENGTH: &str = "DOCKER_METADATA_SHORT_SHA_LENGTH";
        let get = |name| environment.get(name).filter(|_| mode == Mode::MetadataAction);
        let length = get(SHORT_LENGTH).map(|length| length.trim().parse());
        Ok(Self {
            head_of_pull_request: get("DOCKER_METADATA_PR_HEAD_SHA")
                .is_some_and(|value| value.to_ascii_lowercase().contains("true")),
            short_digits: length.transpose().map_err(|_no_number| NoNumber(SHORT_LENGTH))?,
        })
    }
}
