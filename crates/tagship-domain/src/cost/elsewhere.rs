//! What the same numbers cost in another registry.

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::Money;

/// What the same numbers cost in another registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The registry.
    pub name: String,
    /// Where its prices stand.
    pub source: String,
    /// What they leave out.
    pub note: Option<String>,
    /// What it takes a month in any case.
    pub monthly: Money,
    /// What holding the images costs.
    pub storage: Money,
    /// What pulling them costs.
    pub transfer: Money,
}

impl Elsewhere {
    /// Returns what all comes to.
    pub fn month(&self) -> Money {
        self.monthly + self.storage + self.transfer
    }
}

impl Serialize for Elsewhere {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Elsewhere", 7)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("source", &self.source)?;
        fields.serialize_field("note", &self.note)?;
        fields.serialize_field("monthly", &self.monthly)?;
        fields.serialize_field("storage", &self.storage)?;
        fields.serialize_field("transfer", &self.transfer)?;
        fields.serialize_field("month", &self.month())?;
        fields.end()
    }
}
