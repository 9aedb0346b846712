//! Files that another may have chosen: a pipe in a file's place must not be waited for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Lets opening a pipe return at once. Source: Linux, `asm-generic/fcntl.h`.
pub(crate) const NOT_WAITING: i32 = 0o4000;

/// Opens a file for reading; what is no regular file is refused, and nothing is waited for.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(NOT_WAITING)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let what = if kind.is_dir() {
        "is a folder"
    } else {
        "is no regular file"
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
}
