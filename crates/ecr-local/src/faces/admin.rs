//! `/_local/`: what tests see and order. Only for clients on this machine.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::backend::Backend;
use super::loopback::Loopback;
use crate::services::lifecycle::{self, PolicyEffect, PolicySelection};
use crate::services::oidc::{GithubClaims, Issuer};
use crate::state::EmulatorState;
use crate::state::faults::Fault;
use crate::state::journal::JournalEntry;
use crate::state::scan_orders::ScanOrder;
use crate::state::throttle::Quotas;

/// The addresses that are there when they are asked for.
pub(super) fn routes() -> Router<Backend> {
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

async fn journal(_: Loopback, State(state): State<Arc<EmulatorState>>) -> Json<Vec<JournalEntry>> {
    Json(state.journal.entries())
}

async fn reset_journal(_: Loopback, State(state): State<Arc<EmulatorState>>) -> StatusCode {
    state.journal.reset();
    StatusCode::NO_CONTENT
}

/// Answers as soon as a fault holds a request back.
async fn held(_: Loopback, State(state): State<Arc<EmulatorState>>) -> Json<Vec<JournalEntry>> {
    let is_held = |entry: &JournalEntry| entry.held.is_some();
    let mut entries = state.journal.until(|entries| entries.iter().any(is_held)).await;
    entries.retain(is_held);
    Json(entries)
}

async fn faults(_: Loopback, State(state): State<Arc<EmulatorState>>) -> Json<Vec<Fault>> {
    Json(state.faults.list())
}

async fn add_fault(
    _: Loopback,
    State(state): State<Arc<EmulatorState>>,
    Json(fault): Json<Fault>,
) -> StatusCode {
    state.faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(_: Loopback, State(state): State<Arc<EmulatorState>>) -> StatusCode {
    state.faults.clear();
    StatusCode::NO_CONTENT
}

async fn quotas(_: Loopback, State(state): State<Arc<EmulatorState>>) -> Json<Quotas> {
    Json(state.throttle.quotas())
}

async fn set_quotas(
    _: Loopback,
    State(state): State<Arc<EmulatorState>>,
    Json(quotas): Json<Quotas>,
) -> StatusCode {
    state.throttle.set(quotas, state.clock.now());
    StatusCode::NO_CONTENT
}

async fn scans(_: Loopback, State(state): State<Arc<EmulatorState>>) -> Json<Vec<ScanOrder>> {
    Json(state.scans.list())
}

async fn order_scan(
    _: Loopback,
    State(state): State<Arc<EmulatorState>>,
    Json(order): Json<ScanOrder>,
) -> StatusCode {
    state.scans.put(order);
    StatusCode::NO_CONTENT
}

async fn clear_scans(_: Loopback, State(state): State<Arc<EmulatorState>>) -> StatusCode {
    state.scans.clear();
    StatusCode::NO_CONTENT
}

/// The clock's state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOffset {
    offset_seconds: i64,
}

async fn clock(_: Loopback, State(state): State<Arc<EmulatorState>>) -> Json<ClockOffset> {
    Json(ClockOffset {
        offset_seconds: state.clock.offset(),
    })
}

async fn set_clock(
    _: Loopback,
    State(state): State<Arc<EmulatorState>>,
    Json(clock): Json<ClockOffset>,
) -> StatusCode {
    state.clock.set_offset(clock.offset_seconds);
    lifecycle::apply_due(&state).await;
    StatusCode::NO_CONTENT
}

/// Makes everything as it was at the first start, but for keys, roles and claims.
async fn reset(_: Loopback, State(state): State<Arc<EmulatorState>>) -> StatusCode {
    state.clock.set_offset(0);
    state.throttle.set(state.quotas.clone(), state.clock.now());
    state.faults.clear();
    state.uploads.clear();
    state.scans.clear();
    let shared = Arc::clone(&state);
    let cleared = tokio::task::spawn_blocking(move || shared.registry.clear_all()).await;
    state.journal.reset();
    match cleared {
        Ok(Ok(())) => StatusCode::NO_CONTENT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Applies all lifecycle policies, due or not, and says what they did.
async fn apply_lifecycle(
    _: Loopback,
    State(state): State<Arc<EmulatorState>>,
) -> Result<Json<Vec<PolicyEffect>>, StatusCode> {
    let applied = tokio::task::spawn_blocking(move || lifecycle::apply(&state, PolicySelection::All)).await;
    match applied {
        Ok(Ok(outcomes)) => Ok(Json(outcomes)),
        Ok(Err(_)) | Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn set_claims(
    _: Loopback,
    State(issuer): State<Arc<Issuer>>,
    Json(claims): Json<GithubClaims>,
) -> StatusCode {
    issuer.set_claims(claims);
    StatusCode::NO_CONTENT
}
