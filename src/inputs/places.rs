//! Where the context and the Dockerfile are.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::entries::stays;
use super::paths::Paths;
use super::problem::Problems;
use super::raw::InputText;
use super::standard_input::{self, DASH};
use super::{Face, RawInputs};
use crate::settings::{GitAddress, GitContext};
use tagship_domain::untrusted::cleaned;

/// Where the context and the Dockerfile are; absolute.
#[derive(Debug)]
pub(super) struct BuildPlaces {
    /// The folder.
    pub(super) context: PathBuf,
    /// The file.
    pub(super) dockerfile: PathBuf,
    /// The folder of what came from standard input.
    pub(super) read: Option<Arc<TempDir>>,
    /// The repository elsewhere that the paths begin in.
    pub(super) git: Option<GitContext>,
}

/// Reads `context` and `file`, and what stands in their place on standard input.
pub(super) fn read(raw: &RawInputs, paths: &Paths, problems: &mut Problems) -> Option<BuildPlaces> {
    let context_text = raw.text("context", problems)?;
    let file = raw.text("file", problems);
    let is_dash = |value: &InputText| value.text == DASH;
    if is_dash(&context_text) {
        if file.as_ref().is_some_and(is_dash) {
            let message = "`-` stands for standard input, which `file` is to be read from too";
            return problems.add(
                &context_text.origin,
                message,
                "give one of them as a path".to_owned(),
            );
        }
        return of_archive(raw, &context_text, file, problems);
    }
    if GitAddress::is_address(&context_text.text) {
        return of_repository(&context_text, file, raw.face(), problems);
    }
    let stays_there =
        |value: &InputText, path: &Path, problems: &mut Problems| stays(raw, value, path, paths, problems);
    let folder = stays_there(&context_text, &paths.resolve(&context_text.text), problems)
        .then(|| context(&context_text, paths, problems))
        .flatten();
    let (dockerfile, read) = match file {
        Some(value) if is_dash(&value) => {
            let read = standard_input::dockerfile(&value, raw.face(), problems)?;
            (read.dockerfile(), Some(read))
        }
        Some(value) => {
            let path = paths.resolve(&value.text);
            let may = stays_there(&value, &path, problems);
            (may.then(|| dockerfile(&value, path, problems)).flatten()?, None)
        }
        None => {
            let path = folder.as_ref()?.join("Dockerfile");
            (dockerfile(&context_text, path, problems)?, None)
        }
    };
    Some(BuildPlaces {
        context: folder?,
        dockerfile,
        read: read.map(|read| read.0),
        git: None,
    })
}

/// The context is a folder of a repository elsewhere, which is fetched when the run begins.
fn of_repository(
    value: &InputText,
    file: Option<InputText>,
    face: Face,
    problems: &mut Problems,
) -> Option<BuildPlaces> {
    let hint = "an address is `https://HOST/PATH.git#REF:FOLDER`".to_owned();
    let address = problems.check(&value.origin, GitAddress::parse(&value.text), Some(hint))?;
    if address.has_secret() {
        let message = "the address holds a password or token, which lists of processes and histories show";
        let hint = "leave it out; what opens the repository is a secret: `secret-envs: GIT_AUTH_TOKEN=TOKEN`";
        return problems.add(&value.origin, message, hint.to_owned());
    }
    let folder = PathBuf::from(&address.folder);
    let (dockerfile, read) = match file {
        Some(file) if file.text == DASH => {
            let read = standard_input::dockerfile(&file, face, problems)?;
            (read.dockerfile(), Some(read.0))
        }
        Some(file) => {
            let path = Path::new(&file.text);
            let stays = path
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !stays {
                let message = format!(
                    "Dockerfile `{}` lies outside of the repository",
                    cleaned(&file.text)
                );
                let hint = "give its path from the context's folder on".to_owned();
                return problems.add(&file.origin, message, hint);
            }
            (folder.join(path), None)
        }
        None => (folder.join("Dockerfile"), None),
    };
    Some(BuildPlaces {
        context: folder,
        dockerfile,
        read,
        git: Some(GitContext {
            address,
            fetched: None,
        }),
    })
}

/// The context is an archive on standard input, or empty.
fn of_archive(
    raw: &RawInputs,
    value: &InputText,
    file: Option<InputText>,
    problems: &mut Problems,
) -> Option<BuildPlaces> {
    let read = standard_input::context(value, raw.face(), problems)?;
    let context = read.context()?;
    let path = match file {
        None if read.dockerfile().exists() => read.dockerfile(),
        None => dockerfile(value, context.join("Dockerfile"), problems)?,
        Some(file) => dockerfile(&file, context.join(&file.text), problems)?,
    };
    // An archive may be a stranger's: its links lead nowhere else.
    if !path
        .canonicalize()
        .is_ok_and(|real| real.starts_with(read.0.path().canonicalize().unwrap_or_default()))
    {
        let message = "the Dockerfile of the archive on standard input lies outside of it";
        return problems.add(&value.origin, message, None);
    }
    Some(BuildPlaces {
        context,
        dockerfile: path,
        read: Some(read.0),
        git: None,
    })
}

/// The context folder, with links followed, so that the Dockerfile's place in it follows from the path alone.
fn context(value: &InputText, paths: &Paths, problems: &mut Problems) -> Option<PathBuf> {
    let path = paths.resolve(&value.text);
    match fs::canonicalize(&path) {
        Ok(folder) if folder.is_dir() => Some(folder),
        Ok(_) => problems.add(
            &value.origin,
            format!("context `{}` is not a folder", path.display()),
            "give the folder, and the Dockerfile with `file`".to_owned(),
        ),
        Err(error) => problems.add(
            &value.origin,
            format!("context `{}` cannot be read: {}", path.display(), reason(&error)),
            "give a folder relative to the workspace".to_owned(),
        ),
    }
}

fn dockerfile(value: &InputText, path: PathBuf, problems: &mut Problems) -> Option<PathBuf> {
    let shown_path = path.display().to_string();
    let hint = || "name the Dockerfile with `file`, relative to the workspace".to_owned();
    // The last part may be a link on purpose; the folders before it are followed, as those of the context are.
    let path = match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path,
    };
    let readable = fs::metadata(&path).and_then(|metadata| {
        if metadata.is_file() {
            fs::File::open(&path).map(|_| true)
        } else {
            Ok(false)
        }
    });
    match readable {
        Ok(true) => Some(path),
        Ok(false) => problems.add(
            &value.origin,
            format!("Dockerfile `{shown_path}` is not a file"),
            hint(),
        ),
        Err(error) => problems.add(
            &value.origin,
            format!("Dockerfile `{shown_path}` cannot be read: {}", reason(&error)),
            hint(),
        ),
    }
}

/// The operating system's words, in the form of a message.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission is denied".to_owned(),
        std::io::ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        _ => error.to_string(),
    }
}
