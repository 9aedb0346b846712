//! What refers to an image.

use serde::Deserialize;
use serde_json::{Value, json};

use super::listing::{IMAGE_STATUS, StatusFilter};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required, with_token,
};
use crate::refusal::Refusal;
use crate::state::store::{ImageDetail, Page};
use tagship_domain::reference::Digest;

pub(crate) static OPERATIONS: &[Operation] = &[Operation {
    name: "ListImageReferrers",
    on: Resource::Repository,
    input: &[
        optional("registryId", Shape::REGISTRY_ID),
        required("repositoryName", Shape::REPOSITORY_NAME),
        required(
            "subjectId",
            Shape::Structure(&[required("imageDigest", Shape::ANY_TEXT)]),
        ),
        optional(
            "filter",
            Shape::Structure(&[
                optional("artifactTypes", Shape::list(&Shape::text(1, 255), 0, 5)),
                optional("artifactStatus", IMAGE_STATUS),
            ]),
        ),
        optional("nextToken", Shape::ANY_TEXT),
        optional("maxResults", Shape::Integer { min: 1, max: 50 }),
    ],
    run: Handler::Blocking(list),
}];

/// The size of a page where none is asked for. Source: ECR API reference, `ListImageReferrers`, `maxResults`.
const PAGE_SIZE: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListImageReferrers {
    repository_name: String,
    subject_id: ReferrerSubject,
    #[serde(default)]
    filter: ReferrerFilter,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReferrerSubject {
    image_digest: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ReferrerFilter {
    artifact_types: Vec<String>,
    artifact_status: StatusFilter,
}

/// `ListImageReferrers`: the manifests whose subject is the given one, which need not be there.
fn list(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: ListImageReferrers = read(document)?;
    let name = repository_name(&request.repository_name)?;
    context.permit("ecr:BatchGetImage", &context.registry.arn(name.as_str()))?;
    let subject = Digest::parse(&request.subject_id.image_digest)
        .map_err(|invalid| Refusal::parameter("subjectId.imageDigest", invalid))?;
    let now = context.now();
    let wanted = |image: &ImageDetail| {
        let types = &request.filter.artifact_types;
        image.subject == Some(subject)
            && request.filter.artifact_status.includes(image.storage.status(now))
            && (types.is_empty()
                || image
                    .artifact_type
                    .as_ref()
                    .is_some_and(|own| types.contains(own)))
    };
    let keyed = context
        .registry
        .images(&name)?
        .into_iter()
        .filter(wanted)
        .map(|image| (image.digest.to_string(), image));
    let size = request.max_results.unwrap_or(PAGE_SIZE);
    let page = Page::cut(keyed, |entry| &entry.0, request.next_token.as_deref(), size)?;
    let referrers: Vec<Value> = page
        .items
        .iter()
        .map(|(_, image)| {
            json!({
                "digest": image.digest,
                "mediaType": image.media_type,
                "artifactType": image.artifact_type,
                "size": image.manifest_size,
                "annotations": image.annotations,
                "artifactStatus": image.storage.status(now),
            })
        })
        .collect();
    Ok(with_token(json!({"referrers": referrers}), page.next))
}
