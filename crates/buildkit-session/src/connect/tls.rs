//! TLS to an engine or a BuildKit daemon, with authorities and a certificate that the user names.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_rustls::TlsConnector;

use tagship_domain::error::{cleaned, innermost};

/// What a connection to an engine or a BuildKit daemon is protected by, as PEM.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The certificates of the authorities that the server's certificate is of.
    pub authority: String,
    /// The certificate that is shown to the server, with those between it and its authority, and its key.
    pub identity: Option<(String, SecretString)>,
    /// The name in the server's certificate, where it is not the address's host.
    pub server_name: Option<String>,
}

/// How TLS begins on a connection.
pub(super) struct TlsDial {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl TlsOptions {
    /// Reads the certificates for a connection that speaks `protocol`, if it has to say which; gives what is wrong with them.
    pub(super) fn dial(&self, host: &str, protocol: Option<&[u8]>) -> Result<TlsDial, String> {
        let mut roots = RootCertStore::empty();
        for authority in certificates("ca", &self.authority)? {
            roots
                .add(authority)
                .map_err(|error| format!("`ca`: {}", innermost(&error)))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates("cert", certificate)?;
                // What is wrong with a key is not repeated with its text.
                let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
                    .map_err(|_error| "`key` holds no private key as PEM".to_owned())?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| format!("`cert` and `key`: {}", innermost(&error)))?
            }
        };
        config.alpn_protocols = protocol.into_iter().map(<[u8]>::to_vec).collect();
        let name = self.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_error| format!("`{}` is no name of a server", cleaned(name)))?;
        Ok(TlsDial {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }
}

fn certificates(option: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.ok()
        .filter(|all| !all.is_empty())
        .ok_or_else(|| format!("`{option}` holds no certificate as PEM"))
}
