//! The state of a running emulator, as services see it.

use jiff::{SignedDuration, Timestamp};

use super::clock::Clock;
use super::data_folder::DataFolder;
use super::faults::Faults;
use super::iam::Iam;
use super::journal::Journal;
use super::quirks::Quirks;
use super::scan_orders::ScanOrders;
use super::store::Registry;
use super::throttle::{Quotas, Throttle};
use super::uploads::Uploads;
use tagship_domain::reference::{AccountId, Region};

/// The state of a running emulator.
#[derive(Debug)]
pub(crate) struct EmulatorState {
    /// Whether signatures and registry tokens are demanded.
    pub(crate) auth: bool,
    pub(crate) quirks: Quirks,
    pub(crate) clock: Clock,
    /// Of the emulator's own account and region.
    pub(crate) registry: Registry,
    pub(crate) iam: Iam,
    pub(crate) uploads: Uploads,
    pub(crate) faults: Faults,
    pub(crate) throttle: Throttle,
    /// Those that were enforced at the start.
    pub(crate) quotas: Quotas,
    /// What scans come to.
    pub(crate) scans: ScanOrders,
    pub(crate) journal: Journal,
    /// Locked until the last connection has ended.
    pub(crate) _folder: DataFolder,
}

impl EmulatorState {
    /// The registry of an account in a region; it begins to be with what is put into it.
    pub(crate) fn registry_at(&self, account: AccountId, region: Region) -> Registry {
        self.registry.beside(account, region)
    }

    /// Whether replication that began at that time is over.
    pub(crate) fn has_replicated(&self, began: Timestamp) -> bool {
        let delay = SignedDuration::from_secs(self.quirks.replication_seconds.into());
        self.clock.now().duration_since(began) >= delay
    }
}
