//! The embedded ECR as its owner sees it: started, asked and stopped.

use std::net::SocketAddr;
use std::path::Path;

use secrecy::SecretString;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use crate::access::{self, Access};
use crate::announcement::announcement;
use crate::error::LocalError;
use crate::faces::{self, Backend};
use crate::http::Server;
use crate::listeners::Listeners;
use crate::opening;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::services::oidc::GithubClaims;
use crate::services::{lifecycle, login_tokens};
use crate::state::faults::Fault;
use crate::state::iam::AccessKey;
use crate::state::journal::JournalEntry;
use crate::state::scan_orders::ScanOrder;
use crate::state::store::{MutabilitySetting, NewRepository};
use crate::state::throttle::Quotas;
use tagship_domain::immutability::Mutability;
use tagship_domain::reference::{RegistryHost, RepositoryName};

/// An embedded ECR that runs.
///
/// Dropping it stops it too, without waiting for that; [`LocalEcr::stop`] waits.
#[derive(Debug)]
pub struct LocalEcr {
    backend: Backend,
    /// One for each port: all faces first, then storage, public registries, TLS.
    servers: Vec<Server>,
    access: Access,
    listening: SocketAddr,
    _upkeep: AbortOnDropHandle<()>,
}

impl LocalEcr {
    /// Starts serving; when this returns, requests are answered.
    pub async fn start(options: Options) -> Result<Self, LocalError> {
        let folder = blocking({
            let data = options.data.clone();
            move || access::lock(&data)
        })
        .await?;
        let listeners = Listeners::bind(&options).await?;
        let (listening, addresses) = (listeners.listening, listeners.addresses());
        let admin = options.admin;
        let opened = blocking(move || opening::open(options, addresses, folder)).await?;
        let backend = opened.backend;
        lifecycle::apply_due(&backend.state).await;
        let all = faces::all(backend.clone(), admin);
        let mut servers = vec![Server::serve(listeners.plain, all.clone(), None)];
        if let Some(listener) = listeners.storage {
            servers.push(Server::serve(listener, faces::storage(backend.clone()), None));
        }
        if let Some(listener) = listeners.public {
            servers.push(Server::serve(
                listener,
                faces::public_registries(backend.clone()),
                None,
            ));
        }
        if let Some((listener, tls)) = listeners.secure.zip(opened.tls) {
            servers.push(Server::serve(listener, all, Some(tls.acceptor)));
        }
        Ok(Self {
            _upkeep: lifecycle::keep_applying(&backend.state),
            backend,
            servers,
            access: opened.access,
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
        let access = tokio::task::spawn_blocking(move || access::published(&data))
            .await
            .ok()??;
        access::is_alive(&access).await.then_some(access)
    }

    /// The host at which the registry of `data` was served last, or is served now.
    pub fn registry_at(data: &Path) -> Option<RegistryHost> {
        access::published(data).map(|access| access.registry)
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
        &self.backend.state.iam.administrator
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
        self.backend.issuer.request_token.clone()
    }

    /// All of the above, as one value.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// How to use the server, as names and values: what `ecr-local serve` prints.
    ///
    /// It has the administrator's key and a password of the registry, which is good for 12 hours.
    pub fn announcement(&self) -> Result<Vec<(&'static str, String)>, LocalError> {
        let password = login_tokens::administrators_password(&self.backend.state)
            .map_err(|refusal| LocalError::Refused(refusal.to_string()))?;
        Ok(announcement(&self.access, &password))
    }

    /// Makes a repository, unless there is one of that name; whether it was made.
    pub async fn ensure_repository(
        &self,
        name: &RepositoryName,
        mutability: &Mutability,
    ) -> Result<bool, LocalError> {
        let registry = self.backend.state.registry.clone();
        let new = NewRepository {
            mutability: MutabilitySetting::from(mutability),
            ..NewRepository::named(name.clone())
        };
        let now = self.backend.state.clock.now();
        blocking(move || match registry.create_repository(new, now) {
            Ok(_) => Ok(true),
            Err(Refusal::RepositoryAlreadyExists { .. }) => Ok(false),
            Err(refusal) => Err(LocalError::Refused(refusal.to_string())),
        })
        .await
    }

    /// What the issuer's tokens say of the job from now on.
    pub fn set_claims(&self, claims: GithubClaims) {
        self.backend.issuer.set_claims(claims);
    }

    /// Sets the emulator's clock `seconds` ahead of the machine's.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.backend.state.clock.set_offset(seconds);
    }

    /// Enforces these quotas from now on, and no others.
    pub fn set_quotas(&self, quotas: Quotas) {
        self.backend
            .state
            .throttle
            .set(quotas, self.backend.state.clock.now());
    }

    /// Orders a failure.
    pub fn add_fault(&self, fault: Fault) {
        self.backend.state.faults.add(fault);
    }

    /// Takes back all orders to fail.
    pub fn clear_faults(&self) {
        self.backend.state.faults.clear();
    }

    /// Orders what scans of some images come to, those that were begun before too.
    pub fn order_scans(&self, order: ScanOrder) {
        self.backend.state.scans.put(order);
    }

    /// Every request since the start or the last reset.
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.backend.state.journal.entries()
    }

    /// Forgets the requests so far.
    pub fn reset_journal(&self) {
        self.backend.state.journal.reset();
    }

    /// Waits until the journal is as wanted, and gives it.
    pub async fn journal_until(&self, wanted: impl Fn(&[JournalEntry]) -> bool) -> Vec<JournalEntry> {
        self.backend.state.journal.until(wanted).await
    }

    /// Lets requests that are under way finish for a short while, then ends everything.
    pub async fn stop(self) {
        for server in self.servers {
            server.stop().await;
        }
    }
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
