//! The files of a layout: in a folder, or in a tar archive that is not unpacked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use tar::{EntryType, Header, PaxExtensions};
use tokio::task::spawn_blocking;

use crate::repository::BlobStream;

/// How many bytes are read at once.
const CHUNK: u64 = 256 * 1024;

/// Tar is made of blocks of so many bytes. Source: POSIX, "pax", "ustar Interchange Format".
const BLOCK: u64 = 512;

/// The most bytes of an extended header, which holds a name and a size.
const MAX_EXTENSION: u64 = 64 * 1024;

/// The most entries of an archive; the largest official images have a few hundred.
const MAX_ENTRIES: usize = 20_000;

/// Where a layout's files are. What is wrong with one is said in words.
#[derive(Debug)]
pub(super) enum Files {
    /// In a folder: its absolute path, without links.
    Folder(PathBuf),
    /// In an archive, by name.
    Archive(Arc<File>, BTreeMap<String, (u64, u64)>),
}

/// The bytes of one file.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    file: Arc<File>,
    offset: u64,
    /// In bytes.
    pub(super) size: u64,
}

impl Files {
    /// Finds a file by its name within the layout. No link is followed.
    pub(super) fn find(&self, name: &str) -> Result<Option<Extent>, String> {
        match self {
            Self::Folder(root) => in_folder(root, name),
            Self::Archive(file, entries) => Ok(entries.get(name).map(|(offset, size)| Extent {
                file: Arc::clone(file),
                offset: *offset,
                size: *size,
            })),
        }
    }

    /// Reads what an archive holds. Nothing is unpacked, so that no name in it leads anywhere.
    pub(super) fn archive(path: &Path) -> Result<Self, String> {
        let mut file = open_file(path)?;
        let entries = entries(&mut file)?;
        Ok(Self::Archive(Arc::new(file), entries))
    }
}

impl Extent {
    /// Reads the whole file, which has at most `limit` bytes.
    pub(super) async fn read(self, limit: u64) -> io::Result<Bytes> {
        spawn_blocking(move || self.read_now(limit))
            .await
            .map_err(io::Error::other)?
    }

    /// Reads the whole file, which has at most `limit` bytes, without letting others run meanwhile.
    pub(super) fn read_now(&self, limit: u64) -> io::Result<Bytes> {
        if self.size > limit {
            let message = format!("it has {} bytes, and {limit} are the most", self.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let mut content = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut content, self.offset)?;
        Ok(content.into())
    }

    /// The file's bytes, as they are read.
    pub(super) fn stream(self) -> BlobStream {
        stream::unfold(self, |mut rest| async move {
            if rest.size == 0 {
                return None;
            }
            let next = Self {
                size: rest.size.min(CHUNK),
                ..rest.clone()
            };
            let length = next.size;
            let chunk = next.read(CHUNK).await;
            // After an error nothing is read.
            rest.size = if chunk.is_ok() { rest.size - length } else { 0 };
            rest.offset += length;
            Some((chunk, rest))
        })
        .boxed()
    }
}

fn in_folder(root: &Path, name: &str) -> Result<Option<Extent>, String> {
    let path = root.join(name);
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("`{name}` cannot be read: {error}")),
        Ok(real) if real != path => Err(format!("`{name}` is a link, and links are not followed")),
        Ok(_) => {
            let file = open_file(&path).map_err(|problem| format!("`{name}`: {problem}"))?;
            let size = file.metadata().map_err(|error| error.to_string())?.len();
            Ok(Some(Extent {
                file: Arc::new(file),
                offset: 0,
                size,
            }))
        }
    }
}

/// Opens a file, and nothing that could be waited for without end.
fn open_file(path: &Path) -> Result<File, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no file".to_owned());
    }
    File::open(path).map_err(|error| error.to_string())
}

/// The files of an archive that belong to a layout, each with its offset and its size.
fn entries(file: &mut File) -> Result<BTreeMap<String, (u64, u64)>, String> {
    let total = file.metadata().map_err(|error| error.to_string())?.len();
    let mut found = BTreeMap::new();
    let mut at = 0;
    let mut extended = Extended::default();
    for _ in 0..MAX_ENTRIES {
        let mut header = Header::new_old();
        read_at(file, at, header.as_mut_bytes())?;
        if header.as_bytes().starts_with(&[0x1f, 0x8b]) {
            return Err("it is compressed: decompress it first, as with `gunzip`".to_owned());
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(found);
        }
        if !has_right_checksum(&header) {
            return Err("it is no tar archive, or it is damaged".to_owned());
        }
        let kind = header.entry_type();
        let is_extension = matches!(
            kind,
            EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink | EntryType::XGlobalHeader
        );
        let of_header = header.entry_size().map_err(|error| error.to_string())?;
        let size = extended.size.filter(|_| !is_extension).unwrap_or(of_header);
        let content = at + BLOCK;
        let end = content.checked_add(size).filter(|end| *end <= total);
        let end = end.ok_or("it ends in the middle of an entry")?;
        at = end.next_multiple_of(BLOCK);
        if is_extension {
            extended.read(kind, file, content, size)?;
            continue;
        }
        let path = extended
            .path
            .take()
            .unwrap_or_else(|| header.path_bytes().into_owned());
        extended = Extended::default();
        let name = String::from_utf8_lossy(&path);
        let name = name.strip_prefix("./").unwrap_or(&name);
        if !is_of_layout(name) {
            continue;
        }
        match kind {
            EntryType::Directory => {}
            EntryType::Regular | EntryType::Continuous => {
                if found.insert(name.to_owned(), (content, size)).is_some() {
                    return Err(format!("`{name}` is there twice"));
                }
            }
            _ => return Err(format!("`{name}` is no file")),
        }
    }
    Err(format!("it has more than {MAX_ENTRIES} entries"))
}

/// What extended headers say of the next entry.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extended {
    fn read(&mut self, kind: EntryType, file: &mut File, at: u64, size: u64) -> Result<(), String> {
        if size > MAX_EXTENSION {
            return Err(format!("it has an extended header of {size} bytes"));
        }
        let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
        read_at(file, at, &mut content)?;
        match kind {
            EntryType::GNULongName => {
                self.path = content.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
            }
            EntryType::XHeader => {
                for record in PaxExtensions::new(&content) {
                    let record = record.map_err(|error| error.to_string())?;
                    match record.key_bytes() {
                        b"path" => self.path = Some(record.value_bytes().to_vec()),
                        b"size" => {
                            let size = record.value().ok().and_then(|size| size.parse().ok());
                            self.size = Some(size.ok_or("it has an entry without a size")?);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_of_layout(name: &str) -> bool {
    matches!(name, "oci-layout" | "index.json" | "manifest.json") || name.starts_with("blobs/sha256/")
}

fn read_at(file: &mut File, at: u64, into: &mut [u8]) -> Result<(), String> {
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(into))
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "it has broken off, or is no tar archive".to_owned(),
            _ => error.to_string(),
        })
}

/// Source: POSIX, "pax", "ustar Interchange Format", `chksum`: the sum of all bytes, its own taken as spaces.
fn has_right_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            if (148..156).contains(&place) {
                32
            } else {
                u32::from(*byte)
            }
        })
        .sum();
    header.cksum().is_ok_and(|said| said == sum)
}
