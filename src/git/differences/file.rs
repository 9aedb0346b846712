//! One file of the commit, compared with what is on disk.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::bstr::BStr;
use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
use gix::index::entry::{Flags, Stat, stat};
use gix::objs::tree::{EntryKind, EntryMode};

use tagship_domain::facts::DifferenceCause;

/// What is known of a file without reading it.
pub(super) enum Comparison {
    /// It is what the commit has.
    Same,
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

    /// Compares `file` with what the commit has in its place. `known` is what the index says of it.
    ///
    /// A file is not read when the index has the commit's content for it and it has not been touched since; that it
    /// was touched in the same moment as the index cannot be seen from times.
    /// Source: git, `Documentation/technical/racy-git.txt`.
    pub(super) fn compare(
        &self,
        index: &gix::index::State,
        known: Option<&gix::index::Entry>,
        file: &Path,
        (mode, id): (EntryMode, gix::ObjectId),
    ) -> gix::Result<Comparison> {
        let metadata = match file.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if is_absent(&error) => {
                return Ok(Comparison::Differs(of_flags(known, DifferenceCause::Missing)));
            }
            Err(error) => return Err(gix::Error::from_error(error)),
        };
        let modified = of_flags(known, DifferenceCause::Modified);
        if !self.has_kind(&metadata, mode) {
            return Ok(Comparison::Differs(modified));
        }
        if let Some(known) = known
            && known.id == id
            && self.is_untouched(known, index, file)
        {
            return Ok(Comparison::Same);
        }
        Ok(Comparison::Unsure(modified))
    }

    fn has_kind(&self, metadata: &Metadata, mode: EntryMode) -> bool {
        let is_executable = metadata.permissions().mode() & 0o100 != 0;
        match mode.kind() {
            EntryKind::Link => metadata.is_symlink(),
            EntryKind::Blob => metadata.is_file() && !(self.has_modes && is_executable),
            EntryKind::BlobExecutable => metadata.is_file() && (!self.has_modes || is_executable),
            EntryKind::Tree | EntryKind::Commit => false,
        }
    }

    fn is_untouched(&self, known: &gix::index::Entry, index: &gix::index::State, file: &Path) -> bool {
        let now = gix::index::fs::Metadata::from_path_no_follow(file)
            .ok()
            .and_then(|metadata| Stat::from_fs(&metadata).ok());
        !known.stat.is_racy(index.timestamp(), self.stat)
            && now.is_some_and(|now| known.stat.matches(&now, self.stat))
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
