//! What a build reads that is not what the commit says.
//!
//! The commit's trees are asked, and not the index: its flags (`skip-worktree`, `assume-unchanged`) and what a sparse
//! index leaves out say nothing of what is on disk. The index only spares reading files that have not been touched.
//!
//! 1. Every path of the commit that the build would read has to be on disk as the commit has it.
//! 2. A submodule that the build reads has to be checked out at its commit; its own files are judged in the same way.
//! 3. Every file that the build reads has to be in the commit, or be ignored by git.
//! 4. The Dockerfile and the ignore file have to be in the commit even so.

mod context;
mod file;
mod part;

use std::collections::BTreeMap;
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryMode;

use self::context::ContextFiles;
use self::part::Part;
use super::{GixCheckout, failure, shown};
use crate::ports::{BuildInputs, GitError};
use tagship_domain::facts::{Difference, DifferenceCause};

/// What differs from the commit.
#[derive(Debug, Default)]
pub struct Differences {
    /// The first paths, sorted, relative to the repository's root.
    pub first: Vec<Difference>,
    /// How many paths differ.
    pub count: usize,
}

/// The most paths that are listed.
const TOLD: usize = 10;

/// Paths relative to the repository's root, and why each differs.
type FoundDifferences = BTreeMap<BString, DifferenceCause>;

impl GixCheckout {
    /// Compares what a build reads with the commit at HEAD of the repository of the workspace, or else of the first
    /// context.
    pub fn differences(&self, inputs: &[&dyn BuildInputs]) -> Result<Differences, GitError> {
        let context = inputs.first().map_or(Path::new(""), |main| main.context());
        let repository = self.open(context)?;
        let path = shown(repository.git_dir());
        let Some(workdir) = repository.workdir().map(real) else {
            return Err(GitError::Bare { path });
        };
        let found = TreeComparison::of(repository, workdir)
            .and_then(|judge| judge.all(inputs))
            .map_err(|error| failure::unreadable(path, &error))?;
        let difference = |(path, cause): (&BString, &DifferenceCause)| Difference {
            path: printable(path.as_ref()),
            cause: *cause,
        };
        Ok(Differences {
            first: found.iter().take(TOLD).map(difference).collect(),
            count: found.len(),
        })
    }
}

impl GixCheckout {
    /// Returns the place of `path` in the repository of the workspace, or else of `context`; what lies elsewhere has the
    /// place that it has on this machine.
    pub fn place_in(&self, context: &Path, path: &Path) -> Result<Vec<u8>, GitError> {
        let repository = self.open_unless_given(context)?;
        let workdir = match &repository {
            Some(repository) => repository.workdir(),
            None => Some(self.workspace.as_path()),
        };
        let place = workdir.and_then(|workdir| place_in(workdir, path));
        Ok(place.map_or_else(|| path.as_os_str().as_bytes().to_vec(), Vec::from))
    }
}

/// A comparison that goes on.
struct TreeComparison {
    /// The repository and the submodules that were entered, the outer ones first.
    parts: Vec<Part>,
    found: FoundDifferences,
}

impl TreeComparison {
    fn of(repository: gix::Repository, workdir: PathBuf) -> gix::Result<Self> {
        let tree = repository.head_commit()?.tree_id()?.detach();
        Ok(Self {
            parts: vec![Part::new(repository, tree, workdir, BString::default())?],
            found: FoundDifferences::new(),
        })
    }

    fn all(mut self, inputs: &[&dyn BuildInputs]) -> gix::Result<FoundDifferences> {
        let root = self.root().to_owned();
        for inputs in inputs {
            match relative(&root, inputs.context()) {
                Some(context) => self.context(context.as_ref(), *inputs)?,
                None => self.outside(inputs.context()),
            }
            for file in inputs.beside() {
                self.beside(&root, file)?;
            }
        }
        for part in &self.parts {
            for (path, cause) in part.differences()? {
                self.found.entry(path).or_insert(cause);
            }
        }
        Ok(self.found)
    }

    fn root(&self) -> &Path {
        self.parts.first().map_or(Path::new(""), |part| &part.workdir)
    }

    fn outside(&mut self, path: &Path) {
        if path.symlink_metadata().is_ok() {
            let path = BString::from(path.as_os_str().as_bytes());
            self.found.insert(path, DifferenceCause::OutsideRepository);
        }
    }

    fn differs(&mut self, path: &BStr, cause: DifferenceCause) {
        self.found.entry(path.to_owned()).or_insert(cause);
    }

    /// Compares the context folder, which lies at `context` in the repository.
    fn context(&mut self, context: &BStr, inputs: &dyn BuildInputs) -> gix::Result<()> {
        let mut files = ContextFiles::new(inputs, context);
        if let Some((part, tree)) = self.folder(context)? {
            self.tree(part, tree, &mut context.to_owned(), &mut files)?;
        }
        for path in files.uncommitted() {
            self.present(joined(context, path).as_ref(), false)?;
        }
        Ok(())
    }

