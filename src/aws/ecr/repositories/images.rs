//! All images of a repository, as lifecycle policies look at them.

use std::collections::{HashMap, HashSet};

use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageDetail, ImageIdentifier, ImageStatus, ImageStatusFilter,
};
use aws_smithy_types::DateTime;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::aws::ecr::images::manifest;
use crate::ports::RegistryError;
use tagship_domain::content::{Content, DOCKER_LIST, MANIFEST_TYPES, OCI_INDEX};
use tagship_domain::cost::StoredContent;
use tagship_domain::lifecycle::{Image, Storage};
use tagship_domain::reference::{Digest, RepositoryName};
use tagship_domain::repositories::StoredImage;

/// The most images on one page. Source: ECR API reference, `DescribeImages`, `maxResults`.
const PAGE: i32 = 1000;

/// The most pages that are read: ECR's quota is 100,000 images in a repository.
const MAX_PAGES: usize = 150;

/// The most manifests that one request names. Source: ECR API reference, `BatchGetImage`, `imageIds`.
const MANIFESTS: usize = 100;

/// How many requests for manifests are under way at the same time. The rates of an account are shared with all that use it.
const PARALLEL: usize = 4;

/// All images of a repository, and which of them are indexes.
struct Listed {
    images: Vec<StoredImage>,
    indexes: Vec<usize>,
}

/// Returns all images, also archived ones, with what indexes list. Source: ECR API reference, `DescribeImages`.
pub(super) async fn stored(
    paced: &Paced<'_>,
    repository: &RepositoryName,
) -> Result<Vec<StoredImage>, RegistryError> {
    let Listed { mut images, indexes } = list(paced, repository).await?;
    // What is archived cannot be read.
    let is_at_hand = |index: &usize| matches!(images[*index].image.storage, Storage::Standard { .. });
    let indexes: Vec<usize> = indexes.into_iter().filter(is_at_hand).collect();
    let digests: Vec<Digest> = indexes.iter().map(|index| images[*index].image.digest).collect();
    let some: Vec<Vec<Digest>> = digests.chunks(MANIFESTS).map(<[Digest]>::to_vec).collect();
    let found: Vec<HashMap<Digest, Parts>> = stream::iter(some)
        .map(|some| async move { parts(paced, repository, &some).await })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    let mut found: HashMap<Digest, Parts> = found.into_iter().flatten().collect();
    for index in indexes {
        let image = &mut images[index].image;
        if let Some(Parts::Children(children)) = found.remove(&image.digest) {
            image.children = children;
        }
    }
    Ok(images)
}

/// Whether there is any image, also an archived one. Where the first page does not say it there may be.
pub(super) async fn are_any(paced: &Paced<'_>, repository: &RepositoryName) -> Result<bool, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:DescribeImages",
        operation: "looking for images",
    };
    let filter = DescribeImagesFilter::builder()
        .image_status(ImageStatusFilter::Any)
        .build();
    let filter = &filter;
    let answer = paced.call(call.action, |client| {
        let request = client
            .describe_images()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .filter(filter.clone())
            .max_results(1);
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    Ok(!answer.image_details().is_empty() || answer.next_token().is_some())
}

/// Returns all images, also archived ones, with what indexes list, and with the configs and layers of the others where they are
/// asked for.
pub(super) async fn contents(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    with_layers: bool,
) -> Result<Vec<StoredContent>, RegistryError> {
    let Listed { images, indexes } = list(paced, repository).await?;
    let indexes: HashSet<usize> = indexes.into_iter().collect();
    let contents = images
        .into_iter()
        .enumerate()
        .map(|(place, stored)| StoredContent {
            stored,
            // What an index is itself is next to nothing; a registry may count its images in its size.
            blobs: indexes.contains(&place).then(Vec::new),
        });
    let mut contents: Vec<StoredContent> = contents.collect();
    let is_read = |one: &StoredContent| {
        let is_at_hand = matches!(one.stored.image.storage, Storage::Standard { .. });
        is_at_hand && (with_layers || one.blobs.is_some())
    };
    let places: Vec<usize> = (0..contents.len())
        .filter(|place| is_read(&contents[*place]))
        .collect();
    for some in places.chunks(MANIFESTS) {
        let digests: Vec<Digest> = (some.iter())
            .map(|place| contents[*place].stored.image.digest)
            .collect();
        let mut found = parts(paced, repository, &digests).await?;
        for place in some {
            let one = &mut contents[*place];
            match found.remove(&one.stored.image.digest) {
                Some(Parts::Children(children)) => one.stored.image.children = children,
                Some(Parts::Blobs(blobs)) => one.blobs = Some(blobs),
                None => {}
            }
        }
    }
    Ok(contents)
}

async fn list(paced: &Paced<'_>, repository: &RepositoryName) -> Result<Listed, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:DescribeImages",
        operation: "listing images",
    };
    let filter = DescribeImagesFilter::builder()
        .image_status(ImageStatusFilter::Any)
        .build();
    let filter = &filter;
    let images = call.pages(
        MAX_PAGES,
        |next| {
            paced.call(call.action, move |client| {
                let request = client
                    .describe_images()
                    .set_registry_id(paced.account())
                    .repository_name(repository.as_str())
                    .filter(filter.clone())
                    .max_results(PAGE)
                    .set_next_token(next.clone());
                async move { request.send().await }
            })
        },
        |answer| {
            let rows = answer.image_details().iter().map(|detail| image(&call, detail));
            Ok((rows.collect::<Result<_, _>>()?, answer.next_token()))
        },
    );
    let images = images.await?;
    let is_index = |(number, image): (usize, &StoredImage)| image.is_index.then_some(number);
    let indexes = images.iter().enumerate().filter_map(is_index).collect();
    Ok(Listed { images, indexes })
}

