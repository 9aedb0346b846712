use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::request::{Context, epoch_seconds, read};
use crate::local::emulator::Emulator;
use crate::local::iam::Principal;
use crate::local::refusal::Refusal;

/// How long a token lives. Source: ECR API reference, `GetAuthorizationToken`.
const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// The purpose that a token's password is sealed for.
const PURPOSE: &str = "registry";

/// The user that goes with every token.
pub(crate) const USER: &str = "AWS";

/// What a token's password says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RegistryToken {
    pub(crate) principal: Principal,
    /// Account and region: a token is good for one registry host.
    registry: String,
    expires: Timestamp,
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenProblem {
    /// It is not one of ours.
    Unknown,
    /// It has ended.
    Expired,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetAuthorizationToken {
    #[serde(default)]
    registry_ids: Vec<String>,
}

/// `GetAuthorizationToken`.
pub(super) fn get_token(context: &Context<'_>, document: Value) -> Result<Value, Refusal> {
    let request: GetAuthorizationToken = read(document)?;
    let account = context.registry().account().as_str();
    if let Some(other) = request.registry_ids.iter().find(|id| *id != account) {
        return Err(Refusal::parameter(
            "registryIds",
            format!(
                "{} is not this emulator's account {account}",
                other.escape_debug()
            ),
        ));
    }
    let emulator = context.emulator;
    let now = emulator.clock.now();
    let full = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
    // A token dies with the session that asked for it.
    let expires = context
        .principal
        .expires()
        .map_or(full, |session| session.min(full));
    let password = emulator.iam.seal.seal(
        PURPOSE,
        &RegistryToken {
            principal: context.principal.clone(),
            registry: registry_of(emulator),
            expires,
        },
    )?;
    let token = STANDARD.encode(format!("{USER}:{}", password.expose_secret()));
    Ok(json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": epoch_seconds(expires),
        "proxyEndpoint": context.base.to_string(),
    }]}))
}

/// Finds out what the password of a registry login says.
pub(crate) fn open_token(emulator: &Emulator, password: &str) -> Result<RegistryToken, TokenProblem> {
    let token: RegistryToken = emulator
        .iam
        .seal
        .open(PURPOSE, password)
        .ok_or(TokenProblem::Unknown)?;
    if token.registry != registry_of(emulator) {
        return Err(TokenProblem::Unknown);
    }
    if token.expires <= emulator.clock.now() {
        return Err(TokenProblem::Expired);
    }
    Ok(token)
}

fn registry_of(emulator: &Emulator) -> String {
    format!("{}/{}", emulator.registry.account(), emulator.registry.region())
}
