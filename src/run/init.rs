//! Sets a repository up: shows the files that it needs, and writes those that are not there. Nothing is overwritten.

use std::borrow::Cow;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Outcome;
use super::iam::{IamError, TrustRequest};
use crate::settings::TargetSettings;
use tagship_domain::error::{Diagnose, FailureKind};
use tagship_domain::repositories::RegistryKind;
use tagship_domain::setup::{RoleName, Setup, SetupFile, SetupTool};

/// What is to be set up.
#[derive(Debug, Clone)]
pub struct InitRequest {
    /// Where the images go.
    pub targets: TargetSettings,
    /// The role's name.
    pub role: RoleName,
    /// Which jobs it trusts.
    pub trust: TrustRequest,
    /// What creates it.
    pub tool: SetupTool,
    /// A folder of the checkout; absolute.
    pub workspace: PathBuf,
}

/// Why nothing is set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// No policy can be made.
    #[error(transparent)]
    Iam(#[from] IamError),
    /// An image goes to ECR Public, whose repositories are declared.
    #[error("an image goes to ECR Public, and a setup is for private repositories")]
    Public,
    /// Files are there, and say something else.
    #[error("{} is there already, with other content; nothing was written", files.join(", "))]
    Taken {
        /// The files, in backticks.
        files: Vec<String>,
    },
    /// A file cannot be written.
    #[error("`{file}` cannot be written: {source}")]
    Unwritable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Diagnose for InitError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Iam(error) => error.kind(),
            Self::Public => FailureKind::Usage,
            Self::Taken { .. } | Self::Unwritable { .. } => FailureKind::Operation,
        }
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Iam(error) => error.hint(),
            Self::Public => Some(
                "`tagship repo apply` makes the repository, and `tagship iam` prints what the role needs"
                    .into(),
            ),
            Self::Taken { .. } => {
                Some("take what you need from the text above, or move the file away and run again".into())
            }
            Self::Unwritable { .. } => None,
        }
    }
}

/// The files of a setup, and which of them are still to be written.
#[derive(Debug, Clone)]
pub struct PreparedSetup {
    root: PathBuf,
    files: Vec<(SetupFile, FileState)>,
    creation: Vec<String>,
}

/// What is at a file's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    Missing,
    /// The same, or the user's own inputs.
    Kept,
    Other,
}

/// Makes the files, and looks which are there. Writes nothing.
pub fn prepare_setup(request: InitRequest) -> Result<PreparedSetup, InitError> {
    let trust = request.trust.trust(&request.targets)?;
    let repositories = request.targets.repositories;
    if repositories
        .iter()
        .any(|one| one.place.kind == RegistryKind::Public)
    {
        return Err(InitError::Public);
    }
    let setup = Setup {
        repositories,
        role: request.role,
        trust,
        tool: request.tool,
        in_use: request.targets.in_use,
        images: request.targets.images,
    };
    let root = root_of(&request.workspace);
    let files = setup
        .files()
        .into_iter()
        .map(|file| {
            let state = state(&root, &file);
            (file, state)
        })
        .collect();
    Ok(PreparedSetup {
        root,
        files,
        creation: setup.creation(),
    })
}

/// The repository's root: where workflows and `tagship.yaml` belong.
fn root_of(workspace: &Path) -> PathBuf {
    let root = workspace.ancestors().find(|folder| folder.join(".git").exists());
    root.unwrap_or(workspace).to_owned()
}

fn state(root: &Path, file: &SetupFile) -> FileState {
    let path = root.join(&file.path);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
        // The inputs that the setup was made from.
        Ok(_) if file.path == "tagship.yaml" => FileState::Kept,
        Ok(found) if found.is_file() && found.len() == file.content.len() as u64 => match fs::read(&path) {
            Ok(content) if content == file.content.as_bytes() => FileState::Kept,
            _ => FileState::Other,
        },
        _ => FileState::Other,
    }
}

impl PreparedSetup {
    /// Returns the files with their content, as a person reads them.
    pub fn shown(&self) -> String {
        let files = self.files.iter().map(|(file, state)| {
            let state = match state {
                FileState::Missing => "new",
                FileState::Kept => "is there",
                FileState::Other => "is there, with other content",
            };
            let content: String = file.content.lines().map(|line| format!("    {line}\n")).collect();
            format!("{} ({state})\n{content}", file.path)
        });
        files.collect::<Vec<_>>().join("\n")
    }

    /// Returns how many files are still to be written.
    pub fn missing(&self) -> usize {
        self.files
            .iter()
            .filter(|(_, state)| *state == FileState::Missing)
            .count()
    }

    /// Returns what is shown of a setup that is not written.
    pub fn unwritten(&self) -> Outcome {
        Outcome {
            text: self.shown(),
            closing: "nothing was written; `--yes` writes the new files\n".to_owned(),
            json: self.data(false),
            ..Outcome::default()
        }
    }

    /// Writes the files that are missing; none where another is in the way.
    pub fn write(&self) -> Result<Outcome, InitError> {
        let of_state = |state| self.files.iter().filter(move |(_, found)| *found == state);
        let taken: Vec<String> = of_state(FileState::Other)
            .map(|(file, _)| format!("`{}`", file.path))
            .collect();
        if !taken.is_empty() {
            return Err(InitError::Taken { files: taken });
        }
        let mut lines = String::new();
        for (file, _) in of_state(FileState::Missing) {
            self.write_one(file).map_err(|source| InitError::Unwritable {
                file: file.path.clone(),
                source,
            })?;
            lines.push_str(&format!("{}\n", file.path));
        }
        Ok(Outcome {
            text: lines,
            closing: self.next_steps(),
            json: self.data(true),
            ..Outcome::default()
        })
    }

    fn next_steps(&self) -> String {
        let commands = self.creation.iter().map(|command| format!("       {command}\n"));
        format!(
            "
next:
  1. create the role and the repositories in AWS:
{}  2. commit the files, and push
  3. `tagship doctor` finds what is still missing
",
            commands.collect::<String>()
        )
    }

    fn write_one(&self, file: &SetupFile) -> io::Result<()> {
        let path = self.root.join(&file.path);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).create(folder)?;
        }
        let mode = if file.is_executable { 0o755 } else { 0o644 };
        // What came there since is not overwritten either.
        let mut options = OpenOptions::new();
        let mut written = options.write(true).create_new(true).mode(mode).open(path)?;
        written.write_all(file.content.as_bytes())
    }

    fn data(&self, is_written: bool) -> serde_json::Value {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(file, state)| {
                json!({
                    "path": file.path,
                    "content": file.content,
                    "executable": file.is_executable,
                    "new": *state == FileState::Missing,
                })
            })
            .collect();
        json!({"files": files, "written": is_written})
    }
}
