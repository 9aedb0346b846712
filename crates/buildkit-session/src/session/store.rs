//! A content store in a folder, laid out as OCI images are: blobs by digest, and an index that names one of them.
//!
//! Source: OCI image spec, "Image Layout"; BuildKit, `client/ociindex`.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Take, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tonic::Status;

use tagship_domain::reference::{Digest, DigestHasher};

/// The annotation that holds the name of an index's entry.
const NAME: &str = "org.opencontainers.image.ref.name";
/// The name that a cache has where none is given.
const LATEST: &str = "latest";
/// The most bytes of an index.
const MAX_INDEX_BYTES: u64 = 4 << 20;

/// A folder of blobs.
#[derive(Debug, Clone)]
pub(super) struct FolderStore(pub(super) PathBuf);

impl FolderStore {
    fn blobs(&self) -> PathBuf {
        self.0.join("blobs").join("sha256")
    }

    /// The file of a blob, and its size. What is a link is none: it would lead out of the folder.
    fn find(&self, digest: &str) -> Result<(PathBuf, u64), Status> {
        let digest = Digest::parse(digest).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let path = self.blobs().join(digest.hex());
        match fs::symlink_metadata(&path) {
            Ok(file) if file.is_file() => Ok((path, file.len())),
            Ok(_) => Err(Status::not_found(format!("`{digest}` is no file in the cache"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Status::not_found(format!("`{digest}` is not in the cache")))
            }
            Err(error) => Err(broken(&error)),
        }
    }

    /// The size of a blob in bytes.
    pub(super) fn size(&self, digest: &str) -> Result<i64, Status> {
        let (_, size) = self.find(digest)?;
        Ok(i64::try_from(size).unwrap_or(i64::MAX))
    }

    /// Opens a part of a blob; all of it from `offset` on when `size` is zero.
    pub(super) fn open(&self, digest: &str, offset: i64, size: i64) -> Result<Blob, Status> {
        let (path, whole) = self.find(digest)?;
        let offset = u64::try_from(offset).map_err(|error| Status::out_of_range(error.to_string()))?;
        let rest = whole.saturating_sub(offset);
        let size = u64::try_from(size).ok().filter(|size| *size > 0).unwrap_or(rest);
        let mut file = File::open(path).map_err(|error| broken(&error))?;
        file.seek(SeekFrom::Start(offset))
            .map_err(|error| broken(&error))?;
        Ok(Blob(file.take(size.min(rest))))
    }

    /// Begins to write a blob that is not there yet.
    pub(super) fn begin(&self, expected: &str) -> Result<Ingest, Status> {
        if !expected.is_empty() && self.find(expected).is_ok() {
            return Err(Status::already_exists(format!("`{expected}` is in the cache")));
        }
        let folder = self.0.join("ingest");
        fs::create_dir_all(self.blobs()).map_err(|error| broken(&error))?;
        fs::create_dir_all(&folder).map_err(|error| broken(&error))?;
        Ok(Ingest {
            file: NamedTempFile::new_in(folder).map_err(|error| broken(&error))?,
            blobs: self.blobs(),
            hash: DigestHasher::default(),
            size: 0,
            total: 0,
            expected: expected.to_owned(),
        })
    }
}

fn broken(error: &io::Error) -> Status {
    Status::internal(format!("the folder of the cache: {error}"))
}

/// A part of a blob that is read.
pub(super) struct Blob(Take<File>);

impl Blob {
    /// The next bytes, at most so many; none at the end.
    pub(super) fn piece(&mut self, most: usize) -> Result<Vec<u8>, Status> {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let mut piece = Vec::new();
        let read = self.0.by_ref().take(most).read_to_end(&mut piece);
        read.map_err(|error| broken(&error))?;
        Ok(piece)
    }
}

/// A blob that is written.
pub(super) struct Ingest {
    file: NamedTempFile,
    blobs: PathBuf,
    hash: DigestHasher,
    size: u64,
    total: i64,
    expected: String,
}

impl Ingest {
    /// Takes what the writer says of the whole blob, where it says it.
    pub(super) fn expect(&mut self, digest: &str, total: i64) {
        if !digest.is_empty() {
            digest.clone_into(&mut self.expected);
        }
        if total > 0 {
            self.total = total;
        }
    }

    /// Takes the next bytes; from the beginning where the writer begins anew.
    pub(super) fn write(&mut self, offset: i64, data: &[u8]) -> Result<(), Status> {
        if offset == 0 && self.size > 0 {
            let file = self.file.as_file_mut();
            file.set_len(0).map_err(|error| broken(&error))?;
            file.rewind().map_err(|error| broken(&error))?;
            (self.hash, self.size) = (DigestHasher::default(), 0);
        }
        if i64::try_from(self.size) != Ok(offset) {
            return Err(Status::out_of_range(format!(
                "{} bytes are there, not {offset}",
                self.size
            )));
        }
        self.file.write_all(data).map_err(|error| broken(&error))?;
        self.hash.update(data);
        self.size += data.len() as u64;
        Ok(())
    }

