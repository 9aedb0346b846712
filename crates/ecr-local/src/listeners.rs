//! The ports that the embedded ECR listens at.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::error::LocalError;
use crate::faces::Addresses;
use crate::options::Options;

/// One listener for each port that the options ask for.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Of the plain port.
    pub(crate) listening: SocketAddr,
    pub(crate) plain: TcpListener,
    pub(crate) storage: Option<TcpListener>,
    pub(crate) public: Option<TcpListener>,
    pub(crate) secure: Option<TcpListener>,
}

impl Listeners {
    /// Listens at all ports; those beside the plain one are at its address.
    pub(crate) async fn bind(options: &Options) -> Result<Self, LocalError> {
        let plain = listen(options.listen).await?;
        let listening = plain.local_addr().map_err(|source| LocalError::Listen {
            address: options.listen,
            source,
        })?;
        let beside = async |port: Option<u16>| match port {
            Some(port) => listen(SocketAddr::new(options.listen.ip(), port)).await.map(Some),
            None => Ok(None),
        };
        Ok(Self {
            listening,
            plain,
            storage: beside(options.quirks.redirect_blobs.then_some(0)).await?,
            public: beside(options.public_port).await?,
            secure: beside(options.tls).await?,
        })
    }

    /// Where clients on this machine reach them.
    pub(crate) fn addresses(&self) -> Addresses {
        let address = |listener: &Option<TcpListener>| listener.as_ref()?.local_addr().ok();
        Addresses {
            plain: reachable(self.listening),
            secure: address(&self.secure).map(reachable),
            public_port: address(&self.public).map(|address| address.port()),
            storage_port: address(&self.storage).map(|address| address.port()),
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, LocalError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => LocalError::AddressInUse { address },
            _ => LocalError::Listen { address, source },
        })
}

/// Where clients on this machine reach a server that listens at `listening`.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let mut address = listening;
    if listening.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    address
}
