//! The repository, or a submodule of it: what its commit has, and what it ignores.

use std::ffi::OsStr;
use std::io;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt as _;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use gix::bstr::{BStr, BString};
use gix::objs::tree::EntryMode;
use gix::worktree::stack::state::{attributes, ignore};

use super::file::{CommittedFile, Comparison, FileComparison, content};
use tagship_domain::facts::DifferenceCause;

/// The fewest files that another thread is worth.
const FILES_PER_THREAD: usize = 1_000;

/// A repository whose files the build reads.
pub(super) struct Part {
    pub(super) repository: gix::Repository,
    /// The commit's tree.
    pub(super) tree: gix::ObjectId,
    /// Without links.
    pub(super) workdir: PathBuf,
    /// Where it lies in the outermost repository.
    place: BString,
    index: gix::index::State,
    ignored: gix::worktree::Stack,
    files: FileComparison,
    /// What the commit has of the files that the build reads.
    committed: Vec<CommittedFile>,
}

impl Part {
    pub(super) fn new(
        repository: gix::Repository,
        tree: gix::ObjectId,
        workdir: PathBuf,
        place: BString,
    ) -> gix::Result<Self> {
        // Without an index, every file is read. Its checksum is not looked at, as in git: nothing hangs on it that is not
        // compared with the commit's ids.
        let index = gix::index::File::at_or_default(
            repository.index_path(),
            repository.object_hash(),
            true,
            gix::index::decode::Options::default(),
        )?;
        let index = gix::index::State::from(index);
        let source = ignore::Source::WorktreeThenIdMappingIfNotSkipped;
        let ignored = repository.excludes(&index, None, source)?.detach();
        Ok(Self {
            files: FileComparison::of(&repository)?,
            repository,
            tree,
            workdir,
            place,
            index,
            ignored,
            committed: Vec::new(),
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

    /// Takes a file of the commit that the build reads.
    pub(super) fn add(&mut self, path: &BStr, mode: EntryMode, id: gix::ObjectId) {
        if let Some(path) = self.within(path).map(ToOwned::to_owned) {
            self.committed.push(CommittedFile { path, mode, id });
        }
    }

    /// Compares all files of the commit that were taken with what is on disk; gives those that differ, as the outermost
    /// repository has them.
    pub(super) fn differences(&self) -> gix::Result<Vec<(BString, DifferenceCause)>> {
        let mut differ = Vec::new();
        let mut unsure = Vec::new();
        for (file, comparison) in self.compared().map_err(gix::Error::from_error)? {
            match comparison {
                Comparison::Differs(cause) => differ.push((file, cause)),
                Comparison::Unsure(cause) => unsure.push((file, cause)),
            }
        }
        differ.append(&mut self.read(unsure)?);
        let outermost = |file: &CommittedFile| super::joined(self.place.as_ref(), file.path.as_ref());
        Ok(differ
            .into_iter()
            .map(|(file, cause)| (outermost(file), cause))
            .collect())
    }

    /// Compares the files on every core, without reading them.
    fn compared(&self) -> io::Result<Vec<(&CommittedFile, Comparison)>> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = (self.committed.len() / FILES_PER_THREAD).clamp(1, cores);
        let share = self.committed.len().div_ceil(threads).max(1);
        let (first, rest) = self.committed.split_at(share.min(self.committed.len()));
        let (files, index, workdir) = (&self.files, &self.index, self.workdir.as_path());
        thread::scope(|scope| {
            let others: Vec<_> = rest
                .chunks(share)
                .map(|share| scope.spawn(move || files.compare(index, workdir, share)))
                .collect();
            let mut found = files.compare(index, workdir, first)?;
            for other in others {
                found.append(&mut other.join().unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            Ok(found)
        })
    }

    /// Reads files that cannot be judged without; gives those that differ.
    fn read<'f>(
        &self,
        unsure: Vec<(&'f CommittedFile, DifferenceCause)>,
    ) -> gix::Result<Vec<(&'f CommittedFile, DifferenceCause)>> {
        let mut differ = Vec::new();
        if unsure.is_empty() {
            return Ok(differ);
        }
        let source = attributes::Source::WorktreeThenIdMapping;
        let attributes = self.repository.attributes_only(&self.index, source)?.detach();
        let mut filters = gix::filter::Pipeline::new(&self.repository, attributes)?;
        for (file, cause) in unsure {
            let place = self.on_disk(file.path.as_ref());
            let path = file.path.as_ref();
            if content(&mut filters, &self.index, path, &place, file.id.kind())? != file.id {
                differ.push((file, cause));
            }
        }
        Ok(differ)
    }

    /// Whether a file on disk that the commit does not have is not left to its user by what git ignores.
    pub(super) fn is_foreign(&mut self, path: &BStr, is_binding: bool) -> gix::Result<bool> {
        let Some(within) = self.within(path) else {
            return Ok(false);
        };
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
