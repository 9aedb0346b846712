//! What repositories cost a month, by a list of prices.

use jiff::civil::Date;
use serde::Serialize;

use super::prices::{PriceList, RegistryPrices};
use super::usage::{Pulls, RepositoryUsage, StoredBytes, Way};
use super::{Elsewhere, Money};

/// What repositories cost a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CostEstimate {
    /// The day of the prices.
    pub as_of: Date,
    /// Where they stand.
    pub source: String,
    /// What they leave out.
    pub note: Option<String>,
    /// The repositories, in their order, each as if it were alone.
    pub repositories: Vec<RepositoryCost>,
    /// What all of them hold.
    pub storage: Money,
    /// What pulling costs, by where it is done from.
    pub transfers: Vec<TransferCost>,
    /// What all comes to.
    pub month: Money,
    /// What lifecycle policies would save, where there are any.
    pub saving: Option<Money>,
    /// What it would cost to hold all in the other region too, where images are pulled from one.
    pub replication: Option<Replication>,
    /// What the same numbers cost in other registries.
    pub elsewhere: Vec<Elsewhere>,
}

/// What one repository costs a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryCost {
    /// The repository.
    pub repository: String,
    /// How many images it has.
    pub images: usize,
    /// Bytes at hand, each layer counted once.
    pub bytes: u64,
    /// Bytes in the archive.
    pub archived_bytes: u64,
    /// Whether the bytes are at most these, because which layers images share is not known.
    pub is_upper_bound: bool,
    /// What holding them costs.
    pub storage: Money,
    /// What its pulls cost.
    pub transfer: Money,
    /// What its lifecycle policy would save.
    pub policy: Option<Saving>,
}

/// What a lifecycle policy would save a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Saving {
    /// How many images it deletes or archives.
    pub images: usize,
    /// How many bytes are deleted with them: layers that no other image has.
    pub bytes: u64,
    /// What that saves.
    pub saved: Money,
}

/// What pulling on one way costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TransferCost {
    /// From where.
    pub from: Way,
    /// How often in a month, over all repositories.
    pub pulls: u64,
    /// How many bytes that moves.
    pub bytes: u64,
    /// What it costs.
    pub cost: Money,
}

/// What it costs to hold all images in another region too, and to pull them there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Replication {
    /// What holding them there costs.
    pub storage: Money,
    /// What sending there costs that is pushed in a month.
    pub transfer: Money,
    /// Both.
    pub month: Money,
    /// What it saves: the pulls across regions.
    pub instead_of: Money,
}

impl CostEstimate {
    /// Computes what repositories cost that hold and move this.
    pub fn new(prices: &PriceList, repositories: &[RepositoryUsage], pulls: &Pulls) -> Self {
        let month = Month {
            prices,
            gb: prices.bytes_per_gb,
        };
        let ecr = &prices.ecr;
        let stored = sum(repositories.iter().map(|one| one.stored));
        let storage = month.storage(ecr, stored) + ecr.monthly;
        let transfers = month.transfers(ecr, repositories, pulls);
        let has_policy = repositories.iter().any(|one| one.after_policy.is_some());
        let after = sum(repositories
            .iter()
            .map(|one| one.after_policy.map_or(one.stored, |(_, after)| after)));
        let total = storage + transfers.iter().map(|one| one.cost).sum();
        Self {
            as_of: prices.as_of,
            source: ecr.source.clone(),
            note: ecr.note.clone(),
            repositories: repositories
                .iter()
                .map(|one| month.repository(one, pulls))
                .collect(),
            storage,
            replication: month.replication(repositories, stored, &transfers),
            transfers,
            month: total,
            saving: has_policy.then(|| storage.less(month.storage(ecr, after) + ecr.monthly)),
            elsewhere: (prices.others.iter())
                .map(|other| Elsewhere {
                    name: other.name.clone(),
                    source: other.source.clone(),
                    note: other.note.clone(),
                    monthly: other.monthly,
                    storage: month.storage(other, stored),
                    transfer: month
                        .transfers(other, repositories, pulls)
                        .iter()
                        .map(|one| one.cost)
                        .sum(),
                })
                .collect(),
        }
    }
}

fn sum(all: impl Iterator<Item = StoredBytes>) -> StoredBytes {
    all.fold(StoredBytes::default(), |sum, one| StoredBytes {
        standard: sum.standard.saturating_add(one.standard),
        archive: sum.archive.saturating_add(one.archive),
    })
}

struct Month<'a> {
    prices: &'a PriceList,
    gb: u64,
}

impl Month<'_> {
    fn storage(&self, registry: &RegistryPrices, stored: StoredBytes) -> Money {
        let archive = registry.archive.as_ref();
        match archive {
            Some(archive) => {
                registry.storage.of(stored.standard.into(), self.gb)
                    + archive.of(stored.archive.into(), self.gb)
            }
            None => registry
                .storage
                .of(u128::from(stored.standard) + u128::from(stored.archive), self.gb),
        }
    }

    fn transfers(
        &self,
        registry: &RegistryPrices,
        of: &[RepositoryUsage],
        pulls: &Pulls,
    ) -> Vec<TransferCost> {
        let one_of_each: u128 = of.iter().map(|one| u128::from(one.pull)).sum();
        let repositories = u64::try_from(of.len()).unwrap_or(u64::MAX);
        let ways = pulls.ways().map(|(from, pulls)| {
            let bytes = one_of_each.saturating_mul(pulls.into());
            let tiers = match from {
                Way::Region => &registry.transfer.region,
                Way::OtherRegion => &registry.transfer.other_region,
                Way::Internet => &registry.transfer.internet,
            };
            TransferCost {
                from,
                pulls: pulls.saturating_mul(repositories),
                bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
                cost: tiers.of(bytes, self.gb),
            }
        });
        ways.collect()
    }

    fn repository(&self, usage: &RepositoryUsage, pulls: &Pulls) -> RepositoryCost {
        let ecr = &self.prices.ecr;
        let storage = self.storage(ecr, usage.stored);
        let transfers = self.transfers(ecr, std::slice::from_ref(usage), pulls);
        let all = |bytes: StoredBytes| bytes.standard.saturating_add(bytes.archive);
        RepositoryCost {
            repository: usage.name.clone(),
            images: usage.images,
            bytes: usage.stored.standard,
            archived_bytes: usage.stored.archive,
            is_upper_bound: usage.is_upper_bound,
            storage,
            transfer: transfers.iter().map(|one| one.cost).sum(),
            policy: usage.after_policy.map(|(images, after)| Saving {
                images,
                bytes: all(usage.stored).saturating_sub(all(after)),
                saved: storage.less(self.storage(ecr, after)),
            }),
        }
    }

    fn replication(
        &self,
        of: &[RepositoryUsage],
        stored: StoredBytes,
        transfers: &[TransferCost],
    ) -> Option<Replication> {
        let ecr = &self.prices.ecr;
        let instead_of = transfers.iter().find(|one| one.from == Way::OtherRegion)?.cost;
        // What is archived is not replicated.
        let storage = self.storage(ecr, StoredBytes { archive: 0, ..stored });
        let pushed: u128 = of.iter().map(|one| u128::from(one.pushed)).sum();
        let transfer = ecr.transfer.other_region.of(pushed, self.gb);
        Some(Replication {
            storage,
            transfer,
            month: storage + transfer,
            instead_of,
        })
    }
}
