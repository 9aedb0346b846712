use jiff::Timestamp;

/// `SOURCE_DATE_EPOCH`: no time in a pushed image is later. What is older stays as it is, so that layers of a base
/// image stay what they are.
///
/// Source: BuildKit, `docs/build-repro.md`, "`SOURCE_DATE_EPOCH`", with the exporter's option `rewrite-timestamp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl Epoch {
    /// Takes seconds since 1970-01-01T00:00:00Z; the fields of a tar archive begin there.
    pub(super) fn new(seconds: i64) -> Self {
        Self(u64::try_from(seconds).unwrap_or(0))
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
