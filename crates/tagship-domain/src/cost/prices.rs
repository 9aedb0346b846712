//! The list of prices: a dated file with its sources, which may be replaced by another.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Money;
use crate::untrusted::cleaned;

/// The list that comes with the program.
const OWN: &str = include_str!("prices.json");

/// The most registries that a list compares with.
const MOST_REGISTRIES: usize = 50;

/// The most steps of a price.
const MOST_TIERS: usize = 20;

/// What registries take, in US dollars.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PriceList {
    /// The day on which the prices were looked up.
    pub as_of: Date,
    /// How many bytes a GB has in these prices.
    pub bytes_per_gb: u64,
    /// Amazon ECR.
    pub ecr: RegistryPrices,
    /// What it is compared with.
    pub others: Vec<RegistryPrices>,
}

/// What one registry takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegistryPrices {
    /// Its name.
    pub name: String,
    /// Where the prices stand.
    pub source: String,
    /// What the prices leave out.
    pub note: Option<String>,
    /// What it takes a month, however much it holds.
    #[serde(default)]
    pub monthly: Money,
    /// For a GB that is stored for a month.
    pub storage: Tiers,
    /// For a GB that is archived for a month, where that is another price.
    pub archive: Option<Tiers>,
    /// For a GB that is pulled.
    pub transfer: TransferPrices,
}

/// For a GB that is pulled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TransferPrices {
    /// From the registry's own region.
    pub region: Tiers,
    /// From another region of the same cloud.
    pub other_region: Tiers,
    /// From elsewhere.
    pub internet: Tiers,
}

/// The price of a GB, which may fall or rise with the amount: the first GBs of a month at the first price, and so on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "WrittenTiers")]
pub struct Tiers(Vec<Tier>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Tier {
    /// Up to how many GB a month; without an end when absent.
    up_to_gb: Option<u64>,
    price: Money,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a price is a number of dollars, or a list of `{\"up-to-gb\": 100, \"price\": 0.09}`"
)]
enum WrittenTiers {
    One(Money),
    Several(Vec<Tier>),
}

impl From<WrittenTiers> for Tiers {
    fn from(written: WrittenTiers) -> Self {
        Self(match written {
            WrittenTiers::One(price) => vec![Tier {
                up_to_gb: None,
                price,
            }],
            WrittenTiers::Several(tiers) => tiers,
        })
    }
}

/// Why a text is no list of prices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPrices(String);

impl PriceList {
    /// Returns the list that comes with the program.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    pub fn own() -> Self {
        Self::parse(OWN).unwrap_or_else(|error| unreachable!("the program's own prices: {error}"))
    }

    /// Reads a list.
    pub fn parse(text: &str) -> Result<Self, InvalidPrices> {
        let list: Self =
            serde_json::from_str(text).map_err(|error| InvalidPrices(cleaned(&error.to_string())))?;
        list.check().map_err(InvalidPrices)?;
        Ok(list)
    }

    fn check(&self) -> Result<(), String> {
        if self.bytes_per_gb == 0 {
            return Err("`bytes-per-gb` is 0".to_owned());
        }
        if self.others.len() > MOST_REGISTRIES {
            return Err(format!("`others` has more than {MOST_REGISTRIES} registries"));
        }
        std::iter::once(&self.ecr)
            .chain(&self.others)
            .try_for_each(RegistryPrices::check)
    }
}

impl RegistryPrices {
    fn check(&self) -> Result<(), String> {
        let prices = [
            ("storage", Some(&self.storage)),
            ("archive", self.archive.as_ref()),
            ("region", Some(&self.transfer.region)),
            ("other-region", Some(&self.transfer.other_region)),
            ("internet", Some(&self.transfer.internet)),
        ];
        for (name, tiers) in prices {
            if let Some(problem) = tiers.and_then(Tiers::problem) {
                return Err(format!("`{name}` of {}: {problem}", cleaned(&self.name)));
            }
        }
        Ok(())
    }
}

impl Tiers {
    fn problem(&self) -> Option<String> {
        let Some((last, others)) = self.0.split_last() else {
            return Some("a list of prices has at least one".to_owned());
        };
        if others.len() >= MOST_TIERS {
            return Some(format!("a list of prices has at most {MOST_TIERS}"));
        }
        if last.up_to_gb.is_some() {
            return Some("the last price has no end".to_owned());
        }
        let ends: Option<Vec<u64>> = others.iter().map(|tier| tier.up_to_gb).collect();
        let ascend = ends.is_some_and(|ends| ends.is_sorted_by(|one, other| one < other));
        (!ascend).then(|| "every price but the last has an end, each greater than the one before".to_owned())
    }

    /// Returns what so many bytes come to in a month.
    pub(super) fn of(&self, bytes: u128, bytes_per_gb: u64) -> Money {
        let mut from = 0;
        let mut sum = Money::ZERO;
        for tier in &self.0 {
            let end = tier
                .up_to_gb
                .map_or(u128::MAX, |gb| u128::from(gb) * u128::from(bytes_per_gb));
            let until = bytes.min(end);
            sum = sum + tier.price.of(until.saturating_sub(from), bytes_per_gb);
            from = end;
        }
        sum
    }
}
