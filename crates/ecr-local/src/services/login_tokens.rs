//! Tokens that registries take as passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::Registry;
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

/// A token for registries of this kind, and when it ends.
pub(crate) fn issue(
    state: &EmulatorState,
    principal: &Principal,
    registry: &Registry,
) -> Result<(String, Timestamp), Refusal> {
    let full = state.clock.now().checked_add(LIFE).unwrap_or(Timestamp::MAX);
    // A token dies with the session that asked for it.
    let expires = principal.expires().map_or(full, |session| session.min(full));
    let password = state.iam.seal.seal(
        purpose(registry),
        &RegistryToken {
            principal: principal.clone(),
            region: registry.region().clone(),
            expires,
        },
    )?;
    let token = STANDARD.encode(format!("{USER}:{}", password.expose_secret()));
    Ok((token, expires))
}

fn purpose(registry: &Registry) -> &'static str {
    if registry.is_public() { PUBLIC } else { PRIVATE }
}

/// Finds out what the password of a login to a registry says.
pub(crate) fn open_token(
    state: &EmulatorState,
    registry: &Registry,
    password: &str,
) -> Result<RegistryToken, TokenProblem> {
    let token: RegistryToken = state
        .iam
        .seal
        .open(purpose(registry), password)
        .ok_or(TokenProblem::Unknown)?;
    if !registry.is_public() && token.region != *registry.region() {
        return Err(TokenProblem::Unknown);
    }
    if token.expires <= state.clock.now() {
        return Err(TokenProblem::Expired);
    }
    Ok(token)
}
