//! Where the emulator is reached, as its answers name it.

use std::net::SocketAddr;

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
