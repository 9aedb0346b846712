//! A walk over what is selected of a folder.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;
use std::vec::IntoIter;

use super::entry::{ContextEntry, FirstNames, not_utf8, target};
use super::{ContextError, Selection};
use crate::dockerignore::{FolderMatches, InvalidPattern};

/// Gives what is selected below `root`, in the order of `visit`, as it is to be sent.
pub(crate) fn walk(
    root: &Path,
    selection: &Selection,
    mut take: impl FnMut(ContextEntry) -> Result<(), ContextError>,
) -> Result<(), ContextError> {
    let mut names = FirstNames::new();
    let context: Arc<Path> = Arc::from(root);
    visit(root, selection, |found| {
        match ContextEntry::read(found.path, found.source, &context, &mut names) {
            Ok(Some(entry)) => take(entry),
            Ok(None) => Ok(()),
            Err(_) if is_gone(found.source) => Ok(()),
            Err(error) => Err(error),
        }
    })
}

/// Gives the paths of what is selected below `root` and is sent, but folders, in the order of `visit`. Nothing but the names
/// in its folders is read.
pub(crate) fn paths(root: &Path, selection: &Selection) -> Result<Vec<String>, ContextError> {
    let mut paths = Vec::new();
    visit(root, selection, |found| {
        match found.kind {
            FoundKind::Folder | FoundKind::Socket => return Ok(()),
            FoundKind::Link => match target(found.path, found.source) {
                Ok(_) => {}
                Err(_) if is_gone(found.source) => return Ok(()),
                Err(error) => return Err(error),
            },
            FoundKind::Other => {}
        }
        paths.push(found.path.to_owned());
        Ok(())
    })?;
    Ok(paths)
}

/// Something that is selected.
struct Found<'a> {
    /// Within the context.
    path: &'a str,
    /// In the file system.
    source: &'a Path,
    kind: FoundKind,
}

/// What something is, as its folder says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FoundKind {
    Folder,
    Link,
    Socket,
    Other,
}

impl From<FileType> for FoundKind {
    fn from(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Folder
        } else if kind.is_symlink() {
            Self::Link
        } else if kind.is_socket() {
            Self::Socket
        } else {
            Self::Other
        }
    }
}

/// Gives what is selected below `root`: folders before what is in them, names in the order of their bytes.
///
/// A folder is not looked into when nothing in it can be selected. A folder that is left out itself is given when
/// something in it is not.
/// Source: tonistiigi/fsutil, `filterFS.Walk`.
fn visit(
    root: &Path,
    selection: &Selection,
    mut take: impl FnMut(Found<'_>) -> Result<(), ContextError>,
) -> Result<(), ContextError> {
    let mut place = FilePlace::of(root);
    let children = children(root).map_err(|error| ContextError::at(".", &error))?;
    let mut folders = vec![OpenFolder {
        length: place.path.len(),
        given: true,
        matches: None,
        children,
    }];
    while let Some(folder) = folders.last_mut() {
        place.path.truncate(folder.length);
        let Some((name, kind)) = folder.children.next() else {
            folders.pop();
            continue;
        };
        place.enter(&name);
        let is_folder = kind == FoundKind::Folder;
        let judgement = selection.judge(&place.text(), is_folder, folder.matches.as_ref())?;
        if judgement.selected {
            for folder in folders.iter_mut().filter(|folder| !folder.given) {
                folder.given = true;
                take(place.found(folder.length, FoundKind::Folder)?)?;
            }
            take(place.found(place.path.len(), kind)?)?;
        }
        if is_folder && judgement.look_inside {
            match self::children(place.source()) {
                Ok(children) => folders.push(OpenFolder {
                    length: place.path.len(),
                    given: judgement.selected,
                    matches: Some(judgement.matches),
                    children,
                }),
                // What is left out need not be readable, and what is gone is not part of the context.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !judgement.selected => {}
                Err(error) => return Err(ContextError::at(&place.text(), &error)),
            }
        }
    }
    Ok(())
}

fn is_gone(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A folder whose children are being given.
struct OpenFolder {
    /// The bytes of its path in the file system.
    length: usize,
    /// Whether the folder itself was given.
    given: bool,
    /// Nothing for the root, which no pattern matches.
    matches: Option<Matches>,
    children: IntoIter<(OsString, FoundKind)>,
}

/// Names and kinds, in the order of the names' bytes.
fn children(folder: &Path) -> io::Result<IntoIter<(OsString, FoundKind)>> {
    let mut children = std::fs::read_dir(folder)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?.into()))))
        .collect::<io::Result<Vec<(OsString, FoundKind)>>>()?;
    children.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(children.into_iter())
}