    /// Returns the part and the tree that hold the folder at `path`; enters submodules on the way.
    fn folder(&mut self, path: &BStr) -> gix::Result<Option<(usize, gix::ObjectId)>> {
        let mut part = 0;
        let mut tree = self.tree_of(part);
        let mut at = BString::default();
        for name in path.split_str("/").filter(|name| !name.is_empty()) {
            at = joined(at.as_ref(), BStr::new(name));
            let Some(folder) = tree else { return Ok(None) };
            let entry = self.entry(part, folder, BStr::new(name))?;
            tree = match entry {
                Some((mode, id)) if mode.is_tree() => Some(id),
                Some((mode, id)) if mode.is_commit() => {
                    let Some(entered) = self.enter(part, at.as_ref(), id)? else {
                        return Ok(None);
                    };
                    part = entered;
                    self.tree_of(part)
                }
                _ => return Ok(None),
            };
        }
        Ok(tree.map(|tree| (part, tree)))
    }

    fn tree_of(&self, part: usize) -> Option<gix::ObjectId> {
        self.parts.get(part).map(|part| part.tree)
    }

    fn entry(
        &self,
        part: usize,
        tree: gix::ObjectId,
        name: &BStr,
    ) -> gix::Result<Option<(EntryMode, gix::ObjectId)>> {
        let Some(part) = self.parts.get(part) else {
            return Ok(None);
        };
        let tree = part.repository.find_tree(tree)?;
        let entry = tree.find_entry(name.to_owned());
        Ok(entry.map(|entry| (entry.mode(), entry.object_id())))
    }

    /// Takes everything in the tree at `path` that the build reads.
    fn tree(
        &mut self,
        part: usize,
        tree: gix::ObjectId,
        path: &mut BString,
        files: &mut ContextFiles<'_>,
    ) -> gix::Result<()> {
        let Some(repository) = self.parts.get(part).map(|part| &part.repository) else {
            return Ok(());
        };
        let data = mem::take(&mut repository.find_tree(tree)?.data);
        let length = path.len();
        for entry in TreeRefIter::from_bytes(&data, tree.kind()) {
            let entry = entry?;
            let id = entry.oid.to_owned();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(entry.filename);
            if entry.mode.is_tree() {
                if files.looks_in(path.as_ref()) {
                    self.tree(part, id, path, files)?;
                }
            } else if entry.mode.is_commit() {
                if files.looks_in(path.as_ref())
                    && let Some(entered) = self.enter(part, path.as_ref(), id)?
                    && let Some(tree) = self.tree_of(entered)
                {
                    self.tree(entered, tree, path, files)?;
                }
            } else if files.takes(path.as_ref()) {
                self.file(part, path.as_ref(), entry.mode, id);
            }
            path.truncate(length);
        }
        Ok(())
    }

    /// Takes one file of the commit, which is compared with what is on disk.
    fn file(&mut self, part: usize, path: &BStr, mode: EntryMode, id: gix::ObjectId) {
        if let Some(part) = self.parts.get_mut(part) {
            part.add(path, mode, id);
        }
    }

    /// Enters the submodule at `path`, which the commit has at `commit`.
    fn enter(&mut self, part: usize, path: &BStr, commit: gix::ObjectId) -> gix::Result<Option<usize>> {
        let entered = match self.parts.get(part) {
            Some(part) => part.submodule(path, commit)?,
            None => return Ok(None),
        };
        match entered {
            Ok(part) => {
                self.parts.push(part);
                Ok(Some(self.parts.len() - 1))
            }
            Err(cause) => {
                self.differs(path, cause);
                Ok(None)
            }
        }
    }

    /// Judges a file on disk that the commit may lack. What git ignores is its user's word, unless that is `binding`.
    fn present(&mut self, path: &BStr, is_binding: bool) -> gix::Result<()> {
        let part = self.parts.iter_mut().rev().find(|part| part.holds(path));
        if let Some(part) = part
            && part.is_foreign(path, is_binding)?
        {
            self.differs(path, DifferenceCause::NotInCommit);
        }
        Ok(())
    }

    /// Compares a file that is read whatever the ignore file says, and what it is a link to.
    fn beside(&mut self, root: &Path, file: &Path) -> gix::Result<()> {
        let target = file.canonicalize().ok().filter(|target| target != file);
        for file in std::iter::once(file.to_owned()).chain(target) {
            let Some(path) = relative(root, &file) else {
                self.outside(&file);
                continue;
            };
            let (folder, name) = match path.rsplit_once_str("/") {
                Some((folder, name)) => (BStr::new(folder), BStr::new(name)),
                None => (BStr::new(""), path.as_ref()),
            };
            let entry = match self.folder(folder)? {
                Some((part, tree)) => self.entry(part, tree, name)?.map(|entry| (part, entry)),
                None => None,
            };
            match entry {
                Some((part, (mode, id))) if mode.is_blob_or_symlink() => {
                    self.file(part, path.as_ref(), mode, id);
                }
                _ if file.symlink_metadata().is_ok() => self.present(path.as_ref(), true)?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn joined(folder: &BStr, name: &BStr) -> BString {
    let mut path = folder.to_owned();
    if !path.is_empty() && !name.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// A path relative to the root, both without links but in the last part; `None` if it lies elsewhere.
fn relative(root: &Path, path: &Path) -> Option<BString> {
    let parent = path.parent().map(real);
    let path = match (parent, path.file_name()) {
        (Some(parent), Some(name)) if !path.is_dir() => parent.join(name),
        _ => real(path),
    };
    let relative = path.strip_prefix(root).ok()?;
    Some(BString::from(relative.as_os_str().as_bytes()))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A path relative to the root; `None` if it lies elsewhere.
pub(super) fn place_in(workdir: &Path, path: &Path) -> Option<BString> {
    relative(&real(workdir), path)
}

/// File names are hostile.
fn printable(path: &BStr) -> String {
    path.to_str_lossy()
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
