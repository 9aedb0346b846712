//! Which times of an image are set on its way.

use jiff::Timestamp;

use tagship_domain::build::{BuildRequest, REPRODUCIBLE_TIME};

/// Which times of an image are set on its way.
#[derive(Debug, Clone, Copy)]
pub struct ImageTimes {
    /// Those of the config.
    pub(super) config: Epoch,
    /// Those within layers, if any.
    pub(super) layers: Option<Epoch>,
}

impl ImageTimes {
    /// No time is set.
    pub const UNCHANGED: Self = Self {
        config: Epoch::new(i64::MAX),
        layers: None,
    };

    /// As a build wants them.
    pub fn of(request: &BuildRequest) -> Self {
        Self {
            config: Epoch::new(request.latest_time()),
            layers: request.reproducible.then(|| Epoch::new(REPRODUCIBLE_TIME)),
        }
    }
}

/// `SOURCE_DATE_EPOCH`: no time is later. What is older stays as it is.
///
/// Source: BuildKit, `docs/build-repro.md`, "`SOURCE_DATE_EPOCH`", with the exporter's option `rewrite-timestamp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Epoch {
    /// Takes seconds since 1970-01-01T00:00:00Z; the fields of a tar archive begin there.
    pub(super) const fn new(seconds: i64) -> Self {
        Self(if seconds > 0 { seconds.unsigned_abs() } else { 0 })
    }

    /// The seconds since 1970-01-01T00:00:00Z.
    pub(super) fn seconds(self) -> u64 {
        self.0
    }

    /// The text that stands for a later time of RFC 3339; `None` for one that stays, as what is no time does.
    pub(super) fn instead_of(self, time: &str) -> Option<String> {
        let epoch = Timestamp::from_second(i64::try_from(self.0).ok()?).ok()?;
        let time: Timestamp = time.parse().ok()?;
        (time > epoch).then(|| epoch.to_string())
    }
}
