//! Images through the API.

use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier, LayerAvailability, ListImagesFilter, TagStatus};
use reqwest::StatusCode;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::Digest;

use crate::bench::{Bench, REPOSITORY, api_error, digest_of, index};

fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

fn by_digest(digest: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).build()
}

async fn put(bench: &Bench, repository: &str, tag: &str, manifest: &str) -> Result<String, (String, String)> {
    let result = bench
        .ecr()
        .put_image()
        .repository_name(repository)
        .image_tag(tag)
        .image_manifest(manifest)
        .send()
        .await;
    match result {
        Ok(answer) => {
            let id = answer.image().and_then(|image| image.image_id()).cloned();
            Ok(id.and_then(|id| id.image_digest).unwrap())
        }
        Err(error) => Err(api_error::<(), _, _>(Err(error))),
    }
}

#[tokio::test]
async fn a_retag_keeps_bytes_and_digest() {
    let bench = Bench::start().await;
    let manifest = bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    assert_eq!(
        put(&bench, REPOSITORY, "sha-0123456789ab", &manifest).await,
        Ok(digest_of(&manifest))
    );
    let answer = bench
        .ecr()
        .batch_get_image()
        .repository_name(REPOSITORY)
        .image_ids(by_tag("sha-0123456789ab"))
        .image_ids(by_tag("2.0.0"))
        .image_ids(by_digest("sha256:12"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.images().len(), 1);
    assert_eq!(answer.images()[0].image_manifest(), Some(manifest.as_str()));
    let failures: Vec<&str> = answer
        .failures()
        .iter()
        .filter_map(|failure| failure.failure_code().map(ImageFailureCode::as_str))
        .collect();
    assert_eq!(failures, ["ImageNotFound", "InvalidImageDigest"]);
}

#[tokio::test]
async fn a_type_that_is_not_accepted_is_not_given_under_another_digest() {
    let bench = Bench::start().await;
    bench.registry().await.image(REPOSITORY, "1.0.0", "one").await;
    let answer = bench
        .ecr()
        .batch_get_image()
        .repository_name(REPOSITORY)
        .image_ids(by_tag("1.0.0"))
        .accepted_media_types("application/vnd.docker.distribution.manifest.v2+json")
        .send()
        .await
        .unwrap();
    assert!(answer.images().is_empty());
    assert_eq!(answer.failures().len(), 1);
}

#[tokio::test]
async fn what_is_there_already_is_told_apart_from_a_taken_tag() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let one = registry.image(REPOSITORY, "1.0.0", "one").await;
    let two = registry.content(REPOSITORY, "two").await;
    assert_eq!(
        put(&bench, REPOSITORY, "1.0.0", &one).await.unwrap_err().0,
        "ImageAlreadyExistsException"
    );
    assert_eq!(
        put(&bench, REPOSITORY, "1.0.0", &two).await,
        Err((
            "ImageTagAlreadyExistsException".to_owned(),
            "The image tag '1.0.0' already exists in the 'team/app' repository and cannot be overwritten because \
             the repository is immutable."
                .to_owned()
        ))
    );
}

#[tokio::test]
async fn a_tag_that_moves_leaves_its_old_image_untagged() {
    let bench = Bench::start().await;
    bench.make("team/mutable", Mutability::Mutable).await;
    let registry = bench.registry().await;
    let one = registry.image("team/mutable", "latest", "one").await;
    let two = registry.image("team/mutable", "latest", "two").await;
    let list = |status| async {
        let filter = ListImagesFilter::builder().tag_status(status).build();
        bench
            .ecr()
            .list_images()
            .repository_name("team/mutable")
            .filter(filter)
            .send()
            .await
            .unwrap()
            .image_ids()
            .to_vec()
    };
    assert_eq!(list(TagStatus::Untagged).await, [by_digest(&digest_of(&one))]);
    let tagged = ImageIdentifier::builder()
        .image_digest(digest_of(&two))
        .image_tag("latest")
        .build();
    assert_eq!(list(TagStatus::Tagged).await, [tagged]);
    assert_eq!(list(TagStatus::Any).await.len(), 2);
}

