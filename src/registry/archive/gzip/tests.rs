use std::io::Read as _;

use super::*;

async fn compressed(chunks: &[&[u8]]) -> (Digest, Vec<u8>) {
    let (input, mut output) = start();
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

#[tokio::test]
async fn the_same_bytes_give_the_same_blob() {
    let noise: Vec<u8> = (0..400_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    let chunks: Vec<&[u8]> = noise.chunks(128 * 1024).collect();
    let (diff_id, blob) = compressed(&chunks).await;
    let (same_diff_id, same_blob) = compressed(&chunks).await;
    assert_eq!((diff_id, same_diff_id), (Digest::of(&noise), Digest::of(&noise)));
    assert_eq!(Digest::of(&blob), Digest::of(&same_blob));
    let mut read = Vec::new();
    flate2::read::GzDecoder::new(blob.as_slice())
        .read_to_end(&mut read)
        .unwrap();
    assert_eq!(Digest::of(&read), diff_id);
    // Neither time nor name nor comment, so nothing else than the content. Source: RFC 1952 section 2.3.
    assert_eq!(blob[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_source_that_goes_away_breaks_the_stream() {
    let (input, output) = start();
    assert!(input.write(Bytes::from_static(b"half a layer")).await.is_ok());
    drop(input);
    let pieces: Vec<_> = output.collect().await;
    assert!(matches!(pieces.as_slice(), [.., Err(_)]), "{pieces:?}");
}

#[tokio::test]
async fn a_reader_that_goes_away_is_noticed() {
    let (input, output) = start();
    drop(output);
    assert!(input.finish().await.is_err());
}
