//! How clients reach a running embedded ECR; a file in the data folder keeps it for other processes.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::LocalError;
use crate::faces::Addresses;
use crate::faces::health::{HEALTH_PATH, Health};
use crate::faces::oidc::TOKEN_PATH;
use crate::hosts;
use crate::services::oidc::Issuer;
use crate::state::data_folder::DataFolder;
use crate::state::iam::{AccessKey, EXAMPLE_ROLE, Iam};
use crate::state::private_files;
use crate::state::store::Alias;
use tagship_domain::reference::{AccountId, Region, RegistryHost};

/// How to reach that process; holds secrets of the emulator, so only the owner reads it.
const ACCESS_FILE: &str = "access.json";

/// How long a live server takes to say so, at most.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Everything that a client of a running embedded ECR needs.
#[derive(Debug, Clone)]
pub struct Access {
    /// The base of all AWS APIs, as a process on this machine reaches it.
    pub endpoint: Url,
    /// The registry's host, as a process on this machine reaches it.
    pub registry: RegistryHost,
    /// The account's public registry, if the public registries are served: `host:port/alias`.
    pub public_registry: Option<String>,
    /// The account.
    pub account: AccountId,
    /// The region.
    pub region: Region,
    /// The administrator's access key.
    pub administrator: AccessKey,
    /// The example role.
    pub role_arn: String,
    /// For `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub oidc_request_url: Url,
    /// For `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub oidc_request_token: SecretString,
    /// How to reach it with TLS, if it serves that.
    pub tls: Option<SecureAccess>,
}

/// What a client needs to use TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecureAccess {
    /// Where a process on this machine connects to.
    pub address: SocketAddr,
    /// The file with the certificate to trust, as PEM.
    pub authority: PathBuf,
}

impl SecureAccess {
    /// The base of all AWS APIs by address, for clients that do not resolve names to it.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The name of a registry, with the port where it is not the usual one.
    pub fn registry(&self, account: &AccountId, region: &Region) -> String {
        let name = RegistryHost::of(account, region);
        match self.address.port() {
            443 => name.to_string(),
            port => format!("{name}:{port}"),
        }
    }

    /// The line of `/etc/hosts` that leads the clients of one account in one region here.
    pub fn hosts_line(&self, account: &AccountId, region: &Region) -> String {
        format!(
            "{} {}",
            self.address.ip(),
            hosts::names(account, region).join(" ")
        )
    }
}

/// [`Access`] as it stands in its file.
#[derive(Serialize, Deserialize)]
struct AccessRecord {
    endpoint: Url,
    registry: RegistryHost,
    #[serde(default)]
    public_registry: Option<String>,
    account: AccountId,
    region: Region,
    access_key_id: String,
    secret_access_key: String,
    role_arn: String,
    oidc_request_url: Url,
    oidc_request_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tls: Option<SecureAccess>,
}

impl Access {
    pub(crate) fn new(
        addresses: &Addresses,
        iam: &Iam,
        issuer: &Issuer,
        region: &Region,
        authority: Option<PathBuf>,
    ) -> Result<Self, LocalError> {
        let address = addresses.plain;
        let unusable = |problem: String| LocalError::Listen {
            address,
            source: std::io::Error::other(problem),
        };
        let url = |path: &str| {
            Url::parse(&format!("http://{address}{path}")).map_err(|error| unusable(error.to_string()))
        };
        Ok(Self {
            endpoint: url("")?,
            registry: RegistryHost::parse(&address.to_string())
                .map_err(|error| unusable(error.to_string()))?,
            public_registry: addresses.public_port.map(|port| {
                let host = SocketAddr::new(address.ip(), port);
                format!("{host}/{}", Alias::of(&iam.account))
            }),
            account: iam.account.clone(),
            region: region.clone(),
            administrator: iam.administrator.clone(),
            role_arn: iam.role_arn(&iam.account, EXAMPLE_ROLE),
            // GitHub's own address has a query too, to which clients append the audience.
            oidc_request_url: url(&format!("{TOKEN_PATH}?api-version=2.0"))?,
            oidc_request_token: issuer.request_token.clone(),
            tls: addresses
                .secure
                .zip(authority)
                .map(|(address, authority)| SecureAccess { address, authority }),
        })
    }

    /// Writes it where other processes find it.
    pub(crate) fn publish(&self, folder: &DataFolder) -> Result<(), LocalError> {
        let place = folder.path().join(ACCESS_FILE);
        serde_json::to_vec_pretty(&self.record())
            .map_err(io::Error::from)
            .and_then(|text| private_files::write(&place, &text))
            .map_err(LocalError::data(&place))
    }

    fn record(&self) -> AccessRecord {
        AccessRecord {
            endpoint: self.endpoint.clone(),
            registry: self.registry.clone(),
            public_registry: self.public_registry.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            access_key_id: self.administrator.id.clone(),
            secret_access_key: self.administrator.secret.expose_secret().to_owned(),
            role_arn: self.role_arn.clone(),
            oidc_request_url: self.oidc_request_url.clone(),
            oidc_request_token: self.oidc_request_token.expose_secret().to_owned(),
            tls: self.tls.clone(),
        }
    }
}

impl From<AccessRecord> for Access {
    fn from(record: AccessRecord) -> Self {
        Self {
            endpoint: record.endpoint,
            registry: record.registry,
            public_registry: record.public_registry,
            account: record.account,
            region: record.region,
            administrator: AccessKey {
                id: record.access_key_id,
                secret: record.secret_access_key.into(),
            },
            role_arn: record.role_arn,
            oidc_request_url: record.oidc_request_url,
            oidc_request_token: record.oidc_request_token.into(),
            tls: record.tls,
        }
    }
}

/// Locks the data folder. Where another process serves it, the error says how to reach that. Blocks.
pub(crate) fn lock(path: &Path) -> Result<DataFolder, LocalError> {
    DataFolder::lock(path).map_err(|error| match error {
        LocalError::Locked { path, .. } => LocalError::Locked {
            endpoint: published(&path).map(|access| access.endpoint),
            path,
        },
        other => other,
    })
}

/// How to reach the process that last served the folder, which may have ended. Blocks.
pub(crate) fn published(path: &Path) -> Option<Access> {
    let text = fs::read(path.join(ACCESS_FILE)).ok()?;
    let record: AccessRecord = serde_json::from_slice(&text).ok()?;
    Some(record.into())
}

/// Whether the server of that folder answers at its endpoint: another one may have taken the port since.
pub(crate) async fn is_alive(access: &Access) -> bool {
    let ask = async {
        let url = access.endpoint.join(HEALTH_PATH).ok()?;
        let client = reqwest::Client::builder()
            .timeout(HEALTH_TIMEOUT)
            .no_proxy()
            .build()
            .ok()?;
        client.get(url).send().await.ok()?.json::<Health>().await.ok()
    };
    ask.await
        .is_some_and(|health| health == Health::new(&access.account, &access.region, &access.administrator))
}
