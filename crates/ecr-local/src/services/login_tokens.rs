//! Tokens that registries take as passwords.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::state::EmulatorState;
use crate::state::iam::Principal;
use crate::state::store::Registry;
use tagship_domain::reference::{AccountId, Region};

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
    /// The account whose registry the login is for, where one was named.
    #[serde(default)]
    account: Option<AccountId>,
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

impl RegistryToken {
    /// The registry that the login is for, where the address does not say it.
    pub(crate) fn registry(&self, state: &EmulatorState) -> Registry {
        let account = self.account.as_ref().unwrap_or_else(|| state.registry.account());
        state.registry_at(account.clone(), self.region.clone())
    }
}

/// The password of the user [`USER`] for the emulator's own registry, as its administrator gets it.
pub(crate) fn administrators_password(state: &EmulatorState) -> Result<SecretString, Refusal> {
    let expires = state.clock.now().checked_add(LIFE).unwrap_or(Timestamp::MAX);
    seal(state, &Principal::Administrator, &state.registry, None, expires)
}

/// A token for registries of this kind, and when it ends. `account` is the one whose registry was asked for by name.
pub(crate) fn issue(
    state: &EmulatorState,
    principal: &Principal,
    registry: &Registry,
    account: Option<AccountId>,
) -> Result<(String, Timestamp), Refusal> {
    let full = state.clock.now().checked_add(LIFE).unwrap_or(Timestamp::MAX);
    // A token dies with the session that asked for it.
    let expires = principal.expires().map_or(full, |session| session.min(full));
    let password = seal(state, principal, registry, account, expires)?;
    let token = STANDARD.encode(format!("{USER}:{}", password.expose_secret()));
    Ok((token, expires))
}

fn seal(
    state: &EmulatorState,
    principal: &Principal,
    registry: &Registry,
    account: Option<AccountId>,
    expires: Timestamp,
) -> Result<SecretString, Refusal> {
    let token = RegistryToken {
        principal: principal.clone(),
        region: registry.region().clone(),
        account,
        expires,
    };
    Ok(state.iam.seal.seal(purpose(registry), &token)?)
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
    let token = open(state, purpose(registry), password)?;
    if !registry.is_public() && token.region != *registry.region() {
        return Err(TokenProblem::Unknown);
    }
    Ok(token)
}

/// The same for a private registry that the login alone names.
pub(crate) fn open_private_token(
    state: &EmulatorState,
    password: &str,
) -> Result<RegistryToken, TokenProblem> {
    open(state, PRIVATE, password)
}

fn open(state: &EmulatorState, purpose: &str, password: &str) -> Result<RegistryToken, TokenProblem> {
    let token: RegistryToken = state
        .iam
        .seal
        .open(purpose, password)
        .ok_or(TokenProblem::Unknown)?;
    if token.expires <= state.clock.now() {
        return Err(TokenProblem::Expired);
    }
    Ok(token)
}
