//! The API as a whole: its families of operations, and which registry a call is for.

use serde_json::Value;

use super::{
    account_settings, creation_templates, deletion, images, layers, lifecycle, lifecycle_preview, listing,
    pull_through, pull_time, referrers, registry_policy, replication, replication_backfills, repositories,
    repository_policy, resource_tags, scanning, scans, signing, storage_class,
};

use crate::faces::authorization;
use crate::faces::json_api::{Operation, Service};
use crate::refusal::Refusal;
use crate::services::sigv4::Signer;
use crate::state::EmulatorState;
use crate::state::store::Registry;
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
    state: &EmulatorState,
    signer: &Signer,
    _operation: &Operation,
    document: &Value,
) -> Result<Registry, Refusal> {
    let account = match registry_id(document) {
        None => state.iam.account_of(&signer.principal).clone(),
        Some(id) => AccountId::parse(id).map_err(|_invalid| {
            Refusal::parameter("registryId", "must satisfy regular expression '[0-9]{12}'")
        })?,
    };
    Ok(state.registry_at(account, signer.region.clone()))
}

/// The registry's id in the request, which may stand in a resource name.
pub(crate) fn registry_id(document: &Value) -> Option<&str> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    text("registryId").or_else(|| text("resourceArn")?.split(':').nth(4))
}
