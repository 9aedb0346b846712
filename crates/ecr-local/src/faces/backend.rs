//! What stands behind all faces. Each takes of it what it needs.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRef;

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

/// The ports that the emulator listens at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// Where all faces are, as clients on this machine reach them.
    pub(crate) plain: SocketAddr,
    /// The same with TLS.
    pub(crate) secure: Option<SocketAddr>,
    /// The port where public registries are, if they are served.
    pub(crate) public_port: Option<u16>,
    /// The port where blobs are read from, if the registry redirects.
    pub(crate) storage_port: Option<u16>,
}
