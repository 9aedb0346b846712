//! The Dockerfile or the context, from standard input.

mod bounded;
mod unpacking;

use std::fs::{self, File};
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use tempfile::TempDir;

use self::bounded::{BoundedReader, WAIT};
use self::unpacking::unpack_archive;
use super::Face;
use super::problem::Problems;
use super::raw::InputText;

pub use self::bounded::stop_reading;

/// What stands for standard input in `context` and `file`.
pub(super) const DASH: &str = "-";
/// The most bytes of a Dockerfile; nothing sensible comes near.
const MAX_DOCKERFILE: u64 = 1024 * 1024;
/// The first bytes of gzip. Source: RFC 1952, "Member header and trailer".
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of a header in a tar archive.
const HEADER: u64 = 512;
/// What stands in the header of a tar archive, and where. Source: POSIX, `pax`, "ustar Interchange Format".
const USTAR: (usize, &[u8]) = (257, b"ustar");

/// A folder that what was read lies in; it is gone with the last of its owners.
#[derive(Debug, Clone)]
pub(super) struct ReadFolder(pub(super) Arc<TempDir>);

impl ReadFolder {
    fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(tempfile::tempdir()?)))
    }

    /// The context folder, without links before it.
    pub(super) fn context(&self) -> Option<PathBuf> {
        self.0.path().join("context").canonicalize().ok()
    }

    /// The Dockerfile beside the context.
    pub(super) fn dockerfile(&self) -> PathBuf {
        self.0.path().join("Dockerfile")
    }
}

/// Reads the Dockerfile.
pub(super) fn dockerfile(value: &InputText, face: Face, problems: &mut Problems) -> Option<ReadFolder> {
    read(value, face, problems, |input| {
        let folder = ReadFolder::new()?;
        write_dockerfile(input, &folder)?;
        Ok(folder)
    })
}

/// Reads the context: an archive, which gzip may have compressed; or else a Dockerfile, whose context is empty.
///
/// Source: docker CLI reference, `docker build`, "Text files" and "Tarball contexts" on standard input.
pub(super) fn context(value: &InputText, face: Face, problems: &mut Problems) -> Option<ReadFolder> {
    read(value, face, problems, unpack)
}

fn read(
    value: &InputText,
    face: Face,
    problems: &mut Problems,
    take: impl FnOnce(&mut dyn Read) -> io::Result<ReadFolder>,
) -> Option<ReadFolder> {
    let standard_input = io::stdin();
    if face == Face::Action || standard_input.is_terminal() {
        let message = "`-` stands for standard input, and there is none to read";
        let hint = "give a path; a file of this name is `./-`".to_owned();
        return problems.add(&value.origin, message, hint);
    }
    let taken = BoundedReader::new(standard_input, WAIT).and_then(|mut input| take(&mut input));
    match taken {
        Ok(folder) => Some(folder),
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::TimedOut => Some(
                    "give what is to be read by a pipe or a redirection, or a path in place of `-`"
                        .to_owned(),
                ),
                _ => None,
            };
            let message = format!("standard input cannot be used: {error}");
            problems.add(&value.origin, message, hint)
        }
    }
}

fn write_dockerfile(input: &mut dyn Read, folder: &ReadFolder) -> io::Result<()> {
    let mut file = File::create(folder.dockerfile())?;
    match io::copy(&mut input.take(MAX_DOCKERFILE + 1), &mut file)? {
        0 => Err(io::Error::other("it is empty")),
        size if size > MAX_DOCKERFILE => Err(io::Error::other("the Dockerfile is larger than 1 MiB")),
        _ => Ok(()),
    }
}

fn unpack(input: &mut dyn Read) -> io::Result<ReadFolder> {
    let folder = ReadFolder::new()?;
    let context = folder.0.path().join("context");
    fs::create_dir(&context)?;
    // A pipe gives a little at a time, and the kind is in the first header.
    let mut begin = Vec::new();
    Read::take(&mut *input, HEADER).read_to_end(&mut begin)?;
    let mut whole = BufReader::new(begin.as_slice().chain(input));
    if begin.starts_with(&GZIP) {
        unpack_archive(&mut MultiGzDecoder::new(whole), &context)?;
    } else if is_archive(&begin) {
        unpack_archive(&mut whole, &context)?;
    } else {
        write_dockerfile(&mut whole, &folder)?;
    }
    Ok(folder)
}

fn is_archive(begin: &[u8]) -> bool {
    let (place, mark) = USTAR;
    begin.get(place..place + mark.len()) == Some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in entries {
            let mut header = tar::Header::new_gnu();
            let name = &mut header.as_gnu_mut().unwrap().name;
            name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_mode(0o640);
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn an_archive_is_the_context_and_text_is_a_dockerfile_with_an_empty_one() {
        let plain = archive(&[("Dockerfile", "FROM scratch"), ("app/main", "code")]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&plain).unwrap();
        for bytes in [plain, gzip.finish().unwrap()] {
            let folder = unpack(&mut bytes.as_slice()).unwrap();
            let context = folder.context().unwrap();
            assert_eq!(fs::read_to_string(context.join("app/main")).unwrap(), "code");
            assert!(!folder.dockerfile().exists());
            drop(folder);
            assert!(!context.exists(), "nothing is left");
        }
        let folder = unpack(&mut "FROM busybox\n".as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(folder.dockerfile()).unwrap(), "FROM busybox\n");
        assert_eq!(fs::read_dir(folder.context().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_hostile_or_nothing_is_refused() {
        assert!(unpack(&mut io::empty()).is_err());
        assert!(unpack(&mut GZIP.as_slice()).is_err());
        let endless = &mut io::repeat(b'#');
        assert!(unpack(endless).unwrap_err().to_string().contains("1 MiB"));
        let escaping = archive(&[("../escaped", "x"), ("inside", "x")]);
        let refused = unpack(&mut escaping.as_slice()).unwrap_err().to_string();
        assert_eq!(
            refused,
            "`../escaped` cannot be unpacked: it leads out of the context"
        );
        let cut = archive(&[("file", "content")]);
        assert!(unpack(&mut &cut[..516]).is_err());
    }

    // Source: GNU tar manual, "Storing Sparse Files": version 1.0 names itself in an extended header.
    #[test]
    fn a_sparse_file_of_pax_is_refused_by_its_name() {
        let mut builder = tar::Builder::new(Vec::new());
        let marks: [(&str, &[u8]); 2] = [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")];
        builder.append_pax_extensions(marks).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(1);
        builder.append_data(&mut header, "holes", &b"0"[..]).unwrap();
        let refused = unpack(&mut builder.into_inner().unwrap().as_slice()).unwrap_err();
        assert!(
            refused.to_string().starts_with("`holes` is a sparse file"),
            "{refused}"
        );
    }

    #[test]
    fn a_folder_that_may_not_be_written_to_holds_its_files() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut folder = tar::Header::new_gnu();
        folder.set_entry_type(tar::EntryType::Directory);
        folder.set_mode(0o555);
        folder.set_size(0);
        builder.append_data(&mut folder, "app", io::empty()).unwrap();
        let mut file = tar::Header::new_gnu();
        file.set_mode(0o640);
        file.set_size(4);
        builder.append_data(&mut file, "app/main", &b"code"[..]).unwrap();
        let read = unpack(&mut builder.into_inner().unwrap().as_slice()).unwrap();
        let context = read.context().unwrap();
        assert_eq!(fs::read_to_string(context.join("app/main")).unwrap(), "code");
    }
}