    pub(super) fn offset(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX)
    }

    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// Puts the blob where it is found, if it is what was said; gives its digest.
    pub(super) fn commit(self) -> Result<String, Status> {
        let found = self.hash.finish();
        let is_expected = self.expected.is_empty() || self.expected == found.to_string();
        if !is_expected || (self.total > 0 && i64::try_from(self.size) != Ok(self.total)) {
            return Err(Status::failed_precondition(format!(
                "{found} of {} bytes came in place of {}",
                self.size, self.expected
            )));
        }
        let kept = self.file.persist(self.blobs.join(found.hex()));
        kept.map_err(|error| broken(&error.error))?;
        Ok(found.to_string())
    }
}

/// Returns the digest of what the cache in a folder begins with, under `tag` or `latest`; `None` where there is no cache.
pub fn cache_in_folder(folder: &Path, tag: Option<&str>) -> io::Result<Option<String>> {
    let Some(index) = index(folder)? else {
        return Ok(None);
    };
    let tag = tag.unwrap_or(LATEST);
    let entries = index["manifests"].as_array().into_iter().flatten();
    let mut named = entries.filter(|entry| entry["annotations"][NAME] == tag);
    Ok(named
        .find_map(|entry| entry["digest"].as_str())
        .map(str::to_owned))
}

/// Names what a cache in a folder begins with, by the descriptor that the engine gives; what had the name before loses it.
pub fn name_cache_in_folder(folder: &Path, tag: Option<&str>, descriptor: &str) -> io::Result<()> {
    let tag = tag.unwrap_or(LATEST);
    let invalid = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut entry: Value = serde_json::from_str(descriptor).map_err(invalid)?;
    let is_descriptor = entry["digest"]
        .as_str()
        .is_some_and(|digest| Digest::parse(digest).is_ok());
    if !is_descriptor {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the engine names no cache",
        ));
    }
    entry["annotations"][NAME] = json!(tag);
    let mut index = index(folder)?
        .filter(|index| index["manifests"].is_array())
        .unwrap_or_else(|| {
            json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": [],
            })
        });
    if let Some(entries) = index["manifests"].as_array_mut() {
        entries.retain(|known| known["annotations"][NAME] != tag);
        entries.push(entry);
    }
    write(folder, "oci-layout", &json!({ "imageLayoutVersion": "1.0.0" }))?;
    write(folder, "index.json", &index)
}

fn index(folder: &Path) -> io::Result<Option<Value>> {
    let path = folder.join("index.json");
    match fs::symlink_metadata(&path) {
        Ok(file) if file.is_file() && file.len() <= MAX_INDEX_BYTES => {
            // What is no index names no cache.
            Ok(serde_json::from_slice(&fs::read(path)?).ok())
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file is whole or not there.
fn write(folder: &Path, name: &str, content: &Value) -> io::Result<()> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content.to_string().as_bytes())?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_kept_only_when_it_is_what_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore(folder.path().to_owned());
        // Source: `printf abc | sha256sum`.
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut ingest = store.begin(digest).unwrap();
        ingest.write(0, b"a").unwrap();
        assert!(ingest.write(5, b"x").is_err(), "a gap");
        // A writer may begin anew.
        ingest.write(0, b"ab").unwrap();
        ingest.write(2, b"c").unwrap();
        assert_eq!(ingest.offset(), 3);
        assert_eq!(ingest.commit().unwrap(), digest);
        assert_eq!(store.size(digest).unwrap(), 3);
        assert_eq!(store.open(digest, 1, 0).unwrap().piece(9).unwrap(), b"bc");
        assert_eq!(store.open(digest, 0, 2).unwrap().piece(9).unwrap(), b"ab");
        let again = store.begin(digest).map(drop).unwrap_err();
        assert_eq!(again.code(), tonic::Code::AlreadyExists);

        let other = format!("sha256:{}", "0".repeat(64));
        let mut ingest = store.begin(&other).unwrap();
        ingest.write(0, b"abc").unwrap();
        assert!(ingest.commit().is_err());
        assert_eq!(store.size(&other).unwrap_err().code(), tonic::Code::NotFound);
        assert!(store.size("../../etc/passwd").is_err());
        let left = fs::read_dir(folder.path().join("ingest")).unwrap().count();
        assert_eq!(left, 0, "what is broken off leaves nothing");
    }

    #[test]
    fn a_link_is_no_blob() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore(folder.path().to_owned());
        fs::create_dir_all(store.blobs()).unwrap();
        let digest = format!("sha256:{}", "1".repeat(64));
        std::os::unix::fs::symlink("/etc/passwd", store.blobs().join("1".repeat(64))).unwrap();
        assert_eq!(store.size(&digest).unwrap_err().code(), tonic::Code::NotFound);
    }

    #[test]
    fn a_cache_is_found_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(cache_in_folder(path, None).unwrap(), None);
        let descriptor = |digit: &str| {
            format!(
                r#"{{"mediaType":"m","digest":"sha256:{}","size":3}}"#,
                digit.repeat(64)
            )
        };
        name_cache_in_folder(path, None, &descriptor("1")).unwrap();
        name_cache_in_folder(path, Some("app"), &descriptor("2")).unwrap();
        name_cache_in_folder(path, None, &descriptor("3")).unwrap();
        let found = |tag| cache_in_folder(path, tag).unwrap().unwrap();
        assert!(found(None).ends_with(&"3".repeat(64)));
        assert!(found(Some("app")).ends_with(&"2".repeat(64)));
        assert_eq!(cache_in_folder(path, Some("other")).unwrap(), None);
        assert!(name_cache_in_folder(path, None, "{}").is_err());
    }
}
