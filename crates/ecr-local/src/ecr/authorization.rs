use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::iam::Principal;
use crate::json_api::{Context, Handler, Operation, Resource, Shape, epoch_seconds, optional};
use crate::refusal::Refusal;
use crate::store::Registry;
use tagship_domain::reference::Region;

/// How long a token lives. Source: ECR API reference, `GetAuthorizationToken`.
const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// The purposes that passwords are sealed for.
const PRIVATE: &str = "registry";
const PUBLIC: &str = "public registry";

/// The user that goes with every token.
pub(crate) const USER: &str = "AWS";

/// What a token's password says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RegistryToken {
    pub(crate) principal: Principal,
    /// A token is good in one region, and for public registries.
    region: Region,
    pub(crate) expires: Timestamp,
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenProblem {
    /// It is not one of ours.
    Unknown,
    /// It has ended.
    Expired,
}

pub(super) static OPERATIONS: &[Operation] = &[Operation {
    name: "GetAuthorizationToken",
    on: Resource::Registry,
    input: &[optional("registryIds", Shape::list(&Shape::REGISTRY_ID, 1, 10))],
    run: Handler::Blocking(get_token),
}];

/// A token for registries of this kind, and when it ends.
pub(super) fn issue(context: &Context<'_>) -> Result<(String, Timestamp), Refusal> {
    let full = context.now().checked_add(LIFE).unwrap_or(Timestamp::MAX);
    // A token dies with the session that asked for it.
    let expires = context
        .principal
        .expires()
        .map_or(full, |session| session.min(full));
    let password = context.emulator.iam.seal.seal(
        purpose(&context.registry),
        &RegistryToken {
            principal: context.principal.clone(),
            region: context.registry.region().clone(),
            expires,
        },
    )?;
    let token = STANDARD.encode(format!("{USER}:{}", password.expose_secret()));
    Ok((token, expires))
}

fn purpose(registry: &Registry) -> &'static str {
    if registry.is_public() { PUBLIC } else { PRIVATE }
}

/// `GetAuthorizationToken`. The registries that are named make no difference: a token is good for all that its
/// owner may use.
fn get_token(context: &Context<'_>, _document: Value) -> Result<Value, Refusal> {
    let (token, expires) = issue(context)?;
    Ok(json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": epoch_seconds(expires),
        "proxyEndpoint": context.base.registry(&context.registry),
    }]}))
}

/// Finds out what the password of a login to a registry says.
pub(crate) fn open_token(
    emulator: &Emulator,
    registry: &Registry,
    password: &str,
) -> Result<RegistryToken, TokenProblem> {
    let token: RegistryToken = emulator
        .iam
        .seal
        .open(purpose(registry), password)
        .ok_or(TokenProblem::Unknown)?;
    if !registry.is_public() && token.region != *registry.region() {
        return Err(TokenProblem::Unknown);
    }
    if token.expires <= emulator.clock.now() {
        return Err(TokenProblem::Expired);
    }
    Ok(token)
}