/// Where the walk is: one path that grows and shrinks with it.
struct FilePlace {
    /// In the file system.
    path: Vec<u8>,
    /// Where the part within the context begins.
    begin: usize,
}

impl FilePlace {
    fn of(root: &Path) -> Self {
        let path = root.as_os_str().as_bytes().to_vec();
        let begin = path.len() + usize::from(!path.ends_with(b"/"));
        Self { path, begin }
    }

    fn enter(&mut self, name: &OsStr) {
        if !self.path.ends_with(b"/") {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name.as_bytes());
    }

    fn source(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// As patterns see it: approximately, where a name is not UTF-8.
    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.path.get(self.begin..).unwrap_or_default())
    }

    /// What lies at the first `length` bytes of the path.
    fn found(&self, length: usize, kind: FoundKind) -> Result<Found<'_>, ContextError> {
        let path = self.path.get(self.begin..length).unwrap_or_default();
        Ok(Found {
            path: std::str::from_utf8(path).map_err(|_invalid| not_utf8(&String::from_utf8_lossy(path)))?,
            source: Path::new(OsStr::from_bytes(self.path.get(..length).unwrap_or_default())),
            kind,
        })
    }
}

/// Which patterns matched a folder.
#[derive(Default)]
struct Matches {
    include: FolderMatches,
    exclude: FolderMatches,
}

struct PathDecision {
    selected: bool,
    /// Whether something in it, if it is a folder, may be selected.
    look_inside: bool,
    matches: Matches,
}

impl PathDecision {
    fn everything() -> Self {
        Self {
            selected: true,
            look_inside: true,
            matches: Matches::default(),
        }
    }
}

impl Selection {
    /// Whether a file at `path` is selected, be it there or not.
    pub(crate) fn takes(&self, path: &str) -> bool {
        self.judged(path, false)
            .is_some_and(|judgement| judgement.selected)
    }

    /// Whether something in `folder` may be selected.
    pub(crate) fn looks_in(&self, folder: &str) -> bool {
        folder.is_empty()
            || self
                .judged(folder, true)
                .is_some_and(|judgement| judgement.look_inside)
    }

    /// As a walk would judge `path`; `None` where it would not look. A pattern that cannot be read selects everything.
    fn judged(&self, path: &str, is_folder: bool) -> Option<PathDecision> {
        let mut above: Option<Matches> = None;
        for (end, _) in path.match_indices('/') {
            let folder = path.get(..end)?;
            match self.judge(folder, true, above.as_ref()) {
                Ok(judgement) if judgement.look_inside => above = Some(judgement.matches),
                Ok(_) => return None,
                Err(_) => return Some(PathDecision::everything()),
            }
        }
        let judged = self.judge(path, is_folder, above.as_ref());
        Some(judged.unwrap_or_else(|_| PathDecision::everything()))
    }

    fn judge(
        &self,
        path: &str,
        is_folder: bool,
        above: Option<&Matches>,
    ) -> Result<PathDecision, InvalidPattern> {
        let mut judgement = PathDecision::everything();
        if let Some(include) = &self.include {
            let (matched, by) = include.matches(path, above.map(|above| &above.include))?;
            judgement.matches.include = by;
            if !matched {
                judgement.selected = false;
                judgement.look_inside = is_folder && include.may_match_in(path);
                if !judgement.look_inside {
                    return Ok(judgement);
                }
            }
        }
        if let Some(exclude) = &self.exclude {
            let (matched, by) = exclude.matches(path, above.map(|above| &above.exclude))?;
            judgement.matches.exclude = by;
            if matched {
                judgement.selected = false;
                judgement.look_inside = is_folder && exclude.may_except_in(path);
            }
        }
        Ok(judgement)
    }
}
