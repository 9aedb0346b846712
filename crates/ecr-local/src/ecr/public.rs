//! ECR Public's API: registries that everybody pulls from, one for each account. What it shares with ECR is done by
//! ECR's own code; here stand its constraints, which are others, and what it alone has.
//!
//! Source: ECR Public API reference.

mod authorization;
mod images;
mod policies;
mod registries;
mod repositories;

use serde_json::Value;

use crate::emulator::Emulator;
use crate::json_api::{Operation, Service, Shape};
use crate::refusal::Refusal;
use crate::sigv4::Signer;
use crate::store::{Alias, Registry};
use tagship_domain::reference::AccountId;

/// The API.
pub(crate) static SERVICE: Service = Service {
    target: "SpencerFrontendService.",
    name: "ecr-public",
    registry,
    operations: &[
        authorization::OPERATIONS,
        images::OPERATIONS,
        policies::OPERATIONS,
        registries::OPERATIONS,
        repositories::OPERATIONS,
    ],
};

/// The only region of the API. Source: ECR Public user guide, "Service endpoints".
const REGION: &str = "us-east-1";

/// A repository's name, which is stricter than ECR's.
const REPOSITORY_NAME: Shape = Shape::pattern(
    2,
    205,
    "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*",
);

/// An account's id, or its alias.
const REGISTRY_ID_OR_ALIAS: Shape = Shape::text(2, 50);

/// The public registry that the request names; the caller's own where it names none.
fn registry(
    emulator: &Emulator,
    signer: &Signer,
    operation: &Operation,
    document: &Value,
) -> Result<Registry, Refusal> {
    if emulator.auth && signer.region.as_str() != REGION {
        return Err(Refusal::modelled(
            "UnsupportedCommandException",
            format!("{} command is only supported in {REGION}.", operation.name),
        ));
    }
    let account = match super::registry_id(document) {
        None => emulator.iam.account_of(&signer.principal).clone(),
        Some(id) => AccountId::parse(id)
            .ok()
            .or_else(|| Alias::account(id))
            .ok_or_else(|| no_such_registry(operation, id))?,
    };
    Ok(emulator.registry.public_of(account))
}

fn no_such_registry(operation: &Operation, id: &str) -> Refusal {
    // This one alone takes an alias and has no exception for a wrong one.
    let code = if operation.name == "BatchDeleteImage" {
        "InvalidParameterException"
    } else {
        "RegistryNotFoundException"
    };
    Refusal::modelled(
        code,
        format!("The registry with id '{}' does not exist", id.escape_debug()),
    )
}

/// Leaves only `members` of a structure: ECR has more of them than ECR Public.
fn keep(structure: &mut Value, members: &[&str]) {
    if let Some(fields) = structure.as_object_mut() {
        fields.retain(|name, _| members.contains(&name.as_str()));
    }
}
