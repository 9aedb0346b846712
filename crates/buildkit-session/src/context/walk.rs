//! A walk over what is selected of a folder.

use std::ffi::OsString;
use std::fs::FileType;
use std::io;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use super::entry::{ContextEntry, FirstNames, utf8};
use super::{ContextError, Selection};
use crate::dockerignore::{FolderMatches, InvalidPattern};

/// Gives what is selected below `root`: folders before what is in them, names in the order of their bytes.
///
/// A folder is not looked into when nothing in it can be selected. A folder that is left out itself is given when
/// something in it is not.
/// Source: tonistiigi/fsutil, `filterFS.Walk`.
pub(crate) fn walk(
    root: &Path,
    selection: &Selection,
    mut take: impl FnMut(ContextEntry) -> Result<(), ContextError>,
) -> Result<(), ContextError> {
    let mut names = FirstNames::new();
    let children = children(root).map_err(|error| ContextError::at(".", &error))?;
    let mut folders = vec![OpenFolder {
        place: FilePlace {
            relative: OsString::new(),
            source: root.to_owned(),
        },
        given: true,
        matches: None,
        children,
    }];
    while let Some(folder) = folders.last_mut() {
        let Some((name, kind)) = folder.children.next() else {
            folders.pop();
            continue;
        };
        let place = folder.place.child(&name);
        let judgement = selection.judge(&place.text(), kind.is_dir(), folder.matches.as_ref())?;
        if judgement.selected {
            for folder in folders.iter_mut().filter(|folder| !folder.given) {
                folder.given = true;
                give(&folder.place, &mut names, &mut take)?;
            }
            give(&place, &mut names, &mut take)?;
        }
        if kind.is_dir() && judgement.look_inside {
            match self::children(&place.source) {
                Ok(children) => folders.push(OpenFolder {
                    place,
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

fn give(
    place: &FilePlace,
    names: &mut FirstNames,
    take: &mut impl FnMut(ContextEntry) -> Result<(), ContextError>,
) -> Result<(), ContextError> {
    let path = utf8(&place.text(), place.relative.clone().into_string())?;
    match ContextEntry::read(&path, place.source.clone(), names) {
        Ok(Some(entry)) => take(entry),
        Ok(None) => Ok(()),
        Err(_) if is_gone(&place.source) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_gone(path: &Path) -> bool {
    path.symlink_metadata()
        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// A folder whose children are being given.
struct OpenFolder {
    place: FilePlace,
    /// Whether the folder itself was given.
    given: bool,
    /// Nothing for the root, which no pattern matches.
    matches: Option<Matches>,
    children: IntoIter<(OsString, FileType)>,
}

/// Names and kinds, in the order of the names' bytes.
fn children(folder: &Path) -> io::Result<IntoIter<(OsString, FileType)>> {
    let mut children = std::fs::read_dir(folder)?
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))))
        .collect::<io::Result<Vec<_>>>()?;
    children.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(children.into_iter())
}

/// Where something is.
struct FilePlace {
    /// Within the context; nothing for its root.
    relative: OsString,
    /// In the file system.
    source: PathBuf,
}

impl FilePlace {
    fn child(&self, name: &OsString) -> Self {
        let mut relative = self.relative.clone();
        if !relative.is_empty() {
            relative.push("/");
        }
        relative.push(name);
        Self {
            relative,
            source: self.source.join(name),
        }
    }

    /// As patterns see it: approximately, where a name is not UTF-8.
    fn text(&self) -> String {
        self.relative.to_string_lossy().into_owned()
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
