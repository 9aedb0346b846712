//! `/_local/`: what tests see and order. Only for clients on this machine.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::emulator::Emulator;
use crate::faults::Fault;
use crate::folder::Access;
use crate::iam::AccessKey;
use crate::journal::Entry;
use crate::lifecycle::{self, Outcome, Which};
use crate::oidc::GithubClaims;
use crate::scanning::ScanOrder;
use crate::server::Peer;
use crate::throttle::Quotas;
use tagship_domain::reference::{AccountId, Region};

/// Where a server tells that it is one of ours and lives.
pub(crate) const HEALTH_PATH: &str = "/_local/health";

/// A live server's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    service: String,
    account: AccountId,
    region: Region,
    /// The administrator's access key id, which no other data folder has.
    access_key_id: String,
}

impl Health {
    /// What the server answers that `access` is for.
    pub(crate) fn of(access: &Access) -> Self {
        Self::new(&access.account, &access.region, &access.administrator)
    }

    fn new(account: &AccountId, region: &Region, administrator: &AccessKey) -> Self {
        Self {
            service: "tagship-local-ecr".to_owned(),
            account: account.clone(),
            region: region.clone(),
            access_key_id: administrator.id.clone(),
        }
    }
}

/// A client on this machine.
struct Loopback;

impl<S: Sync> FromRequestParts<S> for Loopback {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, StatusCode> {
        parts
            .extensions
            .get::<Peer>()
            .filter(|Peer(address)| address.ip().to_canonical().is_loopback())
            .map(|_| Self)
            .ok_or(StatusCode::NOT_FOUND)
    }
}

/// The address that is always there.
pub(crate) fn health() -> Router<Arc<Emulator>> {
    Router::new().route(
        HEALTH_PATH,
        get(async |_: Loopback, State(emulator): State<Arc<Emulator>>| {
            let registry = &emulator.registry;
            Json(Health::new(
                registry.account(),
                registry.region(),
                &emulator.iam.administrator,
            ))
        }),
    )
}

/// The addresses that are there when they are asked for.
pub(crate) fn routes() -> Router<Arc<Emulator>> {
    Router::new()
        .route("/_local/journal", get(journal).delete(reset_journal))
        .route("/_local/journal/held", get(held))
        .route("/_local/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_local/quotas", get(quotas).put(set_quotas))
        .route("/_local/clock", get(clock).put(set_clock))
        .route("/_local/claims", put(set_claims))
        .route("/_local/state", delete(reset))
        .route("/_local/lifecycle", post(apply_lifecycle))
        .route("/_local/findings", get(scans).put(order_scan).delete(clear_scans))
}

async fn journal(_: Loopback, State(emulator): State<Arc<Emulator>>) -> Json<Vec<Entry>> {
    Json(emulator.journal.entries())
}

async fn reset_journal(_: Loopback, State(emulator): State<Arc<Emulator>>) -> StatusCode {
    emulator.journal.reset();
    StatusCode::NO_CONTENT
}

/// Answers as soon as a fault holds a request back.
async fn held(_: Loopback, State(emulator): State<Arc<Emulator>>) -> Json<Vec<Entry>> {
    let is_held = |entry: &Entry| entry.held.is_some();
    let mut entries = emulator
        .journal
        .until(|entries| entries.iter().any(is_held))
        .await;
    entries.retain(is_held);
    Json(entries)
}

async fn faults(_: Loopback, State(emulator): State<Arc<Emulator>>) -> Json<Vec<Fault>> {
    Json(emulator.faults.list())
}

async fn add_fault(
    _: Loopback,
    State(emulator): State<Arc<Emulator>>,
    Json(fault): Json<Fault>,
) -> StatusCode {
    emulator.faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(_: Loopback, State(emulator): State<Arc<Emulator>>) -> StatusCode {
    emulator.faults.clear();
    StatusCode::NO_CONTENT
}

async fn quotas(_: Loopback, State(emulator): State<Arc<Emulator>>) -> Json<Quotas> {
    Json(emulator.throttle.quotas())
}

async fn set_quotas(
    _: Loopback,
    State(emulator): State<Arc<Emulator>>,
    Json(quotas): Json<Quotas>,
) -> StatusCode {
    emulator.throttle.set(quotas, emulator.clock.now());
    StatusCode::NO_CONTENT
}

async fn scans(_: Loopback, State(emulator): State<Arc<Emulator>>) -> Json<Vec<ScanOrder>> {
    Json(emulator.scans.list())
}

async fn order_scan(
    _: Loopback,
    State(emulator): State<Arc<Emulator>>,
    Json(order): Json<ScanOrder>,
) -> StatusCode {
    emulator.scans.put(order);
    StatusCode::NO_CONTENT
}

async fn clear_scans(_: Loopback, State(emulator): State<Arc<Emulator>>) -> StatusCode {
    emulator.scans.clear();
    StatusCode::NO_CONTENT
}

/// The clock's state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOffset {
    offset_seconds: i64,
}

async fn clock(_: Loopback, State(emulator): State<Arc<Emulator>>) -> Json<ClockOffset> {
    Json(ClockOffset {
        offset_seconds: emulator.clock.offset(),
    })
}

async fn set_clock(
    _: Loopback,
    State(emulator): State<Arc<Emulator>>,
    Json(clock): Json<ClockOffset>,
) -> StatusCode {
    emulator.clock.set_offset(clock.offset_seconds);
    lifecycle::apply_due(&emulator).await;
    StatusCode::NO_CONTENT
}

/// Makes everything as it was at the first start, but for keys, roles and claims.
async fn reset(_: Loopback, State(emulator): State<Arc<Emulator>>) -> StatusCode {
    emulator.clock.set_offset(0);
    emulator
        .throttle
        .set(emulator.quotas.clone(), emulator.clock.now());
    emulator.faults.clear();
    emulator.uploads.clear();
    emulator.scans.clear();
    let shared = Arc::clone(&emulator);
    let cleared = tokio::task::spawn_blocking(move || shared.registry.clear_all()).await;
    emulator.journal.reset();
    match cleared {
        Ok(Ok(())) => StatusCode::NO_CONTENT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Applies all lifecycle policies, due or not, and tells what they did.
async fn apply_lifecycle(
    _: Loopback,
    State(emulator): State<Arc<Emulator>>,
) -> Result<Json<Vec<Outcome>>, StatusCode> {
    let applied = tokio::task::spawn_blocking(move || lifecycle::apply(&emulator, Which::All)).await;
    match applied {
        Ok(Ok(outcomes)) => Ok(Json(outcomes)),
        Ok(Err(_)) | Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn set_claims(
    _: Loopback,
    State(emulator): State<Arc<Emulator>>,
    Json(claims): Json<GithubClaims>,
) -> StatusCode {
    emulator.issuer.set_claims(claims);
    StatusCode::NO_CONTENT
}
