//! What becomes of an image on its way: which times are set, and how layers are compressed.

use jiff::Timestamp;

use super::encoding::Encoding;
use tagship_domain::build::{BuildRequest, Compression, REPRODUCIBLE_TIME};

/// What becomes of an image on its way, beside its content.
#[derive(Debug, Clone, Copy)]
pub struct ImageForm {
    /// The latest time of the config.
    pub(super) config_time: Epoch,
    /// The latest time within layers, if one is set.
    pub(super) layer_time: Option<Epoch>,
    /// How layers are compressed.
    pub(super) encoding: Encoding,
}

impl ImageForm {
    /// No time is set, and layers are compressed as they usually are.
    pub const UNCHANGED: Self = Self {
        config_time: Epoch::new(i64::MAX),
        layer_time: None,
        encoding: Encoding::USUAL,
    };

    /// The same, with layers compressed so.
    #[must_use]
    pub fn compressed(self, compression: Compression) -> Self {
        Self {
            encoding: Encoding::of(compression),
            ..self
        }
    }

    /// As a build wants it.
    pub fn of(request: &BuildRequest) -> Self {
        Self {
            config_time: Epoch::new(request.latest_time()),
            layer_time: request.reproducible.then(|| Epoch::new(REPRODUCIBLE_TIME)),
            encoding: Encoding::of(request.options.compression),
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
