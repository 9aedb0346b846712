//! Files in JSON.

use serde_json::{Value, json};

use super::invalid::DeployFileProblem;
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

/// Source: AWS `CodePipeline` user guide, "Image definitions file reference".
pub(super) fn image_definitions(container: &str, image: &str) -> String {
    printed(&json!([{ "name": container, "imageUri": image }]))
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
