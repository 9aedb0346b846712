//! The repository, or a submodule of it: what its commit has, and what it ignores.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use gix::bstr::{BStr, BString};
use gix::objs::tree::EntryMode;
use gix::worktree::stack::state::ignore::Source;

use super::file::{Comparison, FileComparison, content};
use tagship_domain::facts::DifferenceCause;

/// A repository whose files the build reads.
pub(super) struct Part {
    pub(super) repository: gix::Repository,
    /// The commit's tree.
    pub(super) tree: gix::ObjectId,
    /// Without links.
    pub(super) workdir: PathBuf,
    /// Where it lies in the outermost repository.
    place: BString,
    /// The paths of the commit that were compared, in the outermost repository.
    pub(super) committed: HashSet<BString>,
    index: gix::index::State,
    ignored: gix::worktree::Stack,
    files: FileComparison,
    /// The files whose content has to be read, with the commit's content and what it means when they differ.
    unsure: Vec<(BString, gix::ObjectId, DifferenceCause)>,
}

impl Part {
    pub(super) fn new(
        repository: gix::Repository,
        tree: gix::ObjectId,
        workdir: PathBuf,
        place: BString,
    ) -> gix::Result<Self> {
        // An index that cannot be read spares nothing: then every file is read.
        let index = match repository.open_index() {
            Ok(index) => gix::index::State::from(index),
            Err(_) => gix::index::State::new(repository.object_hash()),
        };
        let source = Source::WorktreeThenIdMappingIfNotSkipped;
        let ignored = repository.excludes(&index, None, source)?.detach();
        Ok(Self {
            files: FileComparison::of(&repository)?,
            repository,
            tree,
            workdir,
            place,
            committed: HashSet::new(),
            index,
            ignored,
            unsure: Vec::new(),
        })
    }

    /// Whether a path of the outermost repository lies in this one.
    pub(super) fn holds(&self, path: &BStr) -> bool {
        self.within(path).is_some()
    }

    /// The path in this repository.
    fn within<'p>(&self, path: &'p BStr) -> Option<&'p BStr> {
        if self.place.is_empty() {
            return Some(path);
        }
        let rest = path.strip_prefix(self.place.as_slice())?;
        rest.strip_prefix(b"/").map(BStr::new)
    }

    /// Where a path of this repository is.
    fn on_disk(&self, within: &BStr) -> PathBuf {
        self.workdir.join(OsStr::from_bytes(within))
    }

    /// Why a file of the commit is not on disk as the commit has it, as far as that is seen without reading it.
    pub(super) fn compare(
        &mut self,
        path: &BStr,
        mode: EntryMode,
        id: gix::ObjectId,
    ) -> gix::Result<Option<DifferenceCause>> {
        let Some(within) = self.within(path).map(ToOwned::to_owned) else {
            return Ok(None);
        };
        let file = self.on_disk(within.as_ref());
        let known = self.index.entry_by_path(within.as_ref());
        Ok(match self.files.compare(&self.index, known, &file, (mode, id))? {
            Comparison::Same => None,
            Comparison::Differs(cause) => Some(cause),
            Comparison::Unsure(cause) => {
                self.unsure.push((within, id, cause));
                None
            }
        })
    }

    /// Reads the files that could not be judged without; gives those that differ, as the outermost repository has them.
    pub(super) fn read_unsure(&self) -> gix::Result<Vec<(BString, DifferenceCause)>> {
        let mut differ = Vec::new();
        if self.unsure.is_empty() {
            return Ok(differ);
        }
        let (mut filters, _) = self.repository.filter_pipeline(None)?;
        for (within, id, cause) in &self.unsure {
            let file = self.on_disk(within.as_ref());
            if content(&mut filters, &self.index, within.as_ref(), &file, id.kind())? != *id {
                differ.push((super::joined(self.place.as_ref(), within.as_ref()), *cause));
            }
        }
        Ok(differ)
    }

    /// Whether a file on disk is neither in the commit nor left to its user by what git ignores.
    pub(super) fn is_foreign(&mut self, path: &BStr, is_binding: bool) -> gix::Result<bool> {
        let Some(within) = self.within(path) else {
            return Ok(false);
        };
        if self.committed.contains(path) {
            return Ok(false);
        }
        if is_binding || self.index.entry_by_path(within).is_some() {
            return Ok(true);
        }
        let mode = Some(gix::index::entry::Mode::FILE);
        let platform = self
            .ignored
            .at_entry(within, mode, &self.repository.objects)
            .map_err(gix::Error::from_error)?;
        Ok(!platform.is_excluded())
    }

    /// The submodule at `path`, or why it is not what the commit says.
    pub(super) fn submodule(
        &self,
        path: &BStr,
        commit: gix::ObjectId,
    ) -> gix::Result<Result<Self, DifferenceCause>> {
        let Some(within) = self.within(path) else {
            return Ok(Err(DifferenceCause::SubmoduleMissing));
        };
        let folder = self.on_disk(within);
        if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(Err(DifferenceCause::SubmoduleMissing));
        }
        let options = gix::open::Options::default().permissions(crate::git::permissions());
        let Ok(repository) = gix::open_opts(&folder, options) else {
            return Ok(Err(DifferenceCause::SubmoduleMissing));
        };
        let head = match repository.head_id() {
            Ok(head) => head.detach(),
            Err(_) => return Ok(Err(DifferenceCause::SubmoduleMissing)),
        };
        if head != commit {
            return Ok(Err(DifferenceCause::SubmoduleElsewhere));
        }
        let tree = repository.find_commit(head)?.tree_id()?.detach();
        Self::new(repository, tree, folder, path.to_owned()).map(Ok)
    }
}
