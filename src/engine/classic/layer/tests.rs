//! Layers, before and after their times are set.

use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use ::tar::{Archive, Builder};
use proptest::prelude::*;

use super::*;

const EPOCH: u64 = 1_700_000_000;

fn epoch() -> Epoch {
    Epoch::new(EPOCH.cast_signed())
}

/// Passes a layer through, in pieces.
fn pass(layer: &[u8], piece: usize) -> Vec<u8> {
    let mut times = LayerTimes::new(epoch());
    let mut passed = Vec::new();
    for piece in layer.chunks(piece) {
        passed.extend_from_slice(&times.push(piece));
    }
    passed.extend_from_slice(&times.finish());
    passed
}

/// An archive of a folder in one of GNU tar's formats; `time` gives that of each entry, in seconds.
fn gnu_tar(format: &str, files: &Path, time: impl Fn(u64) -> String) -> Vec<u8> {
    let long = format!("{}/file", ["a-folder-with-a-long-name"; 9].join("/"));
    let entries = ["file", "large", "link", "soft", "pipe", &long, "folder"];
    for (at, name) in (0..).zip(entries).collect::<Vec<_>>().into_iter().rev() {
        let touched = Command::new("touch")
            .args(["--no-dereference", "--date", &format!("@{}", time(at)), name])
            .current_dir(files)
            .status();
        assert!(touched.unwrap().success());
    }
    let archive = Command::new("tar")
        .args([
            "--create",
            "--file=-",
            "--no-recursion",
            "--blocking-factor=1",
            "--format",
            format,
        ])
        .args(matches!(format, "oldgnu" | "gnu").then_some("--sparse"))
        .args(if format == "posix" {
            &["--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f"][..]
        } else {
            &[]
        })
        .args(
            entries
                .iter()
                .filter(|name| format != "v7" || name.len() < 100 && **name != "pipe"),
        )
        .current_dir(files)
        .output()
        .unwrap();
    assert!(
        archive.status.success(),
        "{format}: {}",
        String::from_utf8_lossy(&archive.stderr)
    );
    archive.stdout
}

/// Files of every kind that an unprivileged user can make.
fn files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("sh")
        .arg("-c")
        .arg(
            "echo content > file && ln file link && ln -s file soft && mkfifo pipe && mkdir folder \
             && head -c 300000 /dev/zero | tr '\\0' x > large \
             && long=$(yes a-folder-with-a-long-name | head -n 9 | paste -sd /) && mkdir -p $long && echo long > $long/file",
        )
        .current_dir(folder.path())
        .status();
    assert!(made.unwrap().success());
    // Holes enough that the map of them does not fit the header.
    let sparse = std::fs::File::options()
        .write(true)
        .open(folder.path().join("large"))
        .unwrap();
    for hole in 1..=40_u64 {
        std::os::unix::fs::FileExt::write_all_at(&sparse, b"data", hole * 1_000_000).unwrap();
    }
    folder
}

#[test]
fn late_times_become_what_an_archiver_writes_for_the_epoch() {
    for format in ["v7", "ustar", "oldgnu", "gnu", "posix"] {
        let files = files();
        let late = |at: u64| {
            let seconds = EPOCH + 1 + at * 1_000_000;
            if at.is_multiple_of(2) {
                seconds.to_string()
            } else {
                format!("{seconds}.25")
            }
        };
        let from_engine = gnu_tar(format, files.path(), late);
        let expected = gnu_tar(format, files.path(), |_| EPOCH.to_string());
        assert_ne!(from_engine, expected, "{format}");
        for piece in [511, 4_096, 1 << 20] {
            assert!(
                pass(&from_engine, piece) == expected,
                "{format} in pieces of {piece}"
            );
        }
    }
}

#[test]
fn what_is_old_enough_stays_byte_for_byte() {
    for format in ["v7", "ustar", "oldgnu", "gnu", "posix"] {
        let files = files();
        let old = gnu_tar(format, files.path(), |at| {
            let seconds = EPOCH - at;
            if at.is_multiple_of(2) {
                seconds.to_string()
            } else {
                format!("{seconds}.25")
            }
        });
        assert!(pass(&old, 1_000) == old, "{format}");
    }
    let files = files();
    // Negative times are written in base 256.
    let very_old = gnu_tar("gnu", files.path(), |at| format!("-{}", at + 1));
    assert!(pass(&very_old, 1_000) == very_old);
}

#[test]
fn what_is_no_archive_passes() {
    let noise = vec![7; 300_000];
    assert_eq!(pass(&noise, 1_000), noise);
    let mut cut = gnu_tar("ustar", files().path(), |_| EPOCH.to_string());
    cut.truncate(700);
    assert_eq!(pass(&cut, 100), cut);
    let mut followed = vec![0; 2 * BLOCK];
    followed.extend_from_slice(b"something else");
    assert_eq!(pass(&followed, 100), followed);
    let mut huge = Header::new_ustar();
    huge.set_entry_type(EntryType::XHeader);
    huge.set_size(u64::MAX >> 1);
    huge.set_cksum();
    let huge = [huge.as_bytes(), &[9; 2_000][..]].concat();
    assert_eq!(pass(&huge, 100), huge);
    assert_eq!(pass(&[], 1), b"");
}

