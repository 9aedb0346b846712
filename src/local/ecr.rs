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
mod pull_time;
mod referrers;
mod repositories;
mod scanning;
mod scans;
mod signing;
mod storage_class;

pub(crate) use account_settings::{BLOB_MOUNTING, ENABLED};
pub(crate) use authorization::{TokenProblem, USER, open_token};

use serde_json::Value;

use crate::domain::reference::AccountId;
use crate::local::emulator::Emulator;
use crate::local::json_api::{Operation, Service};
use crate::local::refusal::Refusal;
use crate::local::sigv4::Signer;
use crate::local::store::Registry;

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
        pull_time::OPERATIONS,
        referrers::OPERATIONS,
        repositories::OPERATIONS,
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
    let account = match document.get("registryId").and_then(Value::as_str) {
        None => emulator.iam.account_of(&signer.principal).clone(),
        Some(id) => account(id)?,
    };
    Ok(emulator.registry_at(account, signer.region.clone()))
}

fn account(id: &str) -> Result<AccountId, Refusal> {
    AccountId::parse(id)
        .map_err(|_invalid| Refusal::parameter("registryId", "must satisfy regular expression '[0-9]{12}'"))
}
