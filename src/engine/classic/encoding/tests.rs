//! The compressed form of a layer, read by another decoder.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

const ZSTD: Encoding = Encoding::Zstd(3);

async fn compressed(encoding: Encoding, chunks: &[&[u8]]) -> (Digest, Vec<u8>) {
    let (mut input, mut output) = start(encoding);
    let write = async {
        for chunk in chunks {
            assert!(input.write(Bytes::copy_from_slice(chunk)).await.is_ok());
        }
        input.finish().await.ok()
    };
    let read = async {
        let mut compressed = Vec::new();
        while let Some(piece) = output.next().await {
            compressed.extend_from_slice(&piece.unwrap());
        }
        compressed
    };
    let (diff_id, compressed) = tokio::join!(write, read);
    (diff_id.unwrap(), compressed)
}

/// Bytes of which some repeat, also from one block to the next, and some do not.
fn content(length: usize) -> Vec<u8> {
    (0..u32::MAX)
        .flat_map(|n| match n % 64 {
            0 => n.wrapping_mul(2_654_435_761).to_be_bytes(),
            n => n.to_be_bytes(),
        })
        .take(length)
        .collect()
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    (0..u32::MAX)
        .flat_map(|n| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &n.to_be_bytes());
            digest.as_ref().to_vec()
        })
        .take(length)
        .collect()
}

/// What gzip itself reads from a blob.
fn unpacked(blob: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .args(["--decompress", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = gzip.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(blob).unwrap());
        let output = gzip.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn gzip_reads_every_length() {
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 4321] {
        let content = content(length);
        let chunks: Vec<&[u8]> = content.chunks(128 * 1024).collect();
        let (diff_id, blob) = compressed(Encoding::USUAL, &chunks).await;
        assert_eq!(diff_id, Digest::of(&content));
        assert!(unpacked(&blob) == content, "{length}");
        // Neither time nor name nor comment, so nothing else than the content. Source: RFC 1952 section 2.3.
        assert_eq!(blob[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    }
}

/// What other decoders make of it, the engines' tests show.
#[tokio::test(flavor = "multi_thread")]
async fn zstandard_reads_every_length() {
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 4321] {
        let content = content(length);
        let chunks: Vec<&[u8]> = content.chunks(128 * 1024).collect();
        let (diff_id, blob) = compressed(ZSTD, &chunks).await;
        assert_eq!(diff_id, Digest::of(&content));
        assert!(
            zstd::stream::decode_all(blob.as_slice()).unwrap() == content,
            "{length}"
        );
        // Source: RFC 8878, section 3.1.1.
        assert_eq!(blob[..4], 0xFD2F_B528_u32.to_le_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_give_the_same_blob_however_they_come() {
    let content = content(3 * BLOCK + 77);
    for encoding in [Encoding::USUAL, ZSTD] {
        let (_, blob) = compressed(encoding, &[&content]).await;
        for cut in [1_000, 128 * 1024, BLOCK, BLOCK + 1] {
            let chunks: Vec<&[u8]> = content.chunks(cut).collect();
            let (_, same) = compressed(encoding, &chunks).await;
            assert!(same == blob, "{encoding:?} {cut}");
        }
    }
}

/// Blobs are found again by their digest, on other machines and in the layer cache: another encoder is another name.
#[tokio::test]
async fn the_encoder_is_the_one_that_its_name_says() {
    let content = content(2 * BLOCK + 5);
    for (encoding, name, digest) in [
        (
            Encoding::USUAL,
            "gzip-libdeflate-4-1m",
            "sha256:349fba06dc5d2ab82db384ee2b96b7a2c69786a8f110e60c469702a03bee415c",
        ),
        (
            ZSTD,
            "zstd-3-1m",
            "sha256:d14ae907244b0ef80f1d5417a1dcfd3d3f14fecc1618f763ccdf56e50771175c",
        ),
    ] {
        let (_, blob) = compressed(encoding, &[&content]).await;
        assert_eq!(encoding.name(), name);
        assert_eq!(Digest::of(&blob).to_string(), digest);
    }
}

#[tokio::test]
async fn what_does_not_compress_grows_little() {
    let noise = noise(2 * BLOCK);
    for encoding in [Encoding::USUAL, ZSTD] {
        let (_, blob) = compressed(encoding, &[&noise]).await;
        assert!(blob.len() < noise.len() + noise.len() / 1000, "{}", blob.len());
    }
    let (_, blob) = compressed(Encoding::USUAL, &[&noise]).await;
    assert!(unpacked(&blob) == noise);
}

#[tokio::test]
async fn a_source_that_goes_away_breaks_the_stream() {
    let (mut input, output) = start(Encoding::USUAL);
    assert!(input.write(Bytes::from_static(b"half a layer")).await.is_ok());
    drop(input);
    let pieces: Vec<_> = output.collect().await;
    assert!(matches!(pieces.as_slice(), [.., Err(_)]), "{pieces:?}");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_noticed() {
    let (input, output) = start(Encoding::USUAL);
    drop(output);
    assert!(input.finish().await.is_err());
}
