//! ECR's API. Each file has a family of operations, with the constraints on their inputs.
//!
//! Source: ECR API reference.

mod authorization;
mod deletion;
mod images;
mod layers;
mod listing;
pub(crate) mod public;
mod repositories;

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
        authorization::OPERATIONS,
        deletion::OPERATIONS,
        images::OPERATIONS,
        layers::OPERATIONS,
        listing::OPERATIONS,
        repositories::OPERATIONS,
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
