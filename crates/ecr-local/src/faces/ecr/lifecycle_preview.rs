//! Previews of lifecycle policies.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::image_ids::{IMAGE_IDS, ImageId};
use super::lifecycle::{POLICY_TEXT, not_found};
use super::listing::{TAG_STATUS, TagStatus};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, repository_name,
    required, with_token,
};
use crate::refusal::Refusal;
use crate::services::lifecycle::{POLICY, StoredPolicy, action_type, images, read_policy};
use crate::state::store::{Owner, Page, StorageClass};
use tagship_domain::lifecycle::{Action, Effect, Image, Storage};
use tagship_domain::reference::Digest;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "StartLifecyclePolicyPreview",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("lifecyclePolicyText", POLICY_TEXT),
        ],
        run: Handler::Blocking(start),
    },
    Operation {
        name: "GetLifecyclePolicyPreview",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            optional("imageIds", IMAGE_IDS),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 100 }),
            optional("filter", Shape::Structure(&[TAG_STATUS])),
        ],
        run: Handler::Blocking(get),
    },
];

/// The name of the document with a repository's last preview.
const PREVIEW: &str = "lifecycle-preview";

/// How long a preview is in progress. AWS does not say; a moment, so that clients see the state.
const IN_PROGRESS: SignedDuration = SignedDuration::from_secs(2);

/// How long a preview's results are kept. AWS does not say.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What a policy would have done when the preview began.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Preview {
    text: String,
    started_at: Timestamp,
    /// The oldest image first.
    results: Vec<PreviewResult>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct PreviewResult {
    digest: Digest,
    tags: Vec<String>,
    pushed_at: Timestamp,
    /// The action's name in the API.
    action: String,
    priority: u32,
    class: StorageClass,
}

impl Preview {
    /// Source: ECR API reference, `LifecyclePolicyPreviewStatus`.
    fn status(&self, now: Timestamp) -> &'static str {
        let age = now.duration_since(self.started_at);
        if age < IN_PROGRESS {
            "IN_PROGRESS"
        } else if age < KEPT {
            "COMPLETE"
        } else {
            "EXPIRED"
        }
    }
}

impl PreviewResult {
    fn new(image: &Image, effect: Effect) -> Self {
        Self {
            digest: image.digest,
            tags: image.tags.clone(),
            pushed_at: image.pushed_at,
            action: action_type(effect.action).to_owned(),
            priority: effect.priority,
            class: match image.storage {
                Storage::Standard { .. } => StorageClass::Standard,
                Storage::Archive { .. } => StorageClass::Archive,
            },
        }
    }

    fn is(&self, action: Action) -> bool {
        self.action == action_type(action)
    }

    fn is_one_of(&self, ids: &[ImageId]) -> bool {
        ids.iter().any(|id| {
            let digest = id.image_digest.as_ref();
            let tag = id.image_tag.as_ref();
            (digest.is_some() || tag.is_some())
                && digest.is_none_or(|digest| *digest == self.digest.to_string())
                && tag.is_none_or(|tag| self.tags.contains(tag))
        })
    }

    fn describe(&self) -> Value {
        let mut action = json!({"type": self.action});
        if self.is(Action::Archive) {
            action["targetStorageClass"] = json!(StorageClass::Archive);
        }
        json!({
            "imageTags": self.tags,
            "imageDigest": self.digest,
            "imagePushedAt": epoch_seconds(self.pushed_at),
            "action": action,
            "appliedRulePriority": self.priority,
            "storageClass": self.class,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartLifecyclePolicyPreview {
    repository_name: String,
    lifecycle_policy_text: Option<String>,
}

/// `StartLifecyclePolicyPreview`.
fn start(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: StartLifecyclePolicyPreview = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let owner = Owner::Repository(&name);
    let current: Option<StoredPolicy> = context.registry.document(owner, POLICY)?;
    let text = request
        .lifecycle_policy_text
        .or(current.map(|policy| policy.text))
        .ok_or_else(|| not_found(context, &name))?;
    let policy = read_policy(&text)?;
    let now = context.now();
    let images = images(&context.registry, &name, now)?;
    let results = policy
        .evaluate(&images, now)
        .into_iter()
        .filter_map(|effect| {
            let image = images.iter().find(|image| image.digest == effect.digest)?;
            Some(PreviewResult::new(image, effect))
        })
        .collect();
    let preview = Preview {
        text: text.clone(),
        started_at: now,
        results,
    };
    context
        .registry
        .change_document(owner, PREVIEW, |last: Option<Preview>| {
            if last.is_some_and(|last| last.status(now) == "IN_PROGRESS") {
                return Err(Refusal::modelled(
                    "LifecyclePolicyPreviewInProgressException",
                    "The previous lifecycle policy preview request has not completed. Wait and try again.",
                ));
            }
            Ok(Some(preview))
        })?;
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "lifecyclePolicyText": text,
        "status": "IN_PROGRESS",
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetLifecyclePolicyPreview {
    repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<usize>,
    filter: Option<PreviewFilter>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PreviewFilter {
    tag_status: TagStatus,
}

/// `GetLifecyclePolicyPreview`.
fn get(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: GetLifecyclePolicyPreview = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let preview: Preview = context
        .registry
        .document(Owner::Repository(&name), PREVIEW)?
        .ok_or_else(|| {
            Refusal::modelled(
                "LifecyclePolicyPreviewNotFoundException",
                format!(
                    "Lifecycle policy preview does not exist for the repository with name '{name}' in the registry with id '{}'",
                    context.registry.account()
                ),
            )
        })?;
    if request.image_ids.is_some() && (request.next_token.is_some() || request.max_results.is_some()) {
        return Err(Refusal::parameter(
            "imageIds",
            "cannot be used together with maxResults or nextToken",
        ));
    }
    let status = preview.status(context.now());
    let mut answer = json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "lifecyclePolicyText": preview.text,
        "status": status,
        "previewResults": [],
    });
    if status != "COMPLETE" {
        return Ok(answer);
    }
    let count = |action| preview.results.iter().filter(|result| result.is(action)).count();
    answer["summary"] = json!({"expiringImageTotalCount": count(Action::Expire)});
    if count(Action::Archive) > 0 {
        answer["summary"]["transitioningImageTotalCounts"] = json!([{
            "targetStorageClass": StorageClass::Archive,
            "imageTotalCount": count(Action::Archive),
        }]);
    }
    let tag_status = request.filter.unwrap_or_default().tag_status;
    let wanted = preview
        .results
        .iter()
        .filter(|result| tag_status.includes(&result.tags))
        .filter(|result| request.image_ids.as_ref().is_none_or(|ids| result.is_one_of(ids)));
    // The results of one preview never change, so that a place among them makes a token.
    let placed = (0_u32..)
        .zip(wanted)
        .map(|(place, result)| (format!("{place:010}"), result));
    let size = page_size(request.max_results);
    let page = Page::cut(placed, |(place, _)| place, request.next_token.as_deref(), size)?;
    answer["previewResults"] = page.items.iter().map(|(_, result)| result.describe()).collect();
    Ok(with_token(answer, page.next))
}
