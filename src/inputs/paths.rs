//! Paths as users write them, in the forms that exist inside and outside the action's container.

use std::cell::RefCell;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{Environment, Face, workspace};

/// Where the runner mounts the workspace in a container action. Source: actions/runner, `ContainerActionHandler`.
const CONTAINER_WORKSPACE: &str = "/github/workspace";
/// What all mounts of a container action begin with. Source: as above.
const CONTAINER_MOUNTS: &str = "/github";
/// Where the runner mounts its work folder in a job container. Source: actions/runner, `ContainerInfo`.
const JOB_CONTAINER_WORK: &str = "/__w";

/// Turns paths into absolute ones, and says which it had to map.
#[derive(Debug)]
pub(super) struct Paths {
    workspace: PathBuf,
    /// Folders of the runner's host and of job containers, and what they are here; the more specific first.
    mapped: Vec<(PathBuf, PathBuf)>,
    notes: RefCell<Vec<String>>,
}

impl Paths {
    pub(super) fn new(face: Face, environment: &Environment) -> Self {
        let workspace = workspace(face, environment);
        let mapped = match face {
            Face::Action => foreign_folders(&workspace, environment),
            Face::Command => Vec::new(),
        };
        Self {
            workspace,
            mapped,
            notes: RefCell::default(),
        }
    }

    /// The absolute path; relative ones begin in the workspace.
    ///
    /// The runner translates only variables that are a host path as a whole; a path in a second line, or from
    /// `${{ github.workspace }}` in a job with a container, arrives as it is on another machine.
    pub(super) fn resolve(&self, text: &str) -> PathBuf {
        let path = Path::new(text);
        for (foreign, here) in &self.mapped {
            if let Ok(rest) = path.strip_prefix(foreign) {
                let mapped = join(here, rest);
                if mapped != path {
                    self.note(format!("`{text}` is `{}` in this container", mapped.display()));
                }
                return mapped;
            }
        }
        join(&self.workspace, path)
    }

    /// Whether the path leads to a place in the workspace, with links followed as far as it exists.
    pub(super) fn is_within(&self, path: &Path) -> bool {
        let Ok(workspace) = self.workspace.canonicalize() else {
            return false;
        };
        let path = self.resolve(&path.to_string_lossy());
        // What does not exist leads nowhere, but what it would be in does.
        let real = path.ancestors().find_map(|folder| folder.canonicalize().ok());
        let climbs = path.components().any(|part| part == Component::ParentDir) && !path.exists();
        !climbs && real.is_some_and(|real| real.starts_with(&workspace))
    }

    /// Whether the path is none of what the action's container is given.
    pub(super) fn is_of_host(&self, path: &str) -> bool {
        let path = self.resolve(path);
        let mut given = self.mapped.iter().map(|(_, here)| here.as_path());
        !path.starts_with(CONTAINER_MOUNTS) && !given.any(|here| path.starts_with(here)) && !path.exists()
    }

    /// Whether the path is written as one in the workspace, and links lead it out; also of a file that is yet to be written.
    pub(super) fn is_led_out(&self, path: &Path) -> bool {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        path.starts_with(&self.workspace) && (path.exists() || !climbs) && !self.is_within(path)
    }

    fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes.into_inner()
    }
}

/// Joins without the `.` parts that only make messages longer, and without folders that do not exist and are left again at once:
/// no link leads elsewhere from there, and they are not made.
fn join(base: &Path, path: &Path) -> PathBuf {
    let mut joined = PathBuf::new();
    for part in base.join(path).components() {
        if part == Component::ParentDir && is_absent(&joined) {
            joined.pop();
        } else {
            joined.push(part);
        }
    }
    joined
}

fn is_absent(path: &Path) -> bool {
    let there = path.symlink_metadata();
    there.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// What other mounts call the workspace and the temporary folder.
fn foreign_folders(workspace: &Path, environment: &Environment) -> Vec<(PathBuf, PathBuf)> {
    let mut folders = Vec::new();
    let temporary = environment
        .get("RUNNER_TEMP")
        .map(PathBuf::from)
        .filter(|folder| folder.is_dir());
    if let Some(host) = environment.get("RUNNER_WORKSPACE").map(PathBuf::from) {
        if let Some(name) = host.file_name() {
            // The runner names both folders after the repository: `<work>/<name>/<name>`.
            folders.push((host.join(name), workspace.to_owned()));
            folders.push((
                Path::new(JOB_CONTAINER_WORK).join(name).join(name),
                workspace.to_owned(),
            ));
        }
        if let (Some(work), Some(temporary)) = (host.parent(), &temporary) {
            folders.push((work.join("_temp"), temporary.clone()));
        }
    }
    if let Some((_, name)) = environment
        .get("GITHUB_REPOSITORY")
        .and_then(|repository| repository.split_once('/'))
    {
        folders.push((
            Path::new(JOB_CONTAINER_WORK).join(name).join(name),
            workspace.to_owned(),
        ));
    }
    if let Some(temporary) = temporary {
        folders.push((Path::new(JOB_CONTAINER_WORK).join("_temp"), temporary));
    }
    folders.push((PathBuf::from(CONTAINER_WORKSPACE), workspace.to_owned()));
    folders
}