/// The two times that GNU's own header has beside that of the content.
#[test]
fn gnu_times_of_reading_and_change_are_set_too() {
    let mut header = Header::new_gnu();
    let gnu = header.as_gnu_mut().unwrap();
    gnu.set_atime(EPOCH + 1);
    gnu.set_ctime(EPOCH - 1);
    header.set_size(0);
    header.set_mtime(5);
    header.set_cksum();
    let passed = pass(header.as_bytes(), BLOCK);
    let mut found = Header::new_old();
    found.as_mut_bytes().copy_from_slice(&passed);
    let gnu = found.as_gnu().unwrap();
    assert_eq!(
        (gnu.atime().unwrap(), gnu.ctime().unwrap(), found.mtime().unwrap()),
        (EPOCH, EPOCH - 1, 5)
    );
    assert_eq!(found.cksum().unwrap(), {
        header.as_gnu_mut().unwrap().set_atime(EPOCH);
        header.set_cksum();
        header.cksum().unwrap()
    });
}

#[derive(Debug, Clone)]
struct LayerFixture {
    path: String,
    content: Vec<u8>,
    mtime: u64,
    records: Vec<(String, Vec<u8>)>,
    is_gnu: bool,
}

fn made() -> impl Strategy<Value = LayerFixture> {
    let time = (EPOCH - 2..EPOCH + 3, prop::option::of(0_u32..1_000)).prop_map(|(seconds, fraction)| {
        let fraction = fraction.map_or(String::new(), |fraction| format!(".{fraction}"));
        format!("{seconds}{fraction}").into_bytes()
    });
    let record = prop_oneof![
        ("(mtime|atime|ctime)", time),
        (
            "SCHILY\\.xattr\\.user\\.[a-z]{1,9}",
            prop::collection::vec(any::<u8>(), 0..40)
        ),
    ];
    (
        "[a-z]{1,9}(/[a-z]{1,40}){0,8}",
        prop::collection::vec(any::<u8>(), 0..1_500),
        EPOCH - 2..EPOCH + 3,
        prop::collection::vec(record, 0..4),
        any::<bool>(),
    )
        .prop_map(|(path, content, mtime, records, is_gnu)| LayerFixture {
            path,
            content,
            mtime,
            records,
            is_gnu,
        })
}

fn archive(entries: &[LayerFixture]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for made in entries {
        let records = made.records.iter();
        archive
            .append_pax_extensions(records.map(|(key, value)| (key.as_str(), value.as_slice())))
            .unwrap();
        // A long name takes an entry of GNU's own before it.
        let mut header = if made.is_gnu {
            Header::new_gnu()
        } else {
            Header::new_ustar()
        };
        header.set_size(made.content.len() as u64);
        header.set_mtime(made.mtime);
        archive
            .append_data(&mut header, &made.path, made.content.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

/// Path, content and time of each entry.
fn listing(layer: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, u64)> {
    let mut archive = Archive::new(layer);
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| {
            let mut entry = entry.unwrap();
            let path = entry.path_bytes().into_owned();
            let time = entry.header().mtime().unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (path, content, time)
        })
        .collect()
}

proptest! {
    #[test]
    fn nothing_but_times_changes(entries in prop::collection::vec(made(), 0..6), piece in 1_usize..3_000) {
        let layer = archive(&entries);
        let passed = pass(&layer, piece);
        prop_assert_eq!(&pass(&layer, layer.len()), &passed, "the pieces do not matter");
        prop_assert_eq!(&pass(&passed, piece), &passed, "there is no late time any more");
        let before = listing(&layer);
        let after = listing(&passed);
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.into_iter().zip(after) {
            prop_assert_eq!((before.0, before.1), (after.0, after.1));
            prop_assert!(after.2 <= EPOCH);
        }
        for made in &entries {
            for (key, value) in made.records.iter().filter(|(key, _)| key.starts_with("SCHILY")) {
                let record = [key.as_bytes(), b"=", value, b"\n"].concat();
                prop_assert!(passed.windows(record.len()).any(|window| window == record));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000), fix in any::<bool>()) {
        let mut bytes = bytes;
        if fix && bytes.len() >= BLOCK {
            // With a right checksum more of the header is looked at.
            let mut header = Header::new_old();
            header.as_mut_bytes().copy_from_slice(&bytes[..BLOCK]);
            header.set_cksum();
            bytes[..BLOCK].copy_from_slice(header.as_bytes());
        }
        prop_assert_eq!(pass(&bytes, 700), pass(&bytes, 1));
    }
}
