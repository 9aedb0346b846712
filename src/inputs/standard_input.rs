//! The Dockerfile or the context, from standard input.

use std::fs::{self, File};
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use tempfile::TempDir;

use super::Face;
use super::problem::Problems;
use super::raw::InputText;

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
    let taken = take(&mut standard_input.lock());
    let failed = |error: io::Error| format!("standard input cannot be used: {error}");
    problems.check(&value.origin, taken.map_err(failed), None)
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

/// Unpacks into the folder and nowhere else: paths that climb out and links on the way are refused.
fn unpack_archive(input: &mut dyn Read, folder: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(input);
    archive.set_preserve_permissions(true);
    archive.set_overwrite(true);
    archive.unpack(folder)
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
        if let Ok(folder) = unpack(&mut escaping.as_slice()) {
            assert!(!folder.0.path().join("escaped").exists());
        }
        let cut = archive(&[("file", "content")]);
        assert!(unpack(&mut &cut[..516]).is_err());
    }
}
