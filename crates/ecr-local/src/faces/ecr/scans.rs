//! Starting scans of images and reading what they found.

mod finding;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{IMAGE_ID, ImageId, image_of};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, epoch_seconds, optional, page_size, read, repository_name,
    required, with_token,
};
use crate::refusal::Refusal;
use crate::services::scanning::{self, ScanFindings, ScanState, ScanType};
use crate::state::store::{ImageDetail, ImageStatus, Page, Repository};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DescribeImageScanFindings",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageId", IMAGE_ID),
            optional("nextToken", Shape::ANY_TEXT),
            optional("maxResults", Shape::Integer { min: 1, max: 1000 }),
        ],
        run: Handler::Blocking(describe_findings),
    },
    Operation {
        name: "StartImageScan",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageId", IMAGE_ID),
        ],
        run: Handler::Blocking(start),
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartImageScan {
    repository_name: String,
    image_id: ImageId,
}

/// `StartImageScan`: a basic scan, once a day for each image.
fn start(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: StartImageScan = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let image = image_of(context, &name, &request.image_id)?;
    if scanning::configuration(&context.registry)?.scan_type == ScanType::Enhanced {
        return Err(Refusal::modelled(
            "ValidationException",
            "This feature is disabled",
        ));
    }
    if image.storage.status(context.now()) != ImageStatus::Active {
        return Err(Refusal::modelled(
            "ImageArchivedException",
            format!(
                "The image with digest '{}' is archived and cannot be scanned",
                image.digest
            ),
        ));
    }
    if let Some(media_type) = scanning::unscannable(&image.media_type, image.artifact_type.as_deref()) {
        return Err(Refusal::modelled(
            "UnsupportedImageTypeException",
            format!("An artifact with media type '{media_type}' cannot be scanned."),
        ));
    }
    if !scanning::start(&context.registry, &name, &image.digest, context.now())? {
        return Err(Refusal::modelled(
            "LimitExceededException",
            "The scan quota per image has been exceeded. Wait and try again.",
        ));
    }
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageId": request.image_id.with_digest(&image.digest),
        "imageScanStatus": {"status": "IN_PROGRESS"},
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeImageScanFindings {
    repository_name: String,
    image_id: ImageId,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribeImageScanFindings`.
fn describe_findings(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeImageScanFindings = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let repository = context.registry.repository(&name)?;
    let image = image_of(context, &name, &request.image_id)?;
    let scan_type = scanning::configuration(&context.registry)?.scan_type;
    if scan_type == ScanType::Enhanced {
        // Inspector has these findings, and gives them to those that Inspector would give them to.
        // Source: ECR user guide, "Required IAM permissions" of enhanced scanning.
        context.permit("inspector2:ListFindings", "*")?;
    }
    let state = scanning::state(context.state, &context.registry, &repository, &image)?.ok_or_else(|| {
        Refusal::modelled(
            "ScanNotFoundException",
            format!(
                "Image scan does not exist for the image with '{}' in the repository with name '{name}' in the \
                 registry with id '{}'",
                request.image_id,
                context.registry.account()
            ),
        )
    })?;
    let mut answer = json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageId": request.image_id.with_digest(&image.digest),
        "imageScanStatus": status(&state),
    });
    let Some(found) = &state.found else {
        return Ok(answer);
    };
    let (key, findings) = match scan_type {
        ScanType::Basic => ("findings", finding::basic(found)),
        ScanType::Enhanced => (
            "enhancedFindings",
            finding::enhanced(&context.registry, &repository, &image, found),
        ),
    };
    let numbered = (0_u32..).map(|number| format!("{number:010}")).zip(findings);
    let size = page_size(request.max_results);
    let page = Page::cut(numbered, |entry| &entry.0, request.next_token.as_deref(), size)?;
    let findings: Vec<Value> = page.items.into_iter().map(|(_, finding)| finding).collect();
    let mut shown = summary(found);
    if let (Some(shown), Some(answer)) = (shown.as_object_mut(), answer.as_object_mut()) {
        shown.insert(key.to_owned(), findings.into());
        answer.insert("imageScanFindings".to_owned(), json!(shown));
    }
    Ok(with_token(answer, page.next))
}

/// What `DescribeImages` says of an image's scans: nothing where the scan is basic.
///
/// Source: ECR API reference, `DescribeImages`.
pub(crate) fn scan_fields(
    context: &Context<'_>,
    repository: &Repository,
    image: &ImageDetail,
) -> Result<Vec<(&'static str, Value)>, Refusal> {
    if scanning::configuration(&context.registry)?.scan_type == ScanType::Basic {
        return Ok(Vec::new());
    }
    let Some(state) = scanning::state(context.state, &context.registry, repository, image)? else {
        return Ok(Vec::new());
    };
    let mut fields = vec![("imageScanStatus", status(&state))];
    fields.extend(
        state
            .found
            .as_ref()
            .map(|found| ("imageScanFindingsSummary", summary(found))),
    );
    Ok(fields)
}

fn status(state: &ScanState) -> Value {
    json!({"status": state.status, "description": state.description})
}

/// Source: ECR API reference, `ImageScanFindingsSummary`.
fn summary(found: &ScanFindings) -> Value {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for finding in &found.findings {
        *counts.entry(&finding.severity).or_default() += 1;
    }
    json!({
        "imageScanCompletedAt": epoch_seconds(found.completed_at),
        "vulnerabilitySourceUpdatedAt": epoch_seconds(found.completed_at),
        "findingSeverityCounts": counts,
    })
}
