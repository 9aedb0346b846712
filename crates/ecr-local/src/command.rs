//! The server's options on a command line: once, for `ecr-local serve` and for `tagship local serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::options::Options;
use crate::state::quirks::Quirks;
use crate::state::throttle::Quotas;
use tagship_domain::reference::{AccountId, Region};

/// How to serve an embedded ECR.
#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// The folder of its state
    #[arg(long, alias = "local-data", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 5510)]
    port: u16,
    /// The port of the public registries, which are served only then; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    public_port: Option<u16>,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: IpAddr,
    /// Serve TLS at this port too, under the names that AWS gives registries and APIs [default: 443]
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "443")]
    tls: Option<u16>,
    /// Refuse requests beyond the quotas that a new AWS account has, such as 10 images a second
    #[arg(long)]
    throttle: bool,
    /// Behave as the OCI distribution specification says where ECR does not
    #[arg(long)]
    strict_oci: bool,
    /// Serve `/_local/` to this machine: the journal of requests, faults, the clock, and more that tests order
    #[arg(long)]
    admin: bool,
    /// The account that the registry belongs to
    #[arg(long, value_name = "ID", default_value_t = AccountId::emulated())]
    account: AccountId,
    /// The region that it is in
    #[arg(long, value_name = "REGION", default_value_t = Region::emulated())]
    region: Region,
}

impl ServeArguments {
    /// The folder that was given for the state.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// The options of a server whose state is in `data`.
    pub fn into_options(self, data: PathBuf) -> Options {
        Options {
            listen: SocketAddr::new(self.listen, self.port),
            public_port: self.public_port,
            tls: self.tls,
            admin: self.admin,
            quotas: if self.throttle {
                Quotas::of_new_account()
            } else {
                Quotas::default()
            },
            quirks: Quirks {
                strict_oci: self.strict_oci,
                ..Quirks::default()
            },
            ..Options::new(data, self.account, self.region)
        }
    }
}
