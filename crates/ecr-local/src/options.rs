//! How an embedded ECR is started.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::state::quirks::Quirks;
use crate::state::throttle::Quotas;
use tagship_domain::reference::{AccountId, Region};

/// How an embedded ECR is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of its state; made when missing.
    pub data: PathBuf,
    /// Where it listens; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The port, on the same address, where the public registries are; 0 for any that is free, `None` for nowhere.
    pub public_port: Option<u16>,
    /// At which port it serves TLS too, under the names of AWS; 0 for any that is free.
    pub tls: Option<u16>,
    /// The account that it is.
    pub account: AccountId,
    /// The region that it is.
    pub region: Region,
    /// Whether signatures and registry tokens are demanded.
    pub auth: bool,
    /// Whether `/_local/` serves journal, faults, clock and claims, to clients on this machine.
    pub admin: bool,
    /// How many requests a second it takes of each operation.
    pub quotas: Quotas,
    /// What it does in one way or another.
    pub quirks: Quirks,
}

impl Options {
    /// On any free port of this machine alone, with authentication and without the admin interface.
    pub fn new(data: impl Into<PathBuf>, account: AccountId, region: Region) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_port: None,
            tls: None,
            account,
            region,
            auth: true,
            admin: false,
            quotas: Quotas::default(),
            quirks: Quirks::default(),
        }
    }
}
