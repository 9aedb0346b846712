//! One file of the commit, compared with what is on disk.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::bstr::{BStr, BString};
use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
use gix::index::entry::{Flags, Stat, stat};
use gix::objs::tree::{EntryKind, EntryMode};

use tagship_domain::facts::DifferenceCause;

/// A file of the commit that the build reads.
pub(super) struct CommittedFile {
    /// In its own repository.
    pub(super) path: BString,
    pub(super) mode: EntryMode,
    pub(super) id: gix::ObjectId,
}

/// What is known, without reading it, of a file that is not known to be what the commit has.
pub(super) enum Comparison {
    /// It is not.
    Differs(DifferenceCause),
    /// Its content decides.
    Unsure(DifferenceCause),
}

/// How files are compared in one repository.
pub(super) struct FileComparison {
    stat: stat::Options,
    /// Whether the executable bit counts.
    has_modes: bool,
}

impl FileComparison {
    pub(super) fn of(repository: &gix::Repository) -> gix::Result<Self> {
        Ok(Self {
            stat: repository.stat_options()?,
            has_modes: repository.filesystem_options()?.executable_bit,
        })
    }

    /// Compares `files` below `workdir`, which come in the order of the index, with what is on disk; gives those that are not
    /// known to be the same.
    pub(super) fn compare<'f>(
        &self,
        index: &gix::index::State,
        workdir: &Path,
        files: &'f [CommittedFile],
    ) -> io::Result<Vec<(&'f CommittedFile, Comparison)>> {
        let mut entries = IndexEntries { index, next: 0 };
        let mut found = Vec::new();
        for file in files {
            let known = entries.entry(file.path.as_ref());
            let place = workdir.join(OsStr::from_bytes(&file.path));
            let comparison = self.compare_one(index, known, file, &place)?;
            found.extend(comparison.map(|comparison| (file, comparison)));
        }
        Ok(found)
    }

    fn compare_one(
        &self,
        index: &gix::index::State,
        known: Option<&gix::index::Entry>,
        file: &CommittedFile,
        place: &Path,
    ) -> io::Result<Option<Comparison>> {
        let metadata = match place.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => {
                let cause = of_flags(known, DifferenceCause::Missing);
                return Ok(Some(Comparison::Differs(cause)));
            }
            Err(error) => return Err(error),
        };
        let modified = of_flags(known, DifferenceCause::Modified);
        if !self.has_kind(&metadata, file.mode) {
            return Ok(Some(Comparison::Differs(modified)));
        }
        let is_untouched =
            known.is_some_and(|known| known.id == file.id && self.is_untouched(known, index, &metadata));
        Ok((!is_untouched).then_some(Comparison::Unsure(modified)))
    }

    fn has_kind(&self, metadata: &Metadata, mode: EntryMode) -> bool {
        let is_executable = metadata.mode() & 0o100 != 0;
        match mode.kind() {
            EntryKind::Link => metadata.is_symlink(),
            EntryKind::Blob => metadata.is_file() && !(self.has_modes && is_executable),
            EntryKind::BlobExecutable => metadata.is_file() && (!self.has_modes || is_executable),
            EntryKind::Tree | EntryKind::Commit => false,
        }
    }

    /// Whether the index, which has the commit's content for the file, has seen the file as it is now. Then it need not be
    /// read.
    ///
    /// That it was touched in the same moment as the index cannot be seen from times. A moment is as short as the
    /// index's times: what git writes has nanoseconds, so that a checkout which took less than a second is not read again.
    /// Source: git, `Documentation/technical/racy-git.txt`.
    fn is_untouched(
        &self,
        known: &gix::index::Entry,
        index: &gix::index::State,
        metadata: &Metadata,
    ) -> bool {
        let options = stat::Options {
            use_nsec: known.stat.mtime.nsecs != 0,
            ..self.stat
        };
        !known.stat.is_racy(index.timestamp(), options) && known.stat.matches(&stat_of(metadata), options)
    }
}

/// The entries of an index, looked up in their order.
struct IndexEntries<'i> {
    index: &'i gix::index::State,
    /// Where the next entry is expected.
    next: usize,
}

impl<'i> IndexEntries<'i> {
    fn entry(&mut self, path: &BStr) -> Option<&'i gix::index::Entry> {
        let index = self.index;
        let expected = index.entries().get(self.next);
        if let Some(entry) = expected.filter(|entry| entry.stage_raw() == 0 && entry.path(index) == path) {
            self.next += 1;
            return Some(entry);
        }
        self.next = match index.entry_index_by_path(path) {
            Ok(place) => place + 1,
            Err(place) => place,
        };
        index.entry_by_path(path)
    }
}

/// What the index keeps of a file: the low bits of each number.
/// Source: git, `Documentation/gitformat-index.txt`; `statinfo.c`, `fill_stat_data`.
fn stat_of(metadata: &Metadata) -> Stat {
    let low = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
    let time = |seconds: i64, nanoseconds: i64| stat::Time {
        secs: low(seconds.cast_unsigned()),
        nsecs: low(nanoseconds.cast_unsigned()),
    };
    Stat {
        mtime: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime: time(metadata.ctime(), metadata.ctime_nsec()),
        dev: low(metadata.dev()),
        ino: low(metadata.ino()),
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: low(metadata.size()),
    }
}

/// The id of the content of a file or link, as git would store it.
pub(super) fn content(
    filters: &mut gix::filter::Pipeline<'_>,
    index: &gix::index::State,
    path: &BStr,
    file: &Path,
    kind: gix::hash::Kind,
) -> gix::Result<gix::ObjectId> {
    let blob = gix::objs::Kind::Blob;
    let metadata = file.symlink_metadata().map_err(gix::Error::from_error)?;
    if metadata.is_symlink() {
        let target = fs::read_link(file).map_err(gix::Error::from_error)?;
        return gix::objs::compute_hash(kind, blob, target.as_os_str().as_bytes());
    }
    let open = File::open(file).map_err(gix::Error::from_error)?;
    match filters.convert_to_git(open, Path::new(OsStr::from_bytes(path)), index)? {
        ToGitOutcome::Unchanged(mut unchanged) => gix::objs::compute_stream_hash(
            kind,
            blob,
            &mut unchanged,
            metadata.len(),
            &mut gix::progress::Discard,
            &AtomicBool::new(false),
        ),
        ToGitOutcome::Buffer(bytes) => gix::objs::compute_hash(kind, blob, bytes),
        ToGitOutcome::Process(mut filtered) => {
            let mut bytes = Vec::new();
            filtered.read_to_end(&mut bytes).map_err(gix::Error::from_error)?;
            gix::objs::compute_hash(kind, blob, &bytes)
        }
    }
}

/// The cause, or the flag of the index that keeps git from seeing it.
fn of_flags(known: Option<&gix::index::Entry>, cause: DifferenceCause) -> DifferenceCause {
    let flags = known.map_or(Flags::empty(), |known| known.flags);
    if flags.contains(Flags::SKIP_WORKTREE) {
        DifferenceCause::SkipWorktree
    } else if flags.contains(Flags::ASSUME_VALID) {
        DifferenceCause::AssumeUnchanged
    } else {
        cause
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
