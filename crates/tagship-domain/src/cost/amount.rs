//! Amounts of money and sizes, as people write them.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many parts of a dollar are counted.
const PARTS: u64 = 1_000_000_000;

/// The greatest amount that a list of prices may name, in dollars.
const MOST_DOLLARS: u64 = 1_000_000;

/// An amount of US dollars, exact to a billionth. It never overflows: what is too much stays at the greatest amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Returns `bytes` at this price for each `bytes_per_gb`.
    pub(super) fn of(self, bytes: u128, bytes_per_gb: u64) -> Self {
        let parts = bytes.saturating_mul(u128::from(self.0)) / u128::from(bytes_per_gb.max(1));
        Self(u64::try_from(parts).unwrap_or(u64::MAX))
    }

    /// Returns what is left of it without `other`; nothing where that is more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    fn parse(text: &str) -> Option<Self> {
        let (whole, parts) = text.split_once('.').unwrap_or((text, ""));
        if parts.len() > 9 || !(whole.bytes().chain(parts.bytes())).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole: u64 = whole.parse().ok().filter(|whole| *whole < MOST_DOLLARS)?;
        let parts: u64 = format!("{parts:0<9}").parse().ok()?;
        Some(Self(whole * PARTS + parts))
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

/// In dollars and cents, rounded; what is less than a cent is not shown as nothing.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cent = PARTS / 100;
        let cents = self.0.saturating_add(cent / 2) / cent;
        let text = if cents == 0 && self.0 > 0 {
            "<$0.01".to_owned()
        } else {
            format!("${}.{:02}", cents / 100, cents % 100)
        };
        f.pad(&text)
    }
}

/// As a number of dollars.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:09}", self.0 / PARTS, self.0 % PARTS);
        let number: f64 = text.parse().map_err(serde::ser::Error::custom)?;
        serializer.serialize_f64(number)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let text = number.to_string();
        Self::parse(&text).ok_or_else(|| {
            let wanted = format_args!(
                "a price is a number of dollars under {MOST_DOLLARS} with at most nine digits after its point, not {text}"
            );
            serde::de::Error::custom(wanted)
        })
    }
}

/// A text that is no size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a size is a number and a unit, such as `500MB`, `1.5GB` or `700MiB`")]
pub struct InvalidSize;

/// Reads a size: `MB` is a million bytes, `MiB` is 1024 × 1024 of them.
pub fn size_in_bytes(text: &str) -> Result<u64, InvalidSize> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(InvalidSize),
    };
    let (whole, parts) = number.split_once('.').unwrap_or((number, "0"));
    if parts.is_empty() || parts.len() > 9 || !parts.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidSize);
    }
    let whole: u64 = whole.parse().map_err(|_error| InvalidSize)?;
    let parts: u64 = format!("{parts:0<9}").parse().map_err(|_error| InvalidSize)?;
    let of_parts = u128::from(parts) * u128::from(unit) / u128::from(PARTS);
    let bytes = u128::from(whole) * u128::from(unit) + of_parts;
    u64::try_from(bytes).map_err(|_error| InvalidSize)
}
