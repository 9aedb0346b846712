//! What a scan of one image has come to.
//!
//! Source: ECR API reference, `ImageScanStatus`, `status`, and `DescribeImageScanFindings`.

use jiff::{SignedDuration, Timestamp};

use super::finding::Finding;
use super::setting::ScanKind;

/// What a scan of one image has come to at some moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The registry's word, such as `COMPLETE`; cleaned.
    pub status: String,
    /// The registry's sentence; cleaned, may be empty.
    pub description: String,
    /// What was found; absent where the registry gives no list, which is not the same as an empty one.
    pub found: Option<FoundByScan>,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundByScan {
    /// What scanned.
    pub kind: ScanKind,
    /// When the scan ended, where the registry says it.
    pub completed_at: Option<Timestamp>,
    /// How many findings the registry counts.
    pub counted: u64,
    /// The findings, of all pages.
    pub findings: Vec<Finding>,
}

/// Whether there is something to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanProgress {
    /// It goes on, or may still.
    Running,
    /// It has ended and found nothing, a moment ago: enhanced scans are known to find more then.
    Settling,
    /// It has ended, with all findings.
    Done,
    /// It has ended, or will not begin, without findings.
    Ended(ScanEnd),
}

/// How a scan ended without findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanEnd {
    /// The scanner does not read such an image.
    Unscannable,
    /// It failed, its findings are gone, or the account has used up its scans.
    Failed,
}

impl Scan {
    /// How long after its end an enhanced scan that found nothing is asked again.
    pub const SETTLE: SignedDuration = SignedDuration::from_secs(30);

    /// Returns whether there is something to judge by at `now`. A word that is not known is waited for.
    pub fn progress(&self, now: Timestamp) -> ScanProgress {
        match self.status.as_str() {
            "COMPLETE" | "ACTIVE" => self
                .found
                .as_ref()
                .map_or(ScanProgress::Running, |found| found.progress(now)),
            "UNSUPPORTED_IMAGE" | "IMAGE_SIZE_EXCEEDED" => ScanProgress::Ended(ScanEnd::Unscannable),
            // Source: ECR user guide, "Troubleshooting image scanning issues", "UnsupportedImageError".
            "FAILED" if self.description.starts_with("UnsupportedImageError") => {
                ScanProgress::Ended(ScanEnd::Unscannable)
            }
            "FAILED" | "LIMIT_EXCEEDED" | "SCAN_ELIGIBILITY_EXPIRED" | "IMAGE_ARCHIVED" => {
                ScanProgress::Ended(ScanEnd::Failed)
            }
            _ => ScanProgress::Running,
        }
    }
}

impl FoundByScan {
    fn progress(&self, now: Timestamp) -> ScanProgress {
        let is_empty = self.findings.is_empty();
        if is_empty && self.counted > 0 {
            return ScanProgress::Running;
        }
        let is_settled = || {
            self.completed_at
                .is_some_and(|completed| now.duration_since(completed) >= Scan::SETTLE)
        };
        if is_empty && self.kind == ScanKind::Enhanced && !is_settled() {
            ScanProgress::Settling
        } else {
            ScanProgress::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn progress(status: &str, description: &str, found: impl Into<Option<FoundByScan>>) -> ScanProgress {
        let scan = Scan {
            status: status.to_owned(),
            description: description.to_owned(),
            found: found.into(),
        };
        scan.progress(NOW)
    }

    fn found(kind: ScanKind, seconds_ago: i64, counted: u64) -> FoundByScan {
        FoundByScan {
            kind,
            completed_at: Some(NOW - SignedDuration::from_secs(seconds_ago)),
            counted,
            findings: Vec::new(),
        }
    }

    #[test]
    fn an_end_without_a_list_is_no_end_and_an_empty_list_may_be_early() {
        use ScanKind::{Basic, Enhanced};
        use ScanProgress::{Done, Running, Settling};
        assert_eq!(progress("COMPLETE", "", None), Running);
        assert_eq!(progress("ACTIVE", "", None), Running);
        assert_eq!(progress("COMPLETE", "", found(Basic, 0, 0)), Done);
        assert_eq!(progress("COMPLETE", "", found(Basic, 0, 2)), Running);
        assert_eq!(progress("ACTIVE", "", found(Enhanced, 29, 0)), Settling);
        assert_eq!(progress("ACTIVE", "", found(Enhanced, 30, 0)), Done);
    }

    #[test]
    fn every_word_of_the_api_has_a_meaning() {
        use ScanEnd::{Failed, Unscannable};
        use ScanProgress::{Ended, Running};
        for (status, description, progressed) in [
            ("IN_PROGRESS", "", Running),
            ("PENDING", "", Running),
            ("FINDINGS_UNAVAILABLE", "", Running),
            ("NEW_WORD", "", Running),
            ("FAILED", "", Ended(Failed)),
            ("FAILED", "UnsupportedImageError: no system", Ended(Unscannable)),
            ("UNSUPPORTED_IMAGE", "", Ended(Unscannable)),
            ("IMAGE_SIZE_EXCEEDED", "", Ended(Unscannable)),
            ("LIMIT_EXCEEDED", "", Ended(Failed)),
            ("SCAN_ELIGIBILITY_EXPIRED", "", Ended(Failed)),
            ("IMAGE_ARCHIVED", "", Ended(Failed)),
        ] {
            assert_eq!(progress(status, description, None), progressed, "{status}");
        }
    }
}
