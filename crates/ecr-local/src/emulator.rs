//! Everything that the faces share.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::faults::Faults;
use crate::folder::DataFolder;
use crate::hosts::PUBLIC_REGISTRY;
use crate::iam::Iam;
use crate::journal::Journal;
use crate::oidc::Issuer;
use crate::pushes::Pushes;
use crate::refusal::ImmutableWording;
use crate::scanning::Orders;
use crate::server::BaseUrl;
use crate::store::Registry;
use crate::throttle::{Quotas, Throttle};
use crate::uploads::Uploads;
use tagship_domain::reference::{AccountId, Region};

/// What ECR does in one way or another, or what only AWS knows; the default is the stricter answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Quirks {
    /// The words for a tag that must not move.
    pub immutable_wording: ImmutableWording,
    /// Whether the data plane takes a manifest that an immutable tag points to already (201), and does not
    /// refuse it as it refuses any other (400).
    pub accept_same_digest: bool,
    /// Whether blobs are read by a redirect (307) to a second port, which refuses registry logins as S3 does.
    pub redirect_blobs: bool,
    /// Whether an image that is pulled by tag comes in the other of the two image formats, under another digest, to
    /// a client that takes that alone; otherwise it is not found.
    pub translate_manifests: bool,
    /// Whether the third and every later `PATCH` of an upload is answered with the `Range` of the second, as ECR has
    /// been seen to do.
    pub stall_ranges: bool,
    /// Whether the data plane does what the OCI distribution specification says where ECR does something else.
    pub strict_oci: bool,
    /// For how many seconds of the clock replication is told to be under way.
    pub replication_seconds: u32,
}

/// The state of a running emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    /// Whether signatures and registry tokens are demanded.
    pub(crate) auth: bool,
    /// Where the server listens, as clients on this machine reach it.
    pub(crate) address: SocketAddr,
    /// Where blobs are read from, if the registry redirects.
    pub(crate) storage_port: Option<u16>,
    /// Where public registries are, if they are served.
    pub(crate) public_port: Option<u16>,
    pub(crate) quirks: Quirks,
    pub(crate) clock: Clock,
    /// Of the emulator's own account and region.
    pub(crate) registry: Registry,
    pub(crate) iam: Iam,
    pub(crate) issuer: Issuer,
    pub(crate) pushes: Pushes,
    pub(crate) uploads: Uploads,
    pub(crate) faults: Faults,
    pub(crate) throttle: Throttle,
    /// Those that were enforced at the start.
    pub(crate) quotas: Quotas,
    /// What scans come to.
    pub(crate) scans: Orders,
    pub(crate) journal: Journal,
    /// Locked until the last connection has ended.
    pub(crate) _folder: DataFolder,
}

impl Emulator {
    /// The registry of an account in a region; it begins to be with what is put into it.
    pub(crate) fn registry_at(&self, account: AccountId, region: Region) -> Registry {
        self.registry.beside(account, region)
    }

    /// The host of all public registries, as whoever uses `base` reaches it.
    pub(crate) fn public_host(&self, base: &BaseUrl) -> String {
        match (base.beside(PUBLIC_REGISTRY), self.public_port) {
            (Some(host), _) => host,
            (None, Some(port)) => format!("{}:{port}", base.host_name()),
            (None, None) => PUBLIC_REGISTRY.to_owned(),
        }
    }
}
