//! Time zones.

use std::sync::LazyLock;

use crate::untrusted::cleaned;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};

/// The zones that are compiled in, so that a machine without a database, or with another one, makes the same tags.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// There is no such zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time zone database has no `{shown}`")]
pub struct UnknownZone {
    shown: String,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Finds a zone by its name, such as `Europe/Berlin`; upper and lower case are the same.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        if name.eq_ignore_ascii_case("UTC") {
            return Ok(Self::UTC);
        }
        ZONES
            .get(name)
            .map(Self)
            .map_err(|_unknown| UnknownZone { shown: cleaned(name) })
    }

    /// The zone's wall clock at an instant.
    pub fn at(&self, instant: Timestamp) -> Zoned {
        instant.to_zoned(self.0.clone())
    }
}
