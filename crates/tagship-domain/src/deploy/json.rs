//! Files in JSON.

use serde_json::{Value, json};

use super::invalid::DeployFileProblem;
use crate::reference::ImageName;
use crate::untrusted::cleaned;

/// What `DescribeTaskDefinition` answers and `RegisterTaskDefinition` does not take.
///
/// Source: Amazon ECS API reference, `TaskDefinition` and `RegisterTaskDefinition`.
const ANSWERED: [&str; 8] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
];

/// What `UpdateService` takes, of all that `DescribeService` answers.
///
/// Source: AWS App Runner API reference, `UpdateService`.
const UPDATED: [&str; 7] = [
    "ServiceArn",
    "SourceConfiguration",
    "InstanceConfiguration",
    "AutoScalingConfigurationArn",
    "HealthCheckConfiguration",
    "NetworkConfiguration",
    "ObservabilityConfiguration",
];

/// A list of containers with their images, in which one has this image and the others stay.
///
/// Source: AWS `CodePipeline` user guide, "Image definitions file reference".
pub(super) fn image_definitions(
    existing: Option<&str>,
    container: &str,
    image: &str,
) -> Result<String, DeployFileProblem> {
    let wrong = |problem: String| DeployFileProblem::NoImageDefinitions(problem);
    let mut definitions: Vec<Value> = match existing {
        None => Vec::new(),
        Some(text) => serde_json::from_str(text).map_err(|error| wrong(cleaned(&error.to_string())))?,
    };
    if !definitions.iter().all(|known| known["name"].is_string()) {
        return Err(wrong("an entry has no `name`".to_owned()));
    }
    let own = json!({ "name": container, "imageUri": image });
    match definitions.iter_mut().find(|known| known["name"] == container) {
        Some(known) => *known = own,
        None => definitions.push(own),
    }
    Ok(printed(&Value::Array(definitions)))
}

/// The input of `aws apprunner update-service`, in which the service has the image.
///
/// Source: AWS App Runner API reference, `UpdateService` and `ImageRepository`.
pub(super) fn service(existing: &str, name: &ImageName, image: &str) -> Result<String, DeployFileProblem> {
    let wrong = |problem: &str| DeployFileProblem::NoService(cleaned(problem));
    let mut service: Value = serde_json::from_str(existing).map_err(|error| wrong(&error.to_string()))?;
    // As `aws apprunner describe-service` prints it, it lies in an answer.
    if let Some(answered) = service.get_mut("Service") {
        service = answered.take();
    }
    let fields = service.as_object_mut().ok_or_else(|| wrong("it is no object"))?;
    fields.retain(|name, _| UPDATED.contains(&name.as_str()));
    if !fields.get("ServiceArn").is_some_and(Value::is_string) {
        return Err(wrong("it has no `ServiceArn`"));
    }
    let source = fields.get_mut("SourceConfiguration");
    let repository = source
        .and_then(|source| source.get_mut("ImageRepository"))
        .and_then(Value::as_object_mut)
        .ok_or_else(|| wrong("it has no `ImageRepository` in `SourceConfiguration`"))?;
    let kind = if name.registry.as_str() == "public.ecr.aws" {
        "ECR_PUBLIC"
    } else {
        "ECR"
    };
    repository.insert("ImageIdentifier".to_owned(), json!(image));
    repository.insert("ImageRepositoryType".to_owned(), json!(kind));
    Ok(printed(&service))
}

/// Source: AWS Lambda API reference, `UpdateFunctionCode`.
pub(super) fn function_code(function: &str, image: &str) -> String {
    printed(&json!({ "FunctionName": function, "ImageUri": image }))
}

/// A task definition as `aws ecs register-task-definition --cli-input-json` takes it, in which a container has the image.
pub(super) fn task_definition(
    existing: &str,
    container: &str,
    image: &str,
) -> Result<String, DeployFileProblem> {
    let wrong = |problem: String| DeployFileProblem::NoTaskDefinition(problem);
    let mut definition: Value =
        serde_json::from_str(existing).map_err(|error| wrong(cleaned(&error.to_string())))?;
    // As `aws ecs describe-task-definition` prints it, it lies in an answer.
    if let Some(answered) = definition.get_mut("taskDefinition") {
        definition = answered.take();
    }
    let fields = definition
        .as_object_mut()
        .ok_or_else(|| wrong("it is no object".to_owned()))?;
    fields.retain(|name, _| !ANSWERED.contains(&name.as_str()));
    let containers = fields
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut);
    let containers = containers.ok_or_else(|| wrong("it has no list `containerDefinitions`".to_owned()))?;
    let is_wanted = |known: &Value| known["name"] == container;
    let found = containers
        .iter_mut()
        .find(|known| is_wanted(known))
        .and_then(Value::as_object_mut);
    let Some(found) = found else {
        let known = containers.iter().filter_map(|known| known["name"].as_str());
        return Err(DeployFileProblem::NoContainer {
            container: cleaned(container),
            known: known.map(cleaned).collect(),
        });
    };
    found.insert("image".to_owned(), json!(image));
    Ok(printed(&definition))
}

fn printed(value: &Value) -> String {
    format!("{value:#}\n")
}
