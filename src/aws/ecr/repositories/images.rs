//! All images of a repository, as lifecycle policies look at them.

use aws_sdk_ecr::types::{DescribeImagesFilter, ImageDetail, ImageStatus, ImageStatusFilter};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::Paced;
use crate::aws::ecr::answer::Call;
use crate::aws::ecr::images::look_up;
use crate::ports::RegistryError;
use tagship_domain::content::{Content, DOCKER_LIST, Manifest, OCI_INDEX};
use tagship_domain::lifecycle::{Image, Storage};
use tagship_domain::reference::{Digest, RepositoryName};
use tagship_domain::repositories::StoredImage;

/// The most images on one page. Source: ECR API reference, `DescribeImages`, `maxResults`.
const PAGE: i32 = 1000;

/// The most pages that are read: ECR's quota is 100,000 images in a repository.
const MAX_PAGES: usize = 150;

/// How many indexes are read at once.
const INDEXES: usize = 100;

/// Returns all images, also archived ones, with what indexes list. Source: ECR API reference, `DescribeImages`.
pub(super) async fn stored(
    paced: &Paced<'_>,
    repository: &RepositoryName,
) -> Result<Vec<StoredImage>, RegistryError> {
    let call = Call {
        registry: paced.registry,
        repository,
        action: "ecr:DescribeImages",
        operation: "listing images",
    };
    let filter = DescribeImagesFilter::builder()
        .image_status(ImageStatusFilter::Any)
        .build();
    let (mut images, mut indexes) = (Vec::new(), Vec::new());
    let mut next: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let answer = paced.call(call.action, |client| {
            let request = client
                .describe_images()
                .set_registry_id(paced.account())
                .repository_name(repository.as_str())
                .filter(filter.clone())
                .max_results(PAGE)
                .set_next_token(next.clone());
            async move { request.send().await }
        });
        let answer = answer.await.map_err(|failure| call.failed(failure))?;
        for detail in answer.image_details() {
            let image = image(&call, detail)?;
            if matches!(detail.image_manifest_media_type(), Some(OCI_INDEX | DOCKER_LIST)) {
                indexes.push(images.len());
            }
            images.push(image);
        }
        next = answer.next_token().map(str::to_owned);
        if next.is_none() {
            add_children(paced, repository, &mut images, &indexes).await?;
            return Ok(images);
        }
    }
    Err(call.malformed("its pages do not end"))
}

/// What an index lists stands in its manifest alone.
async fn add_children(
    paced: &Paced<'_>,
    repository: &RepositoryName,
    images: &mut [StoredImage],
    indexes: &[usize],
) -> Result<(), RegistryError> {
    for some in indexes.chunks(INDEXES) {
        let digests: Vec<Digest> = some.iter().map(|index| images[*index].image.digest).collect();
        let found = look_up(paced.client, paced.registry, repository, &digests, &[]).await?;
        for index in some {
            let image = &mut images[*index].image;
            if let Some(manifest) = found.digests.get(&image.digest) {
                image.children = children(manifest);
            }
        }
    }
    Ok(())
}

fn children(manifest: &Manifest) -> Vec<Digest> {
    match manifest.content() {
        Ok(Content::Index(index)) => index.manifests.iter().map(|child| child.digest).collect(),
        _ => Vec::new(),
    }
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
    })
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    let time = time?;
    let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
    Timestamp::new(time.secs(), nanoseconds).ok()
}
