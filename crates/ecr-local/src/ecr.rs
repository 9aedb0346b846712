//! ECR's API. Each file has a family of operations, with the constraints on their inputs.
//!
//! Source: ECR API reference.

mod account_settings;
mod authorization;
mod creation_templates;
mod deletion;
mod images;
mod layers;
mod lifecycle;
mod lifecycle_preview;
mod listing;
pub(crate) mod public;
mod pull_through;
mod pull_time;
mod referrers;
mod registry_policy;
mod replication;
mod replication_backfills;
mod repositories;
mod repository_policy;
mod resource_tags;
mod scanning;
mod scans;
mod signing;
mod storage_class;

pub(crate) use account_settings::{BLOB_MOUNTING, ENABLED};
pub(crate) use authorization::{TokenProblem, USER, open_token};

use serde_json::Value;

use crate::emulator::Emulator;
use crate::json_api::{Operation, Service};
use crate::refusal::Refusal;
use crate::sigv4::Signer;
use crate::store::Registry;
use tagship_domain::reference::AccountId;

/// The API.
pub(crate) static SERVICE: Service = Service {
    target: "AmazonEC2ContainerRegistry_V20150921.",
    name: "ecr",
    registry,
    operations: &[
        account_settings::OPERATIONS,
        authorization::OPERATIONS,
        creation_templates::OPERATIONS,
        deletion::OPERATIONS,
        images::OPERATIONS,
        layers::OPERATIONS,
        lifecycle::OPERATIONS,
        lifecycle_preview::OPERATIONS,
        listing::OPERATIONS,
        pull_through::OPERATIONS,
        pull_time::OPERATIONS,
        referrers::OPERATIONS,
        registry_policy::OPERATIONS,
        replication::OPERATIONS,
        replication_backfills::OPERATIONS,
        repositories::OPERATIONS,
        repository_policy::OPERATIONS,
        resource_tags::OPERATIONS,
        scanning::OPERATIONS,
        scans::OPERATIONS,
        signing::OPERATIONS,
        storage_class::OPERATIONS,
    ],
};

/// The registry that the request names, in the region that it is signed for; the caller's own where it names none.
fn registry(
    emulator: &Emulator,
    signer: &Signer,
    _operation: &Operation,
    document: &Value,
) -> Result<Registry, Refusal> {
    let account = match registry_id(document) {
        None => emulator.iam.account_of(&signer.principal).clone(),
        Some(id) => AccountId::parse(id).map_err(|_invalid| {
            Refusal::parameter("registryId", "must satisfy regular expression '[0-9]{12}'")
        })?,
    };
    Ok(emulator.registry_at(account, signer.region.clone()))
}

/// The registry's id in the request, which may stand in a resource name.
fn registry_id(document: &Value) -> Option<&str> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    text("registryId").or_else(|| text("resourceArn")?.split(':').nth(4))
}
