//! The embedded ECR: one port that speaks ECR's API, STS, GitHub's OIDC issuer and the registry protocol.
//!
//! It is what `--local` runs on, and what the integration tests run against. It shares only the validators of
//! [`tagship_domain`] with the client: what it answers comes from AWS's documentation and from observation, and
//! where only AWS knows the answer it gives the stricter one ([`Quirks`] switch it).
//!
//! A request goes through `server` (connection) → `exchange` (journal, ordered faults) → a face (`ecr`, `sts`,
//! `oidc`, `data_plane`, `admin`) → `store` (state and its rules).

#![warn(missing_docs)]

mod admin;
mod clock;
mod creation;
mod data_plane;
mod ecr;
mod emulator;
mod error;
mod exchange;
mod faults;
mod folder;
mod follow_up;
mod hosts;
mod iam;
mod journal;
mod json_api;
mod lifecycle;
mod manifest;
mod oidc;
mod options;
mod permissions;
mod pull_through;
mod pushes;
mod random;
mod refusal;
mod replication;
mod scanning;
mod server;
mod signing;
mod sigv4;
mod store;
mod sts;
mod throttle;
mod tls;
mod uploads;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

pub use emulator::Quirks;
pub use error::LocalError;
pub use faults::{Fault, FaultAction};
pub use folder::{Access, SecureAccess};
pub use iam::AccessKey;
pub use journal::{Entry, Held};
pub use oidc::{GithubClaims, ISSUER};
pub use options::Options;
pub use refusal::ImmutableWording;
pub use scanning::{Finding, ScanOrder, ScanOutcome};
pub use throttle::Quotas;

use emulator::Emulator;
use folder::DataFolder;
use iam::{Iam, Roles, Seal};
use oidc::Issuer;
use refusal::Refusal;
use server::Server;
use store::{MutabilitySetting, NewRepository, Registry, Store};
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{RegistryHost, RepositoryName};
use throttle::Throttle;
use tls::Tls;

/// An embedded ECR that runs.
///
/// Dropping it stops it too, without waiting for that; [`LocalEcr::stop`] waits.
#[derive(Debug)]
pub struct LocalEcr {
    emulator: Arc<Emulator>,
    server: Server,
    /// The other ports: storage, public registries, TLS.
    beside: Vec<Server>,
    access: Access,
    listening: SocketAddr,
    _upkeep: AbortOnDropHandle<()>,
}

impl LocalEcr {
    /// Starts serving; when this returns, requests are answered.
    pub async fn start(options: Options) -> Result<Self, LocalError> {
        let folder = blocking({
            let data = options.data.clone();
            move || DataFolder::lock(&data)
        })
        .await?;
        let listener = listen(options.listen).await?;
        let listening = listener.local_addr().map_err(|source| LocalError::Listen {
            address: options.listen,
            source,
        })?;
        let address = server::reachable(listening);
        let admin = options.admin;
        let storage = if options.quirks.redirect_blobs {
            Some(listen(SocketAddr::new(options.listen.ip(), 0)).await?)
        } else {
            None
        };
        let storage_port = storage
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
            .map(|address| address.port());
        let public = match options.public_port {
            Some(port) => Some(listen(SocketAddr::new(options.listen.ip(), port)).await?),
            None => None,
        };
        let public_port = public
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
            .map(|address| address.port());
        let secure = match options.tls {
            Some(port) => Some(listen(SocketAddr::new(options.listen.ip(), port)).await?),
            None => None,
        };
        let secure_address = secure.as_ref().and_then(|listener| listener.local_addr().ok());
        let ports = Ports {
            plain: address,
            secure: secure_address.map(server::reachable),
            public: public_port,
        };
        let opened = blocking(move || open(options, ports, folder)).await?;
        let (mut emulator, access, tls) = opened;
        emulator.storage_port = storage_port;
        let emulator = Arc::new(emulator);
        lifecycle::apply_due(&emulator).await;
        let storage = storage.map(|listener| Server::start_storage(listener, Arc::clone(&emulator)));
        let public = public.map(|listener| Server::start_public(listener, Arc::clone(&emulator)));
        let secure = secure
            .zip(tls)
            .map(|(listener, tls)| Server::start_tls(listener, Arc::clone(&emulator), admin, tls.acceptor));
        let server = Server::start(listener, Arc::clone(&emulator), admin);
        Ok(Self {
            _upkeep: lifecycle::keep_applying(&emulator),
            emulator,
            server,
            beside: storage.into_iter().chain(public).chain(secure).collect(),
            access,
            listening,
        })
    }

