//! gix's errors in the seam's words.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::ports::GitError;
use tagship_domain::error::{cleaned, innermost};

/// Returns the error with gix's outermost words, which say what was tried, and its innermost, which say what was wrong.
///
/// A repository of a kind that the library does not read is named as such, whatever it fails with.
pub(super) fn unreadable(path: String, error: &gix::Error) -> GitError {
    if let Some((kind, way_out)) = unsupported(Path::new(&path)) {
        return GitError::Unsupported { path, kind, way_out };
    }
    let tried = cleaned(&error.to_string());
    let wrong = innermost(error);
    let message = if tried.contains(&wrong) {
        tried
    } else {
        format!("{tried}: {wrong}")
    };
    GitError::Unreadable { path, message }
}

/// The kinds of repositories that are not read: how their settings say it, what they are, and what to do.
///
/// Source: git, `gitrepository-layout(5)`, `git-config(1)`, "extensions", "`remote.<name>.promisor`".
const UNSUPPORTED: [(&str, &str, &str); 3] = [
    (
        "objectformat=sha256",
        "a repository with SHA-256 ids",
        "publish from a repository with SHA-1 ids, as every forge hosts it",
    ),
    (
        "refstorage=reftable",
        "a repository with reftables",
        "turn it back to files: `git refs migrate --ref-format=files`",
    ),
    (
        "promisor=true",
        "a partial clone that lacks what is needed here",
        "clone without `--filter` (in a job, leave out `filter` of `actions/checkout`), or fetch the rest: `git fetch --refetch --no-filter`",
    ),
];

/// What the repository at `path`, or that `path` lies in, is, if it is not read.
fn unsupported(path: &Path) -> Option<(&'static str, &'static str)> {
    const MOST: u64 = 1024 * 1024;
    let settings = path.ancestors().find_map(|folder| {
        let files = [folder.join("config"), folder.join(".git/config")];
        let is_git = folder.join("HEAD").is_file() || folder.join(".git").is_dir();
        files.into_iter().find(|file| is_git && file.is_file())
    })?;
    let mut text = String::new();
    File::open(settings)
        .ok()?
        .take(MOST)
        .read_to_string(&mut text)
        .ok()?;
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            line.chars()
                .filter(|c| !c.is_whitespace())
                .collect::<String>()
                .to_ascii_lowercase()
        })
        .collect();
    UNSUPPORTED
        .iter()
        .find(|(setting, ..)| lines.iter().any(|line| line == setting))
        .map(|(_, kind, way_out)| (*kind, *way_out))
}