/// What a manifest consists of.
enum Parts {
    /// The images of an index.
    Children(Vec<Digest>),
    /// Config and layers, with their bytes.
    Blobs(Vec<(Digest, u64)>),
}

/// Reads manifests, as many as one request names. What is gone meanwhile, what was archived and what cannot be read has none.
///
/// Source: ECR API reference, `BatchGetImage`.
async fn parts(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    digests: &[Digest],
) -> Result<HashMap<Digest, Parts>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:BatchGetImage",
        operation: "reading what images consist of",
    };
    let id = |digest: &Digest| {
        ImageIdentifier::builder()
            .image_digest(digest.to_string())
            .build()
    };
    let ids: Vec<ImageIdentifier> = digests.iter().map(id).collect();
    let accepted: Vec<String> = MANIFEST_TYPES.map(str::to_owned).into();
    let answer = paced.call(call.action, |client| {
        let request = client
            .batch_get_image()
            .set_registry_id(paced.account())
            .repository_name(repository.as_str())
            .set_image_ids(Some(ids.clone()))
            .set_accepted_media_types(Some(accepted.clone()));
        async move { request.send().await }
    });
    let answer = answer.await.map_err(|failure| call.failed(failure))?;
    let mut all = HashMap::new();
    for image in answer.images() {
        let (_, manifest) = manifest(&call, image)?;
        match manifest.content() {
            Ok(Content::Index(index)) => {
                let children = index.manifests.iter().map(|child| child.digest).collect();
                all.insert(manifest.digest(), Parts::Children(children));
            }
            Ok(Content::Image(image)) => {
                let blobs = std::iter::once(&image.config).chain(&image.layers);
                let blobs = blobs.map(|blob| (blob.digest, blob.size)).collect();
                all.insert(manifest.digest(), Parts::Blobs(blobs));
            }
            Err(_) => {}
        }
    }
    Ok(all)
}

fn image(call: &Call<'_>, detail: &ImageDetail) -> Result<StoredImage, RegistryError> {
    let digest = detail
        .image_digest()
        .and_then(|digest| Digest::parse(digest).ok())
        .ok_or_else(|| call.malformed("the answer holds an image without its digest"))?;
    let pushed_at = time(detail.image_pushed_at())
        .ok_or_else(|| call.malformed("the answer holds an image without the time of its push"))?;
    let storage = match detail.image_status() {
        Some(ImageStatus::Archived) => Storage::Archive {
            archived_at: time(detail.last_archived_at()).unwrap_or(pushed_at),
        },
        _ => Storage::Standard {
            restored_at: time(detail.last_activated_at()),
        },
    };
    Ok(StoredImage {
        image: Image {
            digest,
            tags: detail.image_tags().to_vec(),
            pushed_at,
            pulled_at: time(detail.last_recorded_pull_time()),
            storage,
            children: Vec::new(),
        },
        size: detail
            .image_size_in_bytes()
            .and_then(|size| u64::try_from(size).ok()),
        subject: detail
            .subject_manifest_digest()
            .and_then(|digest| Digest::parse(digest).ok()),
        is_index: matches!(detail.image_manifest_media_type(), Some(OCI_INDEX | DOCKER_LIST)),
    })
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    let time = time?;
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}
