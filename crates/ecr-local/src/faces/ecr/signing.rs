//! Managed signing.

use serde::Deserialize;
use serde_json::{Value, json};

use super::image_ids::{IMAGE_ID, ImageId, image_of};
use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::signing::{self, CONFIGURATION, Signature, SigningConfiguration, SigningStatus};
use crate::state::store::Owner;

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "DeleteSigningConfiguration",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(delete),
    },
    Operation {
        name: "DescribeImageSigningStatus",
        on: Resource::Repository,
        input: &[
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageId", IMAGE_ID),
            optional("registryId", Shape::REGISTRY_ID),
        ],
        run: Handler::Blocking(describe_status),
    },
    Operation {
        name: "GetSigningConfiguration",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(get),
    },
    Operation {
        name: "PutSigningConfiguration",
        on: Resource::Registry,
        input: &[required(
            "signingConfiguration",
            Shape::Structure(&[required("rules", Shape::list(&RULE, 0, 10))]),
        )],
        run: Handler::Blocking(put),
    },
];

/// Source: ECR API reference, `SigningRule`.
const RULE: Shape = Shape::Structure(&[
    required(
        "signingProfileArn",
        Shape::pattern(
            0,
            200,
            r"arn:aws(-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:\/signing-profiles\/[a-zA-Z0-9_]{2,}",
        ),
    ),
    optional("repositoryFilters", Shape::list(&FILTER, 1, 100)),
]);

/// Source: ECR API reference, `SigningRepositoryFilter`.
const FILTER: Shape = Shape::Structure(&[
    required(
        "filter",
        Shape::pattern(
            1,
            256,
            r"(?:[a-z0-9*]+(?:[._-][a-z0-9*]+)*/)*[a-z0-9*]+(?:[._-][a-z0-9*]+)*",
        ),
    ),
    required("filterType", Shape::Enum(&["WILDCARD_MATCH"])),
]);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutSigningConfiguration {
    signing_configuration: SigningConfiguration,
}

/// `PutSigningConfiguration`.
fn put(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutSigningConfiguration = read(document)?;
    let setting = request.signing_configuration;
    context
        .registry
        .put_document(Owner::Registry, CONFIGURATION, setting.clone())?;
    Ok(json!({"signingConfiguration": setting}))
}

/// `GetSigningConfiguration`.
fn get(context: &Context<'_>, _: Value) -> Result<Value, Refusal> {
    let setting = context.registry.document(Owner::Registry, CONFIGURATION)?;
    answer(context, setting)
}

/// `DeleteSigningConfiguration`; what is signed stays so.
fn delete(context: &Context<'_>, _: Value) -> Result<Value, Refusal> {
    let deleted = context.registry.change_document(
        Owner::Registry,
        CONFIGURATION,
        |_: Option<SigningConfiguration>| Ok(None),
    )?;
    answer(context, deleted)
}

fn answer(context: &Context<'_>, setting: Option<SigningConfiguration>) -> Result<Value, Refusal> {
    let registry = context.registry.account();
    let setting = setting.ok_or_else(|| {
        Refusal::modelled(
            "SigningConfigurationNotFoundException",
            format!("The registry with id '{registry}' has no signing configuration"),
        )
    })?;
    Ok(json!({"registryId": registry, "signingConfiguration": setting}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeImageSigningStatus {
    repository_name: String,
    image_id: ImageId,
}

/// `DescribeImageSigningStatus`.
fn describe_status(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: DescribeImageSigningStatus = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let image = image_of(context, &name, &request.image_id)?;
    let signatures = signing::signatures(&context.registry, &name, &image.digest)?;
    let statuses: Vec<Value> = signatures
        .iter()
        .map(|signature| status(context, signature))
        .collect();
    Ok(json!({
        "repositoryName": name,
        "imageId": request.image_id.with_digest(&image.digest),
        "registryId": context.registry.account(),
        "signingStatuses": statuses,
    }))
}

fn status(context: &Context<'_>, signature: &Signature) -> Value {
    let profile = &signature.profile_arn;
    match signature.status(context.now()) {
        SigningStatus::InProgress => json!({"signingProfileArn": profile, "status": "IN_PROGRESS"}),
        SigningStatus::Complete => json!({"signingProfileArn": profile, "status": "COMPLETE"}),
        SigningStatus::Failed { reason } => json!({
            "signingProfileArn": profile,
            "status": "FAILED",
            "failureCode": "AccessDeniedException",
            "failureReason": reason,
        }),
    }
}
