//! Unpacks an archive into a folder, and nowhere else.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tagship_domain::error::innermost;
use tagship_domain::untrusted::cleaned;

/// Unpacks into the folder and nowhere else: paths that climb out and links on the way are refused.
pub(super) fn unpack_archive(input: &mut dyn Read, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(input);
    archive.set_preserve_permissions(true);
    archive.set_overwrite(true);
    let mut unpacking = Unpacking {
        root: folder,
        folders: HashSet::from([folder.to_owned()]),
    };
    // Folders last: one that may not be written to would refuse what lies in it.
    let mut folders = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        refuse_sparse(&mut entry)?;
        if entry.header().entry_type().is_dir() {
            folders.push(entry);
        } else {
            unpacking.entry(&mut entry)?;
        }
    }
    folders.sort_by(|one, other| other.path_bytes().cmp(&one.path_bytes()));
    for mut entry in folders {
        unpacking.entry(&mut entry)?;
    }
    Ok(())
}

/// What is known of the folder that is unpacked into.
struct Unpacking<'a> {
    root: &'a Path,
    /// Folders in it that are no links. None becomes one later: no entry takes the place of a folder.
    folders: HashSet<PathBuf>,
}

impl Unpacking<'_> {
    fn entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> io::Result<()> {
        let path = cleaned(&String::from_utf8_lossy(&entry.path_bytes()));
        let failed =
            |reason: &dyn Display| io::Error::other(format!("`{path}` cannot be unpacked: {reason}"));
        let kind = entry.header().entry_type();
        let place = if kind.is_file() || kind.is_dir() || kind.is_symlink() {
            let within = entry.path().map_err(|error| failed(&error))?.into_owned();
            self.place(&within, kind.is_dir())
        } else {
            None
        };
        // The library asks the file system about each folder on the way, for each entry: as slow as the path is deep.
        let unpacked = match place {
            Some(place) => entry.unpack(place).map(|_| true),
            None => entry.unpack_in(self.root),
        };
        match unpacked {
            Ok(true) => Ok(()),
            Ok(false) => Err(failed(&"it leads out of the context")),
            Err(error) => Err(failed(&innermost(&error))),
        }
    }

    /// Where a path leads if every folder on the way is a folder, and no link; those that lack are made.
    fn place(&mut self, path: &Path, is_folder: bool) -> Option<PathBuf> {
        let mut place = self.root.to_owned();
        for part in path.components() {
            match part {
                Component::Normal(part) => place.push(part),
                Component::ParentDir => return None,
                Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            }
        }
        let folder = place.parent().filter(|folder| folder.starts_with(self.root))?;
        if !self.folders.contains(folder) {
            let missing: Vec<&Path> = folder
                .ancestors()
                .take_while(|folder| !self.folders.contains(*folder))
                .collect();
            for folder in missing.into_iter().rev() {
                match fs::symlink_metadata(folder) {
                    Ok(there) if there.is_dir() => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(folder).ok()?,
                    _ => return None,
                }
                self.folders.insert(folder.to_owned());
            }
        }
        // The mode of a folder would be set through a link.
        let is_through = is_folder && place.symlink_metadata().is_ok_and(|there| !there.is_dir());
        (!is_through).then_some(place)
    }
}

/// The content of a sparse file in the form of PAX is a map and what it points to, which nothing here reads.
///
/// Source: GNU tar manual, "Storing Sparse Files".
fn refuse_sparse<R: Read>(entry: &mut tar::Entry<'_, R>) -> io::Result<()> {
    let path = cleaned(&String::from_utf8_lossy(&entry.path_bytes()));
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        if extension?.key_bytes().starts_with(b"GNU.sparse.") {
            return Err(io::Error::other(format!(
                "`{path}` is a sparse file in the form of PAX: make the archive without `--sparse`"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::time::{Duration, Instant};

    fn header(kind: tar::EntryType, size: usize) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(size as u64);
        header
    }

    #[test]
    fn deep_paths_take_no_longer_than_their_depth() {
        let mut builder = tar::Builder::new(Vec::new());
        let deep = "d/".repeat(1500);
        let folder = |depth: usize| deep[..2 * depth].to_owned();
        for depth in (100..=1500).step_by(100) {
            builder
                .append_data(
                    &mut header(tar::EntryType::Directory, 0),
                    folder(depth),
                    io::empty(),
                )
                .unwrap();
        }
        for number in 0..200 {
            let name = format!("{deep}{number}");
            builder
                .append_data(&mut header(tar::EntryType::Regular, 1), name, &b"x"[..])
                .unwrap();
        }
        let archive = builder.into_inner().unwrap();
        let home = tempfile::tempdir().unwrap();
        let began = Instant::now();
        unpack_archive(&mut archive.as_slice(), home.path()).unwrap();
        // It was minutes when each folder was looked at for each entry.
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert_eq!(fs::read(home.path().join(deep).join("199")).unwrap(), b"x");
    }

    #[test]
    fn links_lead_to_nothing_outside_and_what_they_name_stays_as_it_is() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("theirs");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        for name in ["link", "link/file", "link/folder/file"] {
            let home = tempfile::tempdir().unwrap();
            symlink(&folder, home.path().join("link")).unwrap();
            let mut builder = tar::Builder::new(Vec::new());
            let kind = match name {
                "link" => tar::EntryType::Directory,
                _ => tar::EntryType::Regular,
            };
            builder
                .append_data(&mut header(kind, 0), name, io::empty())
                .unwrap();
            let archive = builder.into_inner().unwrap();
            unpack_archive(&mut archive.as_slice(), home.path()).ok();
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{name}");
            let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{name}");
        }
    }
}
