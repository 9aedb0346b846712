//! An image that the gate does not let pass.

use std::borrow::Cow;
use std::fmt;

use super::baseline::Baseline;
use super::gate::{GateDecision, GateReason};
use crate::error::{Diagnose, FailureKind};
use crate::reference::{Digest, ImageName};

/// The most findings that a message shows.
const MOST_SHOWN: usize = 10;

/// The gate does not let an image pass.
#[derive(Debug, Clone, PartialEq)]
pub struct GateFailure {
    /// Where the image is.
    pub image: ImageName,
    /// The image.
    pub digest: Digest,
    /// What the gate says; it has a reason.
    pub decision: Box<GateDecision>,
}

impl GateFailure {
    /// Whether a finding is among the reasons.
    fn is_about_findings(&self) -> bool {
        let is_excess = |reason: &GateReason| {
            matches!(
                reason,
                GateReason::TooManyFindings(_)
                    | GateReason::ExploitableFindings { .. }
                    | GateReason::LikelyExploited { .. }
            )
        };
        self.decision.reasons.iter().any(is_excess)
    }
}

impl fmt::Display for GateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyFindings(excess) => excess.fmt(f),
            Self::ExploitableFindings { count: 1 } => f.write_str("1 finding whose exploit is known"),
            Self::ExploitableFindings { count } => write!(f, "{count} findings whose exploit is known"),
            Self::LikelyExploited { count, epss } => {
                let findings = if *count == 1 { "finding" } else { "findings" };
                write!(f, "{count} {findings} of an EPSS of {epss} or more")
            }
            Self::UnscannableImage { digest, status } => {
                write!(f, "image {} cannot be scanned: {status}", digest.short())
            }
            Self::NoFindings { digest, status } => {
                write!(
                    f,
                    "image {} has no findings to judge by: {status}",
                    digest.short()
                )
            }
            Self::StaleIgnores { count: 1 } => {
                f.write_str("1 entry of `ignore-findings` has expired or is not used")
            }
            Self::StaleIgnores { count } => {
                write!(
                    f,
                    "{count} entries of `ignore-findings` have expired or are not used"
                )
            }
        }
    }
}

impl fmt::Display for GateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the scan gate does not let `{}` pass",
            self.image.at(self.digest)
        )?;
        for reason in &self.decision.reasons {
            write!(f, "\n  {reason}")?;
        }
        for stale in &self.decision.stale_ignores {
            write!(f, "\n  {}: {}", stale.staleness.as_str(), stale.ignore)?;
        }
        if self.is_about_findings() {
            let earlier = self.decision.earlier.as_ref();
            if let Some(Baseline::Missing(missing)) = earlier.map(|earlier| &earlier.baseline) {
                write!(f, "\n  every finding counts as new: {missing}")?;
            }
            let findings = &self.decision.findings;
            for finding in findings.iter().take(MOST_SHOWN) {
                write!(f, "\n  - {finding}")?;
            }
            let more = findings.len().saturating_sub(MOST_SHOWN);
            if more > 0 {
                write!(f, "\n  and {more} more")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for GateFailure {}

impl Diagnose for GateFailure {
    fn kind(&self) -> FailureKind {
        FailureKind::ScanGate
    }

    fn hint(&self) -> Option<Cow<'static, str>> {
        if self.is_about_findings() {
            return Some("update what is named; or let a finding pass for a time, with `ignore-findings: id=CVE-…,until=YYYY-MM-DD,reason=…`; no tag was put".into());
        }
        Some(match self.decision.reasons.first()? {
            GateReason::UnscannableImage { .. } => {
                "`unscannable: warn` lets pass what the scanner does not read; no tag was put".into()
            }
            GateReason::StaleIgnores { .. } => {
                "take the entries out of `ignore-findings`, or give them another `until`; no tag was put".into()
            }
            _ => format!(
                "look at the scan with `tagship scan {}`, or give it more time with `scan-timeout`; no tag was put",
                self.image.at(self.digest)
            )
            .into(),
        })
    }
}
