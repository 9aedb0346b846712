//! The API as a whole: its families of operations, and which registry a call is for.

use serde_json::Value;

use super::{images, policies, registries, repositories};
use crate::faces::authorization;
use crate::faces::ecr::registry_id;

use crate::faces::json_api::{Operation, Service};
use crate::refusal::Refusal;
use crate::services::sigv4::Signer;
use crate::state::EmulatorState;
use crate::state::store::{Alias, Registry};
use tagship_domain::reference::{AccountId, Region};

/// The API.
pub(crate) static SERVICE: Service = Service {
    target: "SpencerFrontendService.",
    name: "ecr-public",
    registry,
    operations: &[
        authorization::PUBLIC_OPERATIONS,
        images::OPERATIONS,
        policies::OPERATIONS,
        registries::OPERATIONS,
        repositories::OPERATIONS,
    ],
};

/// The public registry that the request names; the caller's own where it names none.
fn registry(
    state: &EmulatorState,
    signer: &Signer,
    operation: &Operation,
    document: &Value,
) -> Result<Registry, Refusal> {
    let region = Region::of_public_ecr();
    if state.auth && signer.region != region {
        return Err(Refusal::modelled(
            "UnsupportedCommandException",
            format!("{} command is only supported in {region}.", operation.name),
        ));
    }
    let account = match registry_id(document) {
        None => state.iam.account_of(&signer.principal).clone(),
        Some(id) => AccountId::parse(id)
            .ok()
            .or_else(|| Alias::account(id))
            .ok_or_else(|| no_such_registry(operation, id))?,
    };
    Ok(state.registry.public_of(account))
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
