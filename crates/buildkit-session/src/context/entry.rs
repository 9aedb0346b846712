//! One entry of a context, as BuildKit's file sync describes it.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

use bollard_buildkit_proto::fsutil::types::Stat;

use super::{ContextError, problem};
use tagship_domain::error::cleaned;

/// Bits of Go's `fs.FileMode`, which BuildKit's messages carry. Source: Go, `io/fs`.
mod go_mode {
    pub(crate) const DIR: u32 = 1 << 31;
    pub(crate) const SYMLINK: u32 = 1 << 27;
    pub(crate) const DEVICE: u32 = 1 << 26;
    pub(crate) const NAMED_PIPE: u32 = 1 << 25;
    pub(crate) const SETUID: u32 = 1 << 23;
    pub(crate) const SETGID: u32 = 1 << 22;
    pub(crate) const CHAR_DEVICE: u32 = 1 << 21;
    pub(crate) const STICKY: u32 = 1 << 20;
}

/// One thing that is sent: what it is, and where its bytes are if it has any.
#[derive(Debug)]
pub(crate) struct ContextEntry {
    /// As BuildKit's message has it.
    pub(crate) stat: Stat,
    /// Where its bytes are; none but a regular file has some.
    pub(crate) file: Option<ContextFile>,
}

/// The first names of files that have several.
pub(crate) type FirstNames = HashMap<(u64, u64), String>;

impl ContextEntry {
    /// Reads what `path` of `context` is, which lies at `source`; `None` for a socket, which means nothing in an image.
    pub(crate) fn read(
        path: &str,
        source: &Path,
        context: &Arc<Path>,
        names: &mut FirstNames,
    ) -> Result<Option<Self>, ContextError> {
        let at = |error: std::io::Error| ContextError::at(path, &error);
        let metadata = source.symlink_metadata().map_err(at)?;
        let kind = metadata.file_type();
        if kind.is_socket() {
            return Ok(None);
        }
        let mut stat = Stat {
            path: path.to_owned(),
            mode: go_mode(&metadata),
            mod_time: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
            ..Stat::default()
        };
        let mut file = None;
        if kind.is_symlink() {
            stat.linkname = target(path, source)?;
            stat.size = metadata.size().try_into().unwrap_or(i64::MAX);
        } else if !kind.is_dir() {
            if kind.is_block_device() || kind.is_char_device() {
                (stat.devmajor, stat.devminor) = device(metadata.rdev());
            }
            let identity = (metadata.dev(), metadata.ino());
            let first = (metadata.nlink() > 1)
                .then(|| names.get(&identity).cloned())
                .flatten();
            if let Some(first) = first {
                stat.linkname = first;
            } else {
                if metadata.nlink() > 1 {
                    names.insert(identity, path.to_owned());
                }
                stat.size = metadata.size().try_into().unwrap_or(i64::MAX);
            }
            if kind.is_file() {
                file = Some(ContextFile {
                    context: Arc::clone(context),
                    path: path.to_owned(),
                    size: metadata.size(),
                    identity,
                });
            }
        }
        Ok(Some(Self { stat, file }))
    }
}

/// Returns what the link `path`, which lies at `source`, leads to.
pub(crate) fn target(path: &str, source: &Path) -> Result<String, ContextError> {
    let target = source
        .read_link()
        .map_err(|error| ContextError::at(path, &error))?;
    target
        .into_os_string()
        .into_string()
        .map_err(|_original| not_utf8(path))
}

/// BuildKit's messages carry names in UTF-8 only.
pub(crate) fn not_utf8(path: &str) -> ContextError {
    ContextError::Path {
        path: cleaned(path),
        problem: "its name or target is not UTF-8".to_owned(),
    }
}

fn go_mode(metadata: &Metadata) -> u32 {
    let kind = metadata.file_type();
    let unix = metadata.mode();
    let mut mode = unix & 0o777;
    let mut set = |when: bool, bits: u32| {
        if when {
            mode |= bits;
        }
    };
    set(kind.is_dir(), go_mode::DIR);
    set(kind.is_symlink(), go_mode::SYMLINK);
    set(kind.is_fifo(), go_mode::NAMED_PIPE);
    set(kind.is_block_device(), go_mode::DEVICE);
    set(kind.is_char_device(), go_mode::DEVICE | go_mode::CHAR_DEVICE);
    set(unix & 0o4000 != 0, go_mode::SETUID);
    set(unix & 0o2000 != 0, go_mode::SETGID);
    set(unix & 0o1000 != 0, go_mode::STICKY);
    mode
}

/// Major and minor number. Source: glibc, `gnu_dev_major` and `gnu_dev_minor`.
fn device(number: u64) -> (i64, i64) {
    let major = ((number >> 8) & 0xfff) | ((number >> 32) & 0xffff_f000);
    let minor = (number & 0xff) | ((number >> 12) & 0xffff_ff00);
    (major.cast_signed(), minor.cast_signed())
}

/// A regular file of the context.
#[derive(Debug, Clone)]
pub(crate) struct ContextFile {
    context: Arc<Path>,
    /// Within the context.
    path: String,
    size: u64,
    identity: (u64, u64),
}

impl ContextFile {
    /// Reads the file in pieces of at most what `buffer` holds. It must still be the file that was announced,
    /// and have the size that was announced.
    pub(crate) fn read(
        &self,
        buffer: &mut [u8],
        mut take: impl FnMut(&[u8]) -> Result<(), ContextError>,
    ) -> Result<(), ContextError> {
        let at = |error: std::io::Error| ContextError::Path {
            path: self.path.clone(),
            problem: problem(&error),
        };
        let changed = || ContextError::Path {
            path: self.path.clone(),
            problem: "it changed while it was read".to_owned(),
        };
        let source = self.context.join(&self.path);
        // A file is not opened through a link, or in place of the announced one.
        if !source.symlink_metadata().map_err(at)?.is_file() {
            return Err(changed());
        }
        let mut file = File::open(&source).map_err(at)?;
        let metadata = file.metadata().map_err(at)?;
        if (metadata.dev(), metadata.ino()) != self.identity {
            return Err(changed());
        }
        let mut total = 0;
        loop {
            let count = file.read(buffer).map_err(at)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            total += count as u64;
            if total > self.size {
                return Err(changed());
            }
            take(bytes)?;
        }
        if total == self.size {
            Ok(())
        } else {
            Err(changed())
        }
    }
}
