//! Archives in pieces, whole and damaged.

use ::tar::Builder;
use proptest::prelude::*;

use super::*;

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn in_pieces(archive: &[u8], size: usize) -> impl AsyncRead + Unpin {
    let pieces: Vec<_> = archive.chunks(size).map(Bytes::copy_from_slice).collect();
    tokio_util::io::StreamReader::new(futures_util::stream::iter(
        pieces.into_iter().map(Ok::<_, io::Error>),
    ))
}

/// Reads all entries.
async fn entries(archive: Vec<u8>) -> Result<Vec<(TarEntry, Vec<u8>)>, Failure> {
    let mut reader = TarReader::new(in_pieces(&archive, 700));
    let mut found = Vec::new();
    while let Some(entry) = reader.next().await? {
        let mut content = Vec::new();
        while let Some(chunk) = reader.chunk().await? {
            content.extend_from_slice(&chunk);
        }
        found.push((entry, content));
    }
    Ok(found)
}

fn file(path: &str, content: &[u8]) -> (TarEntry, Vec<u8>) {
    let entry = TarEntry {
        path: path.to_owned(),
        size: content.len() as u64,
        is_file: true,
    };
    (entry, content.to_vec())
}

#[tokio::test]
async fn names_of_any_length_and_contents_of_any_size_are_read() {
    let long = format!("{}/layer.tar", "d/".repeat(120));
    let mut archive = Builder::new(Vec::new());
    for (path, content) in [
        ("empty", vec![]),
        ("one-block", vec![1; 512]),
        (&long, vec![2; 300_000]),
        ("last", vec![3; 513]),
    ] {
        let mut header = header(EntryType::Regular, content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_slice())
            .unwrap();
    }
    assert_eq!(
        entries(archive.into_inner().unwrap()).await.unwrap(),
        [
            file("empty", &[]),
            file("one-block", &[1; 512]),
            file(&long, &vec![2; 300_000]),
            file("last", &[3; 513])
        ]
    );
}

#[tokio::test]
async fn pax_records_give_names_and_sizes() {
    let mut archive = Builder::new(Vec::new());
    archive
        .append_pax_extensions([("comment", &b"x"[..]), ("path", b"named/by/pax"), ("size", b"5")])
        .unwrap();
    // The header itself says nothing of use, as for files that are too large for it.
    let mut other = header(EntryType::Regular, 0);
    other.set_path("other").unwrap();
    other.set_cksum();
    archive.append(&other, &b""[..]).unwrap();
    let mut bytes = archive.into_inner().unwrap();
    bytes.truncate(bytes.len() - 2 * BLOCK);
    bytes.extend_from_slice(b"12345");
    bytes.resize(bytes.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    assert_eq!(entries(bytes).await.unwrap(), [file("named/by/pax", b"12345")]);
}

#[tokio::test]
async fn links_and_folders_are_no_files() {
    let mut archive = Builder::new(Vec::new());
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Directory] {
        let mut header = header(kind, 0);
        let target = "../".repeat(60);
        archive.append_link(&mut header, "entry", target).unwrap();
    }
    let found = entries(archive.into_inner().unwrap()).await.unwrap();
    assert_eq!(found.len(), 3);
    assert!(
        found
            .iter()
            .all(|(entry, _)| !entry.is_file && entry.path == "entry")
    );
}

#[tokio::test]
async fn an_extended_header_cannot_fill_the_memory() {
    for kind in [EntryType::GNULongName, EntryType::XHeader] {
        let mut header = header(kind, 1 << 40);
        header.set_cksum();
        let failure = entries(header.as_bytes().to_vec()).await.unwrap_err();
        assert!(matches!(failure, Failure::Malformed(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn an_archive_that_breaks_off_is_told_from_one_that_is_wrong() {
    let mut archive = Builder::new(Vec::new());
    let mut header = header(EntryType::Regular, 600);
    archive.append_data(&mut header, "file", &[7; 600][..]).unwrap();
    let whole = archive.into_inner().unwrap();
    for length in [0, 1, 511, 512, 700, 1_111, 1_112, 1_535, 1_536] {
        let failure = entries(whole[..length].to_vec()).await.unwrap_err();
        assert!(matches!(failure, Failure::Read(_)), "{length}: {failure:?}");
        assert!(failure.is_transient());
    }
    let mut damaged = whole;
    damaged[0] ^= 1;
    let failure = entries(damaged).await.unwrap_err();
    assert!(matches!(failure, Failure::Malformed(_)), "{failure:?}");
    assert!(!failure.is_transient());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_048), fix in any::<bool>()) {
        let mut bytes = bytes;
        if fix && bytes.len() >= BLOCK {
            // With a right checksum more of the header is looked at.
            let mut header = Header::new_old();
            header.as_mut_bytes().copy_from_slice(&bytes[..BLOCK]);
            header.set_cksum();
            bytes[..BLOCK].copy_from_slice(header.as_bytes());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _read = runtime.block_on(entries(bytes));
    }
}
