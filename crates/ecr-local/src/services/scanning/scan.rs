//! A scan, and what it has come to at a time.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::state::scan_orders::{Finding, ScanOrder, ScanOutcome};

/// A scan that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Of the packages of the operating system, once; when it was begun.
    Basic(Timestamp),
    /// By Inspector, again and again.
    Enhanced {
        started_at: Timestamp,
        /// When Inspector stops to look at the image.
        expires: Option<Timestamp>,
    },
}

/// Source: ECR API reference, `ImageScanStatus`, `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    InProgress,
    Complete,
    Failed,
    UnsupportedImage,
    Active,
    Pending,
    ScanEligibilityExpired,
    FindingsUnavailable,
    LimitExceeded,
    ImageArchived,
    ImageSizeExceeded,
}

/// What a scan has come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScanState {
    pub(crate) status: Status,
    pub(crate) description: String,
    /// What was found, if the scan has found out.
    pub(crate) found: Option<ScanFindings>,
}

/// What a scan has found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScanFindings {
    pub(crate) completed_at: Timestamp,
    pub(crate) findings: Vec<Finding>,
}

impl Scan {
    /// What the scan has come to at `now`; `None` while it is not known of.
    pub(super) fn state(self, order: &ScanOrder, now: Timestamp) -> Option<ScanState> {
        let after = |time: Timestamp, seconds: u32| {
            time.saturating_add(SignedDuration::from_secs(seconds.into()))
                .unwrap_or(Timestamp::MAX)
        };
        let (started_at, running, ended, expires) = match self {
            // A basic scan is asked for; an enhanced one is seen when Inspector has taken the image in.
            Self::Basic(at) => (at, Status::InProgress, Status::Complete, None),
            Self::Enhanced { started_at, expires } => (started_at, Status::Pending, Status::Active, expires),
        };
        let known_at = after(started_at, order.starts_after_seconds);
        let completed_at = after(known_at, order.takes_seconds);
        if now < known_at {
            return None;
        }
        if now < completed_at || order.outcome == ScanOutcome::Never {
            return Some(ScanState::new(running));
        }
        if expires.is_some_and(|expires| expires <= now) {
            return Some(ScanState::new(Status::ScanEligibilityExpired));
        }
        let found = (order.outcome == ScanOutcome::Complete).then(|| ScanFindings {
            completed_at,
            findings: order.findings.clone(),
        });
        let mut state = ScanState {
            found,
            ..ScanState::new(match order.outcome {
                ScanOutcome::Complete | ScanOutcome::CompleteWithoutFindings => ended,
                ScanOutcome::Never => running,
                ScanOutcome::Failed => Status::Failed,
                ScanOutcome::UnsupportedImage => Status::UnsupportedImage,
                ScanOutcome::FindingsUnavailable => Status::FindingsUnavailable,
                ScanOutcome::LimitExceeded => Status::LimitExceeded,
                ScanOutcome::ImageSizeExceeded => Status::ImageSizeExceeded,
            })
        };
        if let Some(description) = &order.description {
            state.description.clone_from(description);
        }
        Some(state)
    }
}

impl ScanState {
    fn new(status: Status) -> Self {
        Self {
            status,
            description: status.description().to_owned(),
            found: None,
        }
    }

    /// Of an image that is archived, or just being restored.
    pub(super) fn image_archived() -> Self {
        Self::new(Status::ImageArchived)
    }
}

impl Status {
    /// AWS's words, where they are known from public reports.
    fn description(self) -> &'static str {
        match self {
            Self::InProgress => "The scan is in progress.",
            Self::Complete => "The scan was completed successfully.",
            Self::Failed => {
                "UnsupportedImageError: The operating system and/or package manager are not supported."
            }
            Self::UnsupportedImage => "The image is not supported.",
            Self::Active => "Continuous scan is selected for image.",
            Self::Pending => "The scan is pending.",
            Self::ScanEligibilityExpired => "The scan eligibility of the image has expired.",
            Self::FindingsUnavailable => "The findings are not available.",
            Self::LimitExceeded => "The limit of scans is exceeded.",
            Self::ImageArchived => "The image is archived.",
            Self::ImageSizeExceeded => "The image is too large to be scanned.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(scan: Scan, order: &ScanOrder, seconds: i64) -> Option<(Status, bool)> {
        let now = BEGIN + SignedDuration::from_secs(seconds);
        let state = scan.state(order, now)?;
        Some((state.status, state.found.is_some()))
    }

    const ENHANCED: Scan = Scan::Enhanced {
        started_at: BEGIN,
        expires: None,
    };

    fn order(outcome: ScanOutcome) -> ScanOrder {
        ScanOrder {
            outcome,
            starts_after_seconds: 10,
            takes_seconds: 20,
            ..ScanOrder::default()
        }
    }

    #[test]
    fn scans_go_from_unknown_over_running_to_their_end() {
        for (scan, running, ended) in [
            (Scan::Basic(BEGIN), Status::InProgress, Status::Complete),
            (ENHANCED, Status::Pending, Status::Active),
        ] {
            let order = order(ScanOutcome::Complete);
            assert_eq!(at(scan, &order, 9), None);
            assert_eq!(at(scan, &order, 10), Some((running, false)));
            assert_eq!(at(scan, &order, 29), Some((running, false)));
            assert_eq!(at(scan, &order, 30), Some((ended, true)));
        }
    }

    #[test]
    fn only_a_scan_that_ends_well_has_findings() {
        for (outcome, status) in [
            (ScanOutcome::CompleteWithoutFindings, Status::Active),
            (ScanOutcome::Never, Status::Pending),
            (ScanOutcome::Failed, Status::Failed),
            (ScanOutcome::UnsupportedImage, Status::UnsupportedImage),
            (ScanOutcome::FindingsUnavailable, Status::FindingsUnavailable),
            (ScanOutcome::LimitExceeded, Status::LimitExceeded),
            (ScanOutcome::ImageSizeExceeded, Status::ImageSizeExceeded),
        ] {
            assert_eq!(at(ENHANCED, &order(outcome), 1_000_000), Some((status, false)));
        }
    }

    #[test]
    fn inspector_stops_to_look_at_an_image() {
        let scan = Scan::Enhanced {
            started_at: BEGIN,
            expires: Some(BEGIN + SignedDuration::from_secs(100)),
        };
        let order = order(ScanOutcome::Complete);
        assert_eq!(at(scan, &order, 99), Some((Status::Active, true)));
        assert_eq!(
            at(scan, &order, 100),
            Some((Status::ScanEligibilityExpired, false))
        );
    }
}
