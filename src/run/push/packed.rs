//! Archives that are compressed as a whole, as `docker save app | gzip` makes them.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tempfile::NamedTempFile;

use super::file::MAX_CHART;
use crate::limits::UNPACKED_ARCHIVE_BYTES;
use crate::regular_file;

/// The first bytes of gzip. Source: RFC 1952, "Member header and trailer".
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How many entries a chart is looked for in; the largest known charts have a few hundred.
const MAX_ENTRIES: usize = 10_000;

/// Unpacks an archive into a file that is there for this push alone; `None` of one that is not compressed.
pub(super) fn unpacked(path: &Path) -> io::Result<Option<NamedTempFile>> {
    let Some(content) = content(path)? else {
        return Ok(None);
    };
    // An image that holds this binary alone has no folder for such files.
    fs::create_dir_all(tempfile::env::temp_dir())?;
    let mut file = NamedTempFile::new()?;
    let mut limited = content.take(UNPACKED_ARCHIVE_BYTES + 1);
    let copied = io::copy(&mut limited, file.as_file_mut());
    let length = copied.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            io::Error::other("there is no room to unpack it where temporary files are (`TMPDIR`)")
        }
        _ => error,
    })?;
    if length > UNPACKED_ARCHIVE_BYTES {
        let most = UNPACKED_ARCHIVE_BYTES / 1024 / 1024 / 1024;
        return Err(io::Error::other(format!(
            "it is larger than {most} GiB, unpacked"
        )));
    }
    Ok(Some(file))
}

/// Whether a file is compressed, and no packaged chart: what other tools compress are archives of images.
pub(super) fn is_archive(path: &Path) -> bool {
    match content(path) {
        Ok(Some(content)) => !has_chart(content.take(MAX_CHART)).unwrap_or(true),
        // What is wrong with it is named where it is read.
        Ok(None) | Err(_) => false,
    }
}

/// The content of a file that is compressed with gzip.
fn content(path: &Path) -> io::Result<Option<impl Read>> {
    let mut file: File = regular_file::open(path)?;
    let mut first = [0; GZIP.len()];
    let is_packed = file.read_exact(&mut first).is_ok() && first == GZIP;
    file.rewind()?;
    Ok(is_packed.then(|| MultiGzDecoder::new(BufReader::new(file))))
}

/// Whether a tar archive holds the `Chart.yaml` of a packaged chart, or is none that can be read to its end.
fn has_chart(content: impl Read) -> io::Result<bool> {
    let mut archive = tar::Archive::new(content);
    for entry in archive.entries()?.take(MAX_ENTRIES) {
        let entry = entry?;
        let path = entry.path()?;
        if path.file_name().is_some_and(|name| name == "Chart.yaml") && path.components().count() == 2 {
            return Ok(true);
        }
        // Source: Docker Image Specification v1.2; OCI image spec, "OCI Image Layout".
        let is_of_image = ["manifest.json", "oci-layout", "index.json", "blobs/", "blobs"];
        if is_of_image.iter().any(|name| path.as_os_str() == *name) {
            return Ok(false);
        }
    }
    Ok(false)
}
