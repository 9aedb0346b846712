//! What repositories cost a month: from what they hold, how often it is pulled, and a list of prices.

mod amount;
mod elsewhere;
mod estimate;
mod prices;
mod usage;

pub use amount::{InvalidSize, Money, size_in_bytes};
pub use elsewhere::Elsewhere;
pub use estimate::{CostEstimate, Replication, RepositoryCost, Saving, TransferCost};
pub use prices::{InvalidPrices, PriceList, RegistryPrices, Tiers, TransferPrices};
pub use usage::{Pulls, RepositoryUsage, StoredBytes, StoredContent, Way};

#[cfg(test)]
mod tests;
