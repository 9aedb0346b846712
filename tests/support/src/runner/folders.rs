//! The folders and files that the runner makes for a job and for each of its steps.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::checkout::{RUNNER_USER, give_to};
use crate::unique;

/// The folders of a job, as on a hosted runner (`/home/runner/work`), removed when dropped.
#[derive(Debug)]
pub struct Folders {
    root: TempDir,
    repository: String,
}

impl Folders {
    /// Folders for a job of `repository` (`owner/name`), all owned by the runner's user.
    pub fn new(repository: &str, event: &Value) -> Self {
        let folders = Self {
            root: tempfile::tempdir().expect("a temporary folder can be made"),
            repository: repository.to_owned(),
        };
        for folder in [
            folders.home(),
            folders.workflow(),
            folders.file_commands(),
            folders.workspace(),
        ] {
            fs::create_dir_all(folder).expect("folders can be made");
        }
        fs::write(folders.workflow().join("event.json"), event.to_string()).expect("a file can be written");
        let searchable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folders.root.path(), searchable).expect("a mode can be set");
        give_to(folders.root.path(), RUNNER_USER);
        folders
    }

    /// `RUNNER_WORKSPACE`: the folder of the workspace.
    pub fn runner_workspace(&self) -> PathBuf {
        self.root.path().join(self.name())
    }

    /// The workspace.
    pub fn workspace(&self) -> PathBuf {
        self.runner_workspace().join(self.name())
    }

    /// The runner's temporary folder.
    pub fn temp(&self) -> PathBuf {
        self.root.path().join("_temp")
    }

    /// The home of container actions.
    pub fn home(&self) -> PathBuf {
        self.temp().join("_github_home")
    }

    /// The folder of `event.json`.
    pub fn workflow(&self) -> PathBuf {
        self.temp().join("_github_workflow")
    }

    /// The folder of the files that steps write.
    pub fn file_commands(&self) -> PathBuf {
        self.temp().join("_runner_file_commands")
    }

    /// What is mounted, and with it the order in which values are translated: on the host, in the container.
    pub fn mounts(&self) -> [(PathBuf, &'static str); 5] {
        [
            (self.workspace(), "/github/workspace"),
            (self.file_commands(), "/github/file_commands"),
            (self.workflow(), "/github/workflow"),
            (self.home(), "/github/home"),
            (self.temp(), "/github/runner_temp"),
        ]
    }

    /// A value as the container sees it: translated where it is, or starts with, a mounted folder's path.
    pub fn translate(&self, value: &str) -> String {
        for (host, container) in self.mounts() {
            let host = host.to_str().expect("the folder's path is text");
            if let Some(rest) = value.strip_prefix(host)
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return format!("{container}{rest}");
            }
        }
        value.to_owned()
    }

    /// Everything under the workspace and the temporary folder that does not belong to the runner's user.
    pub fn foreign_files(&self) -> Vec<PathBuf> {
        let mut foreign = Vec::new();
        collect_foreign(self.root.path(), &mut foreign);
        foreign
    }

    fn name(&self) -> &str {
        self.repository.rsplit('/').next().expect("a split has a part")
    }
}

fn collect_foreign(path: &Path, foreign: &mut Vec<PathBuf>) {
    let kind = fs::symlink_metadata(path).expect("the path exists");
    if kind.uid() != RUNNER_USER {
        foreign.push(path.to_owned());
    }
    if kind.is_dir() {
        for entry in fs::read_dir(path).expect("the folder can be read") {
            collect_foreign(&entry.expect("the entry can be read").path(), foreign);
        }
    }
}

/// The files of one step: the name of the variable without `GITHUB_`, in lower case, and the file's prefix.
const STEP_FILES: [(&str, &str); 7] = [
    ("path", "add_path_"),
    ("env", "set_env_"),
    ("step_summary", "step_summary_"),
    ("state", "save_state_"),
    ("output", "set_output_"),
    ("artifacts", "artifacts_"),
    ("artifacts_list", "artifacts_list_"),
];

/// The files that one step writes; made empty, 0644, owned by the runner's user.
#[derive(Debug)]
pub struct StepFiles {
    folder: PathBuf,
    suffix: String,
}

impl StepFiles {
    /// Makes them.
    pub fn new(folders: &Folders) -> Self {
        let files = Self {
            folder: folders.file_commands(),
            suffix: unique::uuid(),
        };
        for (_, path) in files.all() {
            fs::write(&path, "").expect("a file can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode can be set");
            give_to(&path, RUNNER_USER);
        }
        files
    }

    /// Each file's name in the `github` context with its path.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        STEP_FILES
            .iter()
            .map(|(name, prefix)| (*name, self.folder.join(format!("{prefix}{}", self.suffix))))
    }

    /// What a file holds.
    pub fn read(&self, name: &str) -> String {
        let (_, path) = self
            .all()
            .find(|(known, _)| *known == name)
            .expect("the file is one of the step's");
        String::from_utf8_lossy(&fs::read(path).expect("the file can be read")).into_owned()
    }
}
