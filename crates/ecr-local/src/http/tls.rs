//! TLS under the names of AWS, by an authority of the data folder's own.
//!
//! A certificate is made when a client first asks for its name, and lives in memory. Only the authority is on
//! disk: whoever is to trust it takes `tls/ca.crt`. It can vouch for the emulated endpoints' domains alone.

mod authority;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::error::LocalError;
use crate::hosts::AwsHost;
use authority::Authority;

/// The most certificates in memory; names are many, since every account in every region has one.
const MAX_CERTIFICATES: usize = 256;

/// What a server needs to speak TLS.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The file of the authority's certificate.
    pub(crate) authority: PathBuf,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the authority in the data folder, or makes it. `address` is where clients without a name connect to.
    /// Blocks.
    pub(crate) fn open(data: &Path, address: IpAddr) -> Result<Self, LocalError> {
        let (authority, path) = Authority::open(data)?;
        let certificates = Certificates {
            authority,
            address,
            made: Mutex::default(),
        };
        let unusable = |problem: rustls::Error| LocalError::Tls {
            path: path.clone(),
            problem: problem.to_string(),
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificates));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority: path,
        })
    }
}

/// Makes certificates as clients ask for names.
struct Certificates {
    authority: Authority,
    address: IpAddr,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().unwrap_or("localhost");
        if name != "localhost" && AwsHost::parse(name).is_none() {
            return None;
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(certificate) = made.get(name) {
            return Some(Arc::clone(certificate));
        }
        let mut names = vec![name.to_owned()];
        if name == "localhost" {
            names.push(self.address.to_string());
        }
        match self.authority.certify(names) {
            Ok(certificate) => {
                if made.len() >= MAX_CERTIFICATES {
                    made.clear();
                }
                let certificate = Arc::new(certificate);
                made.insert(name.to_owned(), Arc::clone(&certificate));
                Some(certificate)
            }
            Err(problem) => {
                tracing::error!(%problem, "a certificate cannot be made");
                None
            }
        }
    }
}
