//! Files that another may have chosen: a pipe in a file's place must not be waited for.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

use tempfile::NamedTempFile;

/// Lets opening a pipe return at once. Source: Linux, `asm-generic/fcntl.h`.
pub(crate) const NOT_WAITING: i32 = 0o4000;

/// Opens a file for reading; what is no regular file is refused, and nothing is waited for.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(NOT_WAITING)
        .open(path)?;
    refuse_other_kinds(&file.metadata()?)?;
    Ok(file)
}

/// Reads a file as text of at most `most` bytes; the error says what is wrong with it, in words that follow its name.
pub(crate) fn text(path: &Path, most: u64) -> Result<String, String> {
    String::from_utf8(bytes(path, most)?).map_err(|_error| "is not UTF-8 text".to_owned())
}

/// Reads a file of at most `most` bytes, likewise.
pub(crate) fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    let mut bytes = Vec::new();
    let file = open(path).map_err(unreadable)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(format!("is larger than {} KiB", most / 1024));
    }
    Ok(bytes)
}

fn refuse_other_kinds(there: &Metadata) -> io::Result<()> {
    if there.is_file() {
        return Ok(());
    }
    let what = if there.is_dir() {
        "it is a folder"
    } else {
        "it is no regular file"
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Checks that a file can be written, or made where it is missing. It is left as it is, and so is its folder.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(there) if there.is_file() => OpenOptions::new().append(true).open(path).map(drop),
        Ok(_) => Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A file without a name, as far as the system can: it is gone when it is closed.
            let folder = path.parent().unwrap_or(path);
            tempfile::tempfile_in(folder)
                .map(drop)
                .map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => io::Error::other("its folder does not exist"),
                    _ => error,
                })
        }
        Err(error) => Err(error),
    }
}

/// Puts a file in the place of a regular one, or where there is none: whole, or not at all.
///
/// Its owner is that of the file before, or of its folder: the action runs as root, the runner does not, and a file of
/// root's in its folders would break later jobs.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let (mut file, owner) = begun(path)?;
    file.write_all(content)?;
    fs::set_permissions(file.path(), owner.permissions)?;
    let made = file.as_file().metadata()?;
    if made.uid() == 0 && (made.uid(), made.gid()) != (owner.uid, owner.gid) {
        fchown(file.as_file(), Some(owner.uid), Some(owner.gid))?;
    }
    file.persist(path)?;
    Ok(())
}

/// Finds out whether [`replace`] may put a file there. Leaves nothing behind.
pub(crate) fn check_replace(path: &Path) -> io::Result<()> {
    begun(path).map(drop)
}

struct Owner {
    uid: u32,
    gid: u32,
    permissions: Permissions,
}

/// A file beside its place, and what it will be like there.
fn begun(path: &Path) -> io::Result<(NamedTempFile, Owner)> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let owner = match fs::metadata(path) {
        Ok(there) => {
            refuse_other_kinds(&there)?;
            Owner {
                uid: there.uid(),
                gid: there.gid(),
                permissions: there.permissions(),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = folder.metadata()?;
            Owner {
                uid: folder.uid(),
                gid: folder.gid(),
                permissions: Permissions::from_mode(0o644),
            }
        }
        Err(error) => return Err(error),
    };
    let file = tempfile::Builder::new().prefix(".tagship-").tempfile_in(folder)?;
    Ok((file, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_waited_for_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            let error = open(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{}", path.display());
        }
        std::fs::write(folder.path().join("file"), "text").unwrap();
        assert!(open(&folder.path().join("file")).is_ok());
    }

    #[test]
    fn whether_a_file_can_be_written_is_known_without_writing_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        check_writable(&file).unwrap();
        assert!(!file.exists());
        std::fs::write(&file, "text").unwrap();
        check_writable(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");
        for path in [
            folder.path(),
            &folder.path().join("none/file"),
            &file.join("below"),
            Path::new("/dev/null"),
        ] {
            check_writable(path).unwrap_err();
        }
    }

    #[test]
    fn a_file_takes_the_place_of_a_file_and_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
        replace(&path("new"), b"one").unwrap();
        assert_eq!(
            (fs::read(path("new")).unwrap(), mode("new")),
            (b"one".to_vec(), 0o644)
        );
        fs::set_permissions(path("new"), Permissions::from_mode(0o600)).unwrap();
        replace(&path("new"), b"two").unwrap();
        assert_eq!(
            (fs::read(path("new")).unwrap(), mode("new")),
            (b"two".to_vec(), 0o600)
        );
        for refused in [folder.path().to_owned(), path("missing/file"), "/dev/null".into()] {
            assert!(replace(&refused, b"x").is_err(), "{}", refused.display());
            assert!(check_replace(&refused).is_err(), "{}", refused.display());
        }
        check_replace(&path("other")).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }
}