    /// The endpoint of the process that serves `data` now, if one does.
    pub async fn running_at(data: &Path) -> Option<Url> {
        Self::access_at(data).await.map(|access| access.endpoint)
    }

    /// How to use what serves `data` now, if anything does.
    pub async fn access_at(data: &Path) -> Option<Access> {
        let data = data.to_owned();
        let access = tokio::task::spawn_blocking(move || folder::published(&data))
            .await
            .ok()??;
        folder::is_alive(&access).await.then_some(access)
    }

    /// The address that the server listens at.
    pub fn address(&self) -> SocketAddr {
        self.listening
    }

    /// The base of all AWS APIs, as a process on this machine reaches it: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> Url {
        self.access.endpoint.clone()
    }

    /// The registry's host, as a process on this machine reaches it: `127.0.0.1:PORT`.
    pub fn registry_host(&self) -> RegistryHost {
        self.access.registry.clone()
    }

    /// Where the account's public registry is, if the public registries are served: `127.0.0.1:PORT/ALIAS`.
    pub fn public_registry(&self) -> Option<&str> {
        self.access.public_registry.as_deref()
    }

    /// The access key of the administrator, who may do everything.
    pub fn admin(&self) -> &AccessKey {
        &self.emulator.iam.administrator
    }

    /// The role that the roles file has at first, which trusts every repository's jobs.
    pub fn role_arn(&self) -> &str {
        &self.access.role_arn
    }

    /// What a job's `ACTIONS_ID_TOKEN_REQUEST_URL` is to be.
    pub fn oidc_request_url(&self) -> Url {
        self.access.oidc_request_url.clone()
    }

    /// What a job's `ACTIONS_ID_TOKEN_REQUEST_TOKEN` is to be.
    pub fn oidc_request_token(&self) -> SecretString {
        self.emulator.issuer.request_token.clone()
    }

    /// All of the above, as one value.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Makes a repository, unless there is one of that name; whether it was made.
    pub async fn ensure_repository(
        &self,
        name: &RepositoryName,
        mutability: &Mutability,
    ) -> Result<bool, LocalError> {
        let registry = self.emulator.registry.clone();
        let new = NewRepository {
            mutability: MutabilitySetting::from(mutability),
            ..NewRepository::named(name.clone())
        };
        let now = self.emulator.clock.now();
        blocking(move || match registry.create_repository(new, now) {
            Ok(_) => Ok(true),
            Err(Refusal::RepositoryAlreadyExists { .. }) => Ok(false),
            Err(refusal) => Err(LocalError::Refused(refusal.to_string())),
        })
        .await
    }

    /// What the issuer's tokens say of the job from now on.
    pub fn set_claims(&self, claims: GithubClaims) {
        self.emulator.issuer.set_claims(claims);
    }

    /// Sets the emulator's clock `seconds` ahead of the machine's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.emulator.clock.set_offset(seconds);
    }

    /// Enforces these quotas from now on, and no others.
    pub fn set_quotas(&self, quotas: Quotas) {
        self.emulator.throttle.set(quotas, self.emulator.clock.now());
    }

    /// Orders a failure.
    pub fn add_fault(&self, fault: Fault) {
        self.emulator.faults.add(fault);
    }

    /// Takes back all orders to fail.
    pub fn clear_faults(&self) {
        self.emulator.faults.clear();
    }

    /// Orders what scans of some images come to, those that were begun before too.
    pub fn order_scans(&self, order: ScanOrder) {
        self.emulator.scans.put(order);
    }

    /// Every request since the start or the last reset.
    pub fn journal(&self) -> Vec<Entry> {
        self.emulator.journal.entries()
    }

    /// Forgets the requests so far.
    pub fn reset_journal(&self) {
        self.emulator.journal.reset();
    }

    /// Waits until the journal is as wanted, and gives it.
    pub async fn journal_until(&self, wanted: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        self.emulator.journal.until(wanted).await
    }

    /// Lets requests that are under way finish for a short while, then ends everything.
    pub async fn stop(self) {
        self.server.stop().await;
        for server in self.beside {
            server.stop().await;
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

/// Where it is reached.
#[derive(Clone, Copy)]
struct Ports {
    plain: SocketAddr,
    secure: Option<SocketAddr>,
    /// Of the public registries, at the address of the plain one.
    public: Option<u16>,
}

/// Opens the state in the locked folder. Blocks.
fn open(
    options: Options,
    ports: Ports,
    folder: DataFolder,
) -> Result<(Emulator, Access, Option<Tls>), LocalError> {
    let data = options.data;
    let store = Store::open(&data)?;
    let kept = |key: &str, make: &dyn Fn() -> Result<Vec<u8>, LocalError>| {
        let failed = |refusal: Refusal| LocalError::Database {
            path: data.clone(),
            problem: store::describe(&refusal),
        };
        if let Some(value) = store.meta(key).map_err(failed)? {
            return Ok(value);
        }
        let value = make()?;
        store.set_meta(key, &value).map_err(failed)?;
        Ok(value)
    };
    let seal = Seal::new(&kept(
        "seal key",
        &|| match crate::random::bytes::<{ Seal::KEY_BYTES }>() {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(_) => Err(LocalError::Key),
        },
    )?);
    let key_id = kept("administrator", &|| {
        iam::key_id("AKIA")
            .map(String::into_bytes)
            .map_err(|_no_random| LocalError::Key)
    })?;
    let key_id = String::from_utf8(key_id).map_err(|_not_ours| LocalError::Key)?;
    let partition = options.region.partition();
    let iam = Iam {
        administrator: AccessKey {
            secret: seal.derive("administrator", &key_id),
            id: key_id,
        },
        roles: Roles::load(&data, &options.account, partition)?,
        account: options.account.clone(),
        partition,
        seal,
    };
    let request_token = iam.seal.derive("id token request", "");
    let store = Arc::new(store);
    let issuer = Issuer::new(Arc::clone(&store), request_token);
    let tls = ports
        .secure
        .map(|address| Tls::open(&data, address.ip()))
        .transpose()?;
    let mut access = Access::new(ports.plain, ports.public, &iam, &issuer, &options.region)?;
    access.tls = ports.secure.zip(tls.as_ref()).map(|(address, tls)| SecureAccess {
        address,
        authority: tls.authority.clone(),
    });
    folder.publish(&access)?;
    let emulator = Emulator {
        auth: options.auth,
        address: ports.plain,
        storage_port: None,
        public_port: ports.public,
        quirks: options.quirks,
        clock: clock::Clock::default(),
        registry: Registry::new(store, options.account, options.region),
        iam,
        issuer,
        pushes: pushes::Pushes::start(),
        uploads: uploads::Uploads::default(),
        faults: faults::Faults::default(),
        throttle: Throttle::default(),
        quotas: options.quotas.clone(),
        scans: scanning::Orders::default(),
        journal: journal::Journal::default(),
        _folder: folder,
    };
    emulator.throttle.set(options.quotas, emulator.clock.now());
    Ok((emulator, access, tls))
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, LocalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(LocalError::Refused(error.to_string())),
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
