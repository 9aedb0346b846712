use serde::Deserialize;
use serde_json::{Value, json};

use super::images::{IMAGE_IDS, ImageId};
use crate::domain::reference::{Reference, RepositoryName};
use crate::local::json_api::{
    Context, Member, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, repository_name,
    required, with_token,
};
use crate::local::refusal::Refusal;
use crate::local::store::{ImageDetail, Page};

const TAG_STATUS: Member = optional("tagStatus", Shape::Enum(&["TAGGED", "UNTAGGED", "ANY"]));

pub(super) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeImages",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("imageIds", IMAGE_IDS),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
            optional("filter", Shape::Structure(&[TAG_STATUS])),
        ],
        run: describe_images,
    },
    Operation {
        name: "ListImages",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
            optional("filter", Shape::Structure(&[TAG_STATUS])),
        ],
        run: list_images,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListImages {
    repository_name: String,
    next_token: Option<String>,
    max_results: Option<usize>,
    filter: Option<Filter>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    tag_status: TagStatus,
}

/// Which images are wanted, by whether they have tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum TagStatus {
    #[default]
    Any,
    Tagged,
    Untagged,
}

impl TagStatus {
    fn includes(self, image: &ImageDetail) -> bool {
        match self {
            Self::Any => true,
            Self::Tagged => !image.tags.is_empty(),
            Self::Untagged => image.tags.is_empty(),
        }
    }
}

/// `ListImages`: one entry for each tag, and one for each image without any.
fn list_images(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: ListImages = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let status = request.filter.unwrap_or_default().tag_status;
    let size = page_size(request.max_results);
    let mut entries: Vec<(String, ImageId)> = Vec::new();
    for image in context.registry.images(&name)? {
        if !status.includes(&image) {
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
    filter: Option<Filter>,
}

/// `DescribeImages`.
pub(super) fn describe_images(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeImages = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let status = request.filter.unwrap_or_default().tag_status;
    let images = context.registry.images(&name)?;
    let Some(ids) = request.image_ids else {
        let size = page_size(request.max_results);
        let keyed = images
            .into_iter()
            .filter(|image| status.includes(image))
            .map(|image| (image.digest.to_string(), image));
        let page = Page::cut(keyed, |entry| &entry.0, request.next_token.as_deref(), size)?;
        let details: Vec<Value> = page
            .items
            .iter()
            .map(|(_, image)| detail(context, &name, image))
            .collect();
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
        let image = find(&images, id)?.ok_or_else(|| Refusal::ImageNotFound {
            digest: id.image_digest.clone(),
            tag: id.image_tag.clone(),
            repository: name.clone(),
            registry: context.registry.account().clone(),
        })?;
        if !found.iter().any(|other| other.digest == image.digest) {
            found.push(image);
        }
    }
    let details: Vec<Value> = found
        .into_iter()
        .map(|image| detail(context, &name, image))
        .collect();
    Ok(json!({"imageDetails": details}))
}

fn find<'a>(images: &'a [ImageDetail], id: &ImageId) -> Result<Option<&'a ImageDetail>, Refusal> {
    let reference = id
        .reference()
        .map_err(|(_, reason)| Refusal::InvalidParameter(reason.to_owned()))?;
    Ok(images.iter().find(|image| match &reference {
        Reference::Digest(digest) => {
            image.digest == *digest && id.image_tag.as_ref().is_none_or(|tag| image.tags.contains(tag))
        }
        Reference::Tag(tag) => image.tags.iter().any(|other| other == tag.as_str()),
    }))
}

/// Source: ECR API reference, `ImageDetail`.
fn detail(context: &Context<'_>, name: &RepositoryName, image: &ImageDetail) -> Value {
    let mut detail = json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": epoch_seconds(image.pushed_at),
        "imageManifestMediaType": image.media_type,
        "imageStatus": "ACTIVE",
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
    }
    detail
}
