//! BuildKit daemons for tests: the BuildKit of an engine behind a socket of its own, with TLS in front where it is asked for; and
//! engines behind TLS.
//!
//! A relay accepts connections, begins one of HTTP/2 with the engine for each, as the engine gives it out at `/grpc`, and
//! copies bytes both ways.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::engines::Engine;

/// When a connection began and ended.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// When it was accepted.
    pub begun: Instant,
    /// When it ended; none if it stands.
    pub ended: Option<Instant>,
}

/// A BuildKit daemon, until it is dropped.
pub struct Relay {
    address: String,
    spans: Arc<Mutex<Vec<Span>>>,
    _runtime: Runtime,
    _folder: Option<TempDir>,
}

impl Relay {
    /// One at a unix socket.
    pub fn unix(engine: &Engine) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("buildkitd.sock");
        let address = format!("unix://{}", path.display());
        let (runtime, spans) = (runtime(), Spans::default());
        let (engine, log) = (engine.socket.clone(), Arc::clone(&spans));
        let listener = runtime.block_on(async { UnixListener::bind(path).expect("the socket is free") });
        runtime.spawn(async move {
            let mut relayed = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                relayed.spawn(relay(client, engine.clone(), Service::BuildKit, Arc::clone(&log)));
            }
        });
        Self {
            address,
            spans,
            _runtime: runtime,
            _folder: Some(folder),
        }
    }

    /// One at a port of this machine, in the clear.
    pub fn tcp(engine: &Engine) -> Self {
        Self::at_port(engine, Service::BuildKit, None)
    }

    /// One at a port of this machine that speaks TLS with clients alone that the authority knows.
    pub fn mutual_tls(engine: &Engine, authority: &Authority) -> Self {
        Self::at_port(engine, Service::BuildKit, Some(authority.acceptor()))
    }

    /// The engine itself behind the same.
    pub fn of_engine(engine: &Engine, authority: &Authority) -> Self {
        Self::at_port(engine, Service::Engine, Some(authority.acceptor()))
    }

    fn at_port(engine: &Engine, service: Service, tls: Option<TlsAcceptor>) -> Self {
        let (runtime, spans) = (runtime(), Spans::default());
        let (engine, log) = (engine.socket.clone(), Arc::clone(&spans));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.block_on(async { TcpListener::bind(address).await.expect("a port is free") });
        let address = format!("tcp://{}", listener.local_addr().expect("it has an address"));
        runtime.spawn(async move {
            let mut relayed = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (engine, log, tls) = (engine.clone(), Arc::clone(&log), tls.clone());
                relayed.spawn(async move {
                    match tls {
                        None => relay(client, engine, service, log).await,
                        Some(tls) => {
                            if let Ok(client) = tls.accept(client).await {
                                relay(client, engine, service, log).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            spans,
            _runtime: runtime,
            _folder: None,
        }
    }

    /// Its address, as lines of `builders` have it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Every connection that it relayed, in their order.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a relay leads to.
#[derive(Clone, Copy)]
enum Service {
    BuildKit,
    Engine,
}

type Spans = Arc<Mutex<Vec<Span>>>;

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

/// Relays one connection to its end.
async fn relay(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    engine: String,
    service: Service,
    spans: Spans,
) {
    let lock = || spans.lock().unwrap_or_else(PoisonError::into_inner);
    let at = {
        let mut spans = lock();
        spans.push(Span {
            begun: Instant::now(),
            ended: None,
        });
        spans.len() - 1
    };
    let connected = match service {
        Service::BuildKit => upgraded(&engine).await,
        Service::Engine => UnixStream::connect(&engine).await,
    };
    if let Ok(mut engine) = connected {
        drop(copy_bidirectional(&mut client, &mut engine).await);
    }
    lock()[at].ended = Some(Instant::now());
}

/// A connection to the engine's BuildKit.
async fn upgraded(socket: &str) -> std::io::Result<UnixStream> {
    let mut engine = UnixStream::connect(socket).await?;
    let request = "POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    engine.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(engine.read_u8().await?);
    }
    if answer.starts_with(b"HTTP/1.1 101") {
        Ok(engine)
    } else {
        let answer = String::from_utf8_lossy(&answer).into_owned();
        Err(std::io::Error::other(answer))
    }
}

/// An authority with a certificate of a server on this machine and one of a client, in files.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut params = params("authority", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pair = KeyPair::generate().expect("a key can be made");
        let signed = params.self_signed(&pair).expect("it can be signed");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("the file can be written");
        };
        write("ca.pem", signed.pem());
        let issuer = Issuer::new(params, pair);
        for (name, names, usage) in [
            (
                "server",
                &["127.0.0.1", "builder.example"][..],
                ExtendedKeyUsagePurpose::ServerAuth,
            ),
            ("client", &[], ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let mut params = self::params(name, names);
            params.extended_key_usages = vec![usage];
            let pair = KeyPair::generate().expect("a key can be made");
            let signed = params.signed_by(&pair, &issuer).expect("it can be signed");
            write(&format!("{name}.pem"), signed.pem());
            write(&format!("{name}-key.pem"), pair.serialize_pem());
        }
        Self { folder }
    }

    /// The file of this name: `ca.pem`, `client.pem`, `client-key.pem`, `server.pem` or `server-key.pem`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The options of a line of `builders` that trusts this authority and shows its client's certificate.
    pub fn options(&self) -> String {
        let [authority, certificate, key] =
            ["ca.pem", "client.pem", "client-key.pem"].map(|name| self.file(name).display().to_string());
        format!("ca={authority},cert={certificate},key={key}")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificates = |name: &str| -> Vec<CertificateDer<'static>> {
            let read = CertificateDer::pem_file_iter(self.file(name)).expect("the file is there");
            read.collect::<Result<_, _>>().expect("it is PEM")
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca.pem") {
            roots.add(certificate).expect("it is a certificate");
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .expect("clients can be verified");
        let key = PrivateKeyDer::from_pem_file(self.file("server-key.pem")).expect("it is a key");
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_client_cert_verifier(clients)
            .with_single_cert(certificates("server.pem"), key)
            .expect("the key is the certificate's");
        // As gRPC's servers do, which buildkitd is.
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("the names are legal");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Whether connections of two daemons stood at the same time for at least this long.
pub fn overlap(left: &[Span], right: &[Span], least: std::time::Duration) -> bool {
    left.iter().any(|left| {
        right.iter().any(|right| {
            let end = |span: &Span| span.ended.unwrap_or_else(Instant::now);
            let begun = left.begun.max(right.begun);
            let ended = end(left).min(end(right));
            ended.saturating_duration_since(begun) >= least
        })
    })
}

/// A line of `builders` for a platform, with the options of `authority`.
pub fn line(platform: &str, relay: &Relay, authority: &Authority) -> String {
    format!("{platform}={},{}", relay.address(), authority.options())
}
