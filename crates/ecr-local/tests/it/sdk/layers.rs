//! Layers uploaded and downloaded through the API, beside the data plane.

use aws_sdk_ecr::error::SdkError;
use aws_sdk_ecr::operation::upload_layer_part::{UploadLayerPartError, UploadLayerPartOutput};
use aws_sdk_ecr::primitives::Blob;
use reqwest::{Method, StatusCode};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, api_error};

const MIB: usize = 1024 * 1024;

/// Half an hour more than addresses live.
const LATER: i64 = 90 * 60;

async fn initiate(bench: &Bench) -> String {
    let answer = bench
        .ecr()
        .initiate_layer_upload()
        .repository_name(REPOSITORY)
        .send()
        .await
        .unwrap();
    // What ECR's own example has (API reference, InitiateLayerUpload).
    assert_eq!(answer.part_size(), Some(10_485_760));
    answer.upload_id.unwrap()
}

async fn part(
    bench: &Bench,
    upload: &str,
    first: usize,
    bytes: &[u8],
) -> Result<UploadLayerPartOutput, SdkError<UploadLayerPartError>> {
    let position = |byte: usize| i64::try_from(byte).unwrap();
    bench
        .ecr()
        .upload_layer_part()
        .repository_name(REPOSITORY)
        .upload_id(upload)
        .part_first_byte(position(first))
        .part_last_byte(position(first + bytes.len() - 1))
        .layer_part_blob(Blob::new(bytes))
        .send()
        .await
}

async fn complete(bench: &Bench, upload: &str, digests: &[String]) -> Result<String, (String, String)> {
    let result = bench
        .ecr()
        .complete_layer_upload()
        .repository_name(REPOSITORY)
        .upload_id(upload)
        .set_layer_digests(Some(digests.to_vec()))
        .send()
        .await;
    match result {
        Ok(answer) => Ok(answer.layer_digest.unwrap()),
        Err(error) => Err(api_error::<(), _, _>(Err(error))),
    }
}

#[tokio::test]
async fn a_layer_comes_in_parts_and_is_there_for_the_data_plane() {
    let bench = Bench::start().await;
    let content: Vec<u8> = (0..=250).cycle().take(5 * MIB + 17).collect();
    let digest = Digest::of(&content).to_string();
    let upload = initiate(&bench).await;
    let first = part(&bench, &upload, 0, &content[..5 * MIB]).await.unwrap();
    assert_eq!(first.last_byte_received(), Some(5 * 1024 * 1024 - 1));
    part(&bench, &upload, 5 * MIB, &content[5 * MIB..]).await.unwrap();
    // Any of the digests may be the right one.
    let digests = [Digest::of(b"another").to_string(), digest.clone()];
    assert_eq!(complete(&bench, &upload, &digests).await, Ok(digest.clone()));
    let blob = bench
        .registry()
        .await
        .get(&format!("{REPOSITORY}/blobs/{digest}"))
        .await;
    assert_eq!(blob.bytes().await.unwrap(), content);
    // The upload has ended with it.
    let again = complete(&bench, &upload, &[digest]).await.unwrap_err();
    assert_eq!(again.0, "UploadNotFoundException");
}

#[tokio::test]
async fn one_face_goes_on_where_the_other_began() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let upload = initiate(&bench).await;
    part(&bench, &upload, 0, b"layer").await.unwrap();
    let address = bench.url(&format!("/v2/{REPOSITORY}/blobs/uploads/{upload}"));
    let answer = registry
        .complete(&address, Digest::of(b"layer"), "")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_part_that_does_not_follow_tells_the_last_byte_that_counts() {
    let bench = Bench::start().await;
    let upload = initiate(&bench).await;
    part(&bench, &upload, 0, b"layer").await.unwrap();
    let gap = part(&bench, &upload, 6, b"more").await.unwrap_err();
    let Some(UploadLayerPartError::InvalidLayerPartException(gap)) = gap.as_service_error() else {
        panic!("{gap:?}");
    };
    assert_eq!(gap.last_valid_byte_received(), Some(4));
    assert_eq!(gap.upload_id(), Some(upload.as_str()));
    assert_eq!(gap.repository_name(), Some(REPOSITORY));
    assert_eq!(gap.registry_id(), Some("123456789012"));
    // Nothing is lost by that.
    part(&bench, &upload, 5, b"more").await.unwrap();
    let digest = Digest::of(b"layermore").to_string();
    assert_eq!(
        complete(&bench, &upload, &[digest]).await.unwrap_err(),
        (
            "LayerPartTooSmallException".to_owned(),
            "All layer parts except the last part should be at least 5MB".to_owned()
        )
    );
}