#[tokio::test]
async fn everything_that_a_manifest_refers_to_must_be_there() {
    let bench = Bench::start().await;
    bench.make("team/other", Mutability::Mutable).await;
    let registry = bench.registry().await;
    // Content of another repository does not count.
    let elsewhere = registry.image("team/other", "1.0.0", "one").await;
    assert_eq!(
        put(&bench, REPOSITORY, "1.0.0", &elsewhere).await.unwrap_err().0,
        "LayersNotFoundException"
    );
    let index = index(&[&elsewhere]);
    assert_eq!(
        put(&bench, REPOSITORY, "1.0.0", &index).await.unwrap_err().0,
        "ReferencedImagesNotFoundException"
    );
    assert!(put(&bench, "team/other", "index", &index).await.is_ok());
    let wrong = bench
        .ecr()
        .put_image()
        .repository_name("team/other")
        .image_manifest(&elsewhere)
        .image_digest(digest_of("another"))
        .send()
        .await;
    assert_eq!(api_error(wrong).0, "ImageDigestDoesNotMatchException");
}

#[tokio::test]
async fn layers_are_available_where_they_were_uploaded() {
    let bench = Bench::start().await;
    let digest = bench.registry().await.blob(REPOSITORY, b"layer").await;
    let answer = bench
        .ecr()
        .batch_check_layer_availability()
        .repository_name(REPOSITORY)
        .layer_digests(digest.to_string())
        .layer_digests(Digest::of(b"missing").to_string())
        .layer_digests("md5:1")
        .send()
        .await
        .unwrap();
    let found: Vec<_> = answer
        .layers()
        .iter()
        .map(|layer| (layer.layer_availability().cloned(), layer.layer_size()))
        .collect();
    assert_eq!(
        found,
        [
            (Some(LayerAvailability::Available), Some(5)),
            (Some(LayerAvailability::Unavailable), None)
        ]
    );
    assert_eq!(answer.failures().len(), 1);
}

#[tokio::test]
async fn images_are_described_with_tags_and_sizes() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let small = registry.image(REPOSITORY, "small", "s").await;
    let large = registry.image(REPOSITORY, "large", &"l".repeat(1000)).await;
    let index = index(&[&small, &large]);
    assert_eq!(
        registry.put(REPOSITORY, "index", &index).await.status(),
        StatusCode::CREATED
    );
    let describe = |id| async {
        let answer = bench
            .ecr()
            .describe_images()
            .repository_name(REPOSITORY)
            .image_ids(id)
            .send()
            .await;
        answer.map(|answer| answer.image_details()[0].clone())
    };
    let large_detail = describe(by_tag("large")).await.unwrap();
    assert_eq!(large_detail.image_tags(), ["large"]);
    // The size of an index is that of its largest image (ECR API reference, ImageDetail).
    let index_detail = describe(by_digest(&digest_of(&index))).await.unwrap();
    assert_eq!(
        index_detail.image_size_in_bytes(),
        large_detail.image_size_in_bytes()
    );
    assert_eq!(
        api_error(describe(by_tag("missing")).await).0,
        "ImageNotFoundException"
    );
}

#[tokio::test]
async fn deletion_follows_tags_digests_and_indexes() {
    let bench = Bench::start().await;
    let registry = bench.registry().await;
    let child = registry.image(REPOSITORY, "child", "one").await;
    let index = index(&[&child]);
    registry.put(REPOSITORY, "index", &index).await;
    let delete = |id| async {
        bench
            .ecr()
            .batch_delete_image()
            .repository_name(REPOSITORY)
            .image_ids(id)
            .send()
            .await
            .unwrap()
    };
    let refused = delete(by_digest(&digest_of(&child))).await;
    let code = |answer: &aws_sdk_ecr::operation::batch_delete_image::BatchDeleteImageOutput| {
        answer.failures()[0].failure_code().unwrap().as_str().to_owned()
    };
    assert_eq!(code(&refused), "ImageReferencedByManifestList");
    assert!(delete(by_tag("index")).await.failures().is_empty());
    // With its last tag the image is gone.
    assert!(delete(by_tag("child")).await.failures().is_empty());
    assert_eq!(
        code(&delete(by_digest(&digest_of(&child))).await),
        "ImageNotFound"
    );
}
