//! What the operations of ECR Public have in common: shapes of their inputs, and of their answers.

use serde_json::Value;

use crate::faces::json_api::Shape;

/// A repository's name, which is stricter than ECR's.
pub(super) const REPOSITORY_NAME: Shape = Shape::pattern(
    2,
    205,
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
);

/// An account's id, or its alias.
pub(super) const REGISTRY_ID_OR_ALIAS: Shape = Shape::text(2, 50);

/// Leaves only `members` of a structure: ECR has more of them than ECR Public.
pub(super) fn keep(structure: &mut Value, members: &[&str]) {
    if let Some(fields) = structure.as_object_mut() {
        fields.retain(|name, _| members.contains(&name.as_str()));
    }
}