#[tokio::test]
async fn a_part_has_the_size_that_it_says_and_at_most_10_mebibytes() {
    let bench = Bench::start().await;
    let upload = initiate(&bench).await;
    let large = vec![0; 10 * MIB + 1];
    let result = part(&bench, &upload, 0, &large).await;
    assert_eq!(api_error(result).0, "InvalidLayerPartException");
    let short = bench
        .ecr()
        .upload_layer_part()
        .repository_name(REPOSITORY)
        .upload_id(&upload)
        .part_first_byte(0)
        .part_last_byte(5)
        .layer_part_blob(Blob::new("layer"))
        .send()
        .await;
    assert_eq!(api_error(short).0, "InvalidLayerPartException");
}

#[tokio::test]
async fn an_upload_must_have_content_of_a_stated_digest_that_is_new() {
    let bench = Bench::start().await;
    let digest = Digest::of(b"layer").to_string();
    let empty = complete(&bench, &initiate(&bench).await, std::slice::from_ref(&digest)).await;
    assert_eq!(empty.unwrap_err().0, "EmptyUploadException");
    let wrong = initiate(&bench).await;
    part(&bench, &wrong, 0, b"other").await.unwrap();
    assert_eq!(
        complete(&bench, &wrong, std::slice::from_ref(&digest))
            .await
            .unwrap_err(),
        (
            "InvalidLayerException".to_owned(),
            "None of the provided layer digests match the calculated layer digest".to_owned()
        )
    );
    for expected in [None, Some("LayerAlreadyExistsException")] {
        let upload = initiate(&bench).await;
        part(&bench, &upload, 0, b"layer").await.unwrap();
        let result = complete(&bench, &upload, std::slice::from_ref(&digest)).await;
        assert_eq!(result.err().map(|(code, _)| code).as_deref(), expected);
    }
}

#[tokio::test]
async fn a_download_address_needs_no_login_and_ends() {
    for redirects in [false, true] {
        let bench = Bench::start_with(|options| options.quirks.redirect_blobs = redirects).await;
        let registry = bench.registry().await;
        registry.image(REPOSITORY, "1.0.0", "layer").await;
        let loose = registry.blob(REPOSITORY, b"loose").await;
        bench.make("team/other", Mutability::Mutable).await;
        let url = |repository: &'static str, digest: Digest| {
            let request = bench
                .ecr()
                .get_download_url_for_layer()
                .repository_name(repository)
                .layer_digest(digest.to_string());
            async move { request.send().await }
        };
        let layer = Digest::of(b"layer");
        let address = url(REPOSITORY, layer).await.unwrap().download_url.unwrap();
        let answer = bench.http.get(&address).send().await.unwrap();
        assert_eq!(answer.bytes().await.unwrap(), "layer");
        let with_login = registry.at(Method::GET, &address).send().await.unwrap();
        assert_eq!(with_login.status(), StatusCode::BAD_REQUEST);
        bench.local.set_clock_offset(LATER);
        let late = bench.http.get(&address).send().await.unwrap();
        assert_eq!(late.status(), StatusCode::FORBIDDEN);
        bench.local.set_clock_offset(0);
        assert_eq!(
            api_error(url(REPOSITORY, loose).await).0,
            "LayerInaccessibleException"
        );
        assert_eq!(
            api_error(url("team/other", layer).await).0,
            "LayersNotFoundException"
        );
        assert_eq!(
            api_error(url("team/missing", layer).await).0,
            "RepositoryNotFoundException"
        );
    }
}
