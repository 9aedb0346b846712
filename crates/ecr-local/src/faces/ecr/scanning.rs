//! What a registry and a repository scan.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faces::json_api::{
    Context, Handler, Operation, Resource, Shape, optional, read, repository_name, required,
};
use crate::refusal::Refusal;
use crate::services::scanning::{self, Frequency, RegistryScanning};

pub(crate) static OPERATIONS: &[Operation] = &[
    Operation {
        name: "BatchGetRepositoryScanningConfiguration",
        on: Resource::Repository,
        input: &[required(
            "repositoryNames",
            Shape::list(&Shape::REPOSITORY_NAME, 1, 25),
        )],
        run: Handler::Blocking(batch_get),
    },
    Operation {
        name: "GetRegistryScanningConfiguration",
        on: Resource::Registry,
        input: &[],
        run: Handler::Blocking(get_registry),
    },
    Operation {
        name: "PutImageScanningConfiguration",
        on: Resource::Repository,
        input: &[
            optional("registryId", Shape::REGISTRY_ID),
            required("repositoryName", Shape::REPOSITORY_NAME),
            required("imageScanningConfiguration", SCAN_ON_PUSH),
        ],
        run: Handler::Blocking(put_repository),
    },
    Operation {
        name: "PutRegistryScanningConfiguration",
        on: Resource::Registry,
        input: &[
            optional("scanType", Shape::Enum(&["BASIC", "ENHANCED"])),
            optional("rules", Shape::list(&RULE, 0, 2)),
        ],
        run: Handler::Blocking(put_registry),
    },
];

/// Source: ECR API reference, `ImageScanningConfiguration`.
pub(crate) const SCAN_ON_PUSH: Shape = Shape::Structure(&[optional("scanOnPush", Shape::Boolean)]);

/// Source: ECR API reference, `RegistryScanningRule`.
const RULE: Shape = Shape::Structure(&[
    required(
        "scanFrequency",
        Shape::Enum(&["SCAN_ON_PUSH", "CONTINUOUS_SCAN", "MANUAL"]),
    ),
    required("repositoryFilters", Shape::list(&FILTER, 0, 100)),
]);

/// Source: ECR API reference, `ScanningRepositoryFilter`.
const FILTER: Shape = Shape::Structure(&[
    required(
        "filter",
        Shape::pattern(1, 255, r"[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*"),
    ),
    required("filterType", Shape::Enum(&["WILDCARD"])),
]);

/// A repository's own setting, which the registry's rules have replaced.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanOnPush {
    #[serde(default)]
    pub(crate) scan_on_push: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutImageScanningConfiguration {
    repository_name: String,
    image_scanning_configuration: ScanOnPush,
}

/// `PutImageScanningConfiguration`.
fn put_repository(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: PutImageScanningConfiguration = read(document)?;
    let name = repository_name(&request.repository_name)?;
    let scan_on_push = request.image_scanning_configuration.scan_on_push;
    context.registry.change_repository(&name, |repository| {
        repository.scan_on_push = scan_on_push;
        Ok(())
    })?;
    Ok(json!({
        "registryId": context.registry.account(),
        "repositoryName": name,
        "imageScanningConfiguration": {"scanOnPush": scan_on_push},
    }))
}

/// `PutRegistryScanningConfiguration`.
fn put_registry(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let mut wanted: RegistryScanning = read(document)?;
    wanted.check()?;
    let before = scanning::configuration(&context.registry)?;
    wanted.since = if wanted.scan_type == before.scan_type {
        before.since
    } else {
        context.now()
    };
    scanning::configure(&context.registry, wanted.clone())?;
    Ok(json!({"registryScanningConfiguration": described(&wanted)}))
}

/// `GetRegistryScanningConfiguration`.
fn get_registry(context: &Context<'_>, _: Value) -> Result<Value, Refusal> {
    Ok(json!({
        "registryId": context.registry.account(),
        "scanningConfiguration": described(&scanning::configuration(&context.registry)?),
    }))
}

fn described(setting: &RegistryScanning) -> Value {
    json!({"scanType": setting.scan_type, "rules": setting.rules})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchGetRepositoryScanningConfiguration {
    repository_names: Vec<String>,
}

/// `BatchGetRepositoryScanningConfiguration`.
fn batch_get(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: BatchGetRepositoryScanningConfiguration = read(document)?;
    let setting = scanning::configuration(&context.registry)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for text in &request.repository_names {
        match context.registry.repository(&repository_name(text)?) {
            Ok(repository) => {
                let (frequency, filters) = setting.frequency(&repository);
                found.push(json!({
                    "repositoryArn": context.registry.arn(repository.name.as_str()),
                    "repositoryName": repository.name,
                    "scanOnPush": frequency == Frequency::ScanOnPush,
                    "scanFrequency": frequency,
                    "appliedScanFilters": filters,
                }));
            }
            Err(missing @ Refusal::RepositoryNotFound { .. }) => failures.push(json!({
                "repositoryName": text,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": missing.to_string(),
            })),
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(json!({"scanningConfigurations": found, "failures": failures}))
}
