//! What stands behind all faces. Each takes of it what it needs.

use std::sync::Arc;

use axum::extract::FromRef;

use super::addresses::Addresses;
use crate::services::oidc::Issuer;
use crate::services::pushes::Pushes;
use crate::state::EmulatorState;

/// The state, and the services that keep something of their own.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) state: Arc<EmulatorState>,
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) pushes: Pushes,
    pub(crate) addresses: Addresses,
}

/// A face that needs one part of the backend takes that part.
macro_rules! part {
    ($type:ty, $field:ident) => {
        impl FromRef<Backend> for $type {
            fn from_ref(backend: &Backend) -> Self {
                backend.$field.clone()
            }
        }
    };
}
part!(Arc<EmulatorState>, state);
part!(Arc<Issuer>, issuer);
part!(Addresses, addresses);
