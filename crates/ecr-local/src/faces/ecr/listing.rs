//! Lists and descriptions of images.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{IMAGE_IDS, ImageId, find, not_found};
use super::scans::scan_fields;
use crate::faces::json_api::{
    Context, Handler, Member, Operation, Resource, Shape, epoch_seconds, optional, page_size, read,
    repository_name, required, with_token,
};
use crate::refusal::Refusal;
use crate::state::store::{ImageDetail, ImageStatus, Page, Repository};

/// Source: ECR API reference, `TagStatus`.
pub(crate) const TAG_STATUS: Member = optional("tagStatus", Shape::Enum(&["TAGGED", "UNTAGGED", "ANY"]));

/// Source: ECR API reference, `ListImagesFilter` and `DescribeImagesFilter`.
const FILTER: Member = optional(
    "filter",
    Shape::Structure(&[TAG_STATUS, optional("imageStatus", IMAGE_STATUS)]),
);

/// Source: ECR API reference, `ListImagesFilter`, `imageStatus`.
pub(crate) const IMAGE_STATUS: Shape = Shape::Enum(&["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"]);

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeImages",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("imageIds", IMAGE_IDS),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
            FILTER,
        ],
        run: Handler::Blocking(describe_images),
    },
    Operation {
        name: "ListImages",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
            FILTER,
        ],
        run: Handler::Blocking(list_images),
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListImages {
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filter: ImageFilter,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ImageFilter {
    tag_status: TagStatus,
    image_status: Option<StatusFilter>,
}

impl ImageFilter {
    fn includes(&self, image: &ImageDetail, now: Timestamp) -> bool {
        let status = self.image_status.unwrap_or_default();
        self.tag_status.includes(&image.tags) && status.includes(image.storage.status(now))
    }
}

/// Which images are wanted, by whether they are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum StatusFilter {
    #[default]
    Active,
    Archived,
    Activating,
    Any,
}

impl StatusFilter {
    pub(crate) fn includes(self, status: ImageStatus) -> bool {
        match self {
            Self::Any => true,
            Self::Active => status == ImageStatus::Active,
            Self::Archived => status == ImageStatus::Archived,
            Self::Activating => status == ImageStatus::Activating,
        }
    }
}

/// Which images are wanted, by whether they have tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum TagStatus {
    #[default]
    Any,
    Tagged,
    Untagged,
}

impl TagStatus {
    /// Whether an image with these tags is wanted.
    pub(crate) fn includes(self, tags: &[String]) -> bool {
        match self {
            Self::Any => true,
            Self::Tagged => !tags.is_empty(),
            Self::Untagged => tags.is_empty(),
        }
    }
}

/// `ListImages`: one entry for each tag, and one for each image without any.
fn list_images(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: ListImages = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let size = page_size(request.max_results);
    let mut entries: Vec<(String, ImageId)> = Vec::new();
    for image in context.registry.images(&name)? {
        if !request.filter.includes(&image, context.now()) {
            continue;
        }
        let id = |tag: Option<&String>| ImageId {
            image_digest: Some(image.digest.to_string()),
            image_tag: tag.cloned(),
        };
        if image.tags.is_empty() {
            entries.push((image.digest.to_string(), id(None)));
        }
        for tag in &image.tags {
            entries.push((format!("{} {tag}", image.digest), id(Some(tag))));
        }
    }
    let page = Page::cut(entries, |entry| &entry.0, request.next_token.as_deref(), size)?;
    let ids: Vec<ImageId> = page.items.into_iter().map(|(_, id)| id).collect();
    Ok(with_token(json!({"imageIds": ids}), page.next))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeImages {
    repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filter: ImageFilter,
}

/// `DescribeImages`. Images that are named are described whatever their status, unless one is asked for.
pub(crate) fn describe_images(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeImages = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let repository = context.registry.repository(&name)?;
    let images = context.registry.images(&name)?;
    let Some(ids) = request.image_ids else {
        let size = page_size(request.max_results);
        let keyed = images
            .into_iter()
            .filter(|image| request.filter.includes(image, context.now()))
            .map(|image| (image.digest.to_string(), image));
        let page = Page::cut(keyed, |entry| &entry.0, request.next_token.as_deref(), size)?;
        let details = page
            .items
            .iter()
            .map(|(_, image)| detail(context, &repository, image))
            .collect::<Result<Vec<Value>, Refusal>>()?;
        return Ok(with_token(json!({"imageDetails": details}), page.next));
    };
    if request.next_token.is_some() || request.max_results.is_some() {
        return Err(Refusal::parameter(
            "imageIds",
            "cannot be used together with maxResults or nextToken",
        ));
    }
    let mut found: Vec<&ImageDetail> = Vec::new();
    for id in &ids {
        let status = request.filter.image_status.unwrap_or(StatusFilter::Any);
        let image = find(&images, id)?
            .filter(|image| status.includes(image.storage.status(context.now())))
            .ok_or_else(|| not_found(context, &name, id))?;
        if !found.iter().any(|other| other.digest == image.digest) {
            found.push(image);
        }
    }
    let details = found
        .into_iter()
        .map(|image| detail(context, &repository, image))
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(json!({"imageDetails": details}))
}

/// Source: ECR API reference, `ImageDetail`.
fn detail(context: &Context<'_>, repository: &Repository, image: &ImageDetail) -> Result<Value, Refusal> {
    let now = context.now();
    let mut detail = json!({
        "registryId": context.registry.account(),
        "repositoryName": repository.name,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": epoch_seconds(image.pushed_at),
        "imageManifestMediaType": image.media_type,
        "imageStatus": image.storage.status(now),
    });
    if let Some(fields) = detail.as_object_mut() {
        if !image.tags.is_empty() {
            fields.insert("imageTags".to_owned(), json!(image.tags));
        }
        if let Some(artifact_type) = &image.artifact_type {
            fields.insert("artifactMediaType".to_owned(), artifact_type.as_str().into());
        }
        if let Some(pulled_at) = image.pulled_at {
            fields.insert("lastRecordedPullTime".to_owned(), epoch_seconds(pulled_at).into());
        }
        if let Some(subject) = image.subject {
            fields.insert("subjectManifestDigest".to_owned(), json!(subject));
        }
        if let Some(archived_at) = image.storage.archived_at {
            fields.insert("lastArchivedAt".to_owned(), epoch_seconds(archived_at).into());
        }
        if let Some(activated_at) = image.storage.activated_at(now) {
            fields.insert("lastActivatedAt".to_owned(), epoch_seconds(activated_at).into());
        }
        let scan = scan_fields(context, repository, image)?;
        fields.extend(scan.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    Ok(detail)
}
