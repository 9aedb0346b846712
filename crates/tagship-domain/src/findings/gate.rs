//! Whether findings let an image pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;

use super::baseline::EarlierFindings;
use super::exploits::{Exploits, Probability};
use super::fail_on::{Excess, FailOn};
use super::finding::{Finding, Fix};
use super::ignore::Ignore;
use super::setting::ScanKind;
use super::severity::Severity;
use crate::content::Platform;
use crate::reference::Digest;

/// What lets an image pass.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GatePolicy {
    /// How many findings are too many.
    pub fail_on: FailOn,
    /// Whether findings that nothing mends yet do not count.
    pub only_fixed: bool,
    /// What happens when an exploit of a finding that counts is known, however many are allowed.
    pub exploitable: Strictness,
    /// From which probability of an exploit on a finding that counts fails, whatever is allowed.
    pub fail_on_epss: Option<Probability>,
    /// For how many days after a vulnerability was made known its findings do not count; those with a known exploit count.
    pub grace_days: u16,
    /// What happens to an image that the scanner does not read.
    pub unscannable: Strictness,
    /// What happens when an ignored finding is none any more.
    pub stale_ignores: Strictness,
    /// Findings that do not count.
    #[serde(rename = "ignore-findings")]
    pub ignores: Vec<Ignore>,
    /// What is known of exploits beside what the scan says.
    #[serde(skip)]
    pub exploits: Arc<Exploits>,
}

/// Whether something fails the gate, or is only reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strictness {
    /// It fails.
    Fail,
    /// It is reported.
    Warn,
}

/// One image, and what its scan has come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageScan {
    /// The image.
    pub digest: Digest,
    /// Its platform, where it is one of an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What its scan has come to.
    #[serde(flatten)]
    pub result: ScanResult,
}

/// What a scan has come to, at last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ScanResult {
    /// Findings, or that there are none.
    Found {
        /// What scanned.
        kind: ScanKind,
        /// When the scan ended.
        completed_at: Option<Timestamp>,
        /// The findings.
        #[serde(skip)]
        findings: Vec<Finding>,
    },
    /// The scanner does not read such an image.
    Unscannable {
        /// The registry's word and sentence.
        status: String,
    },
    /// Nothing to judge by, when the wait was over.
    Nothing {
        /// The registry's word and sentence, or that no scan has begun.
        status: String,
    },
}

/// What the gate says, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GateDecision {
    /// Why the image does not pass; empty if it does.
    pub reasons: Vec<GateReason>,
    /// How many findings count, by severity.
    pub counts: BTreeMap<Severity, u32>,
    /// The findings that count, the worst first.
    pub findings: Vec<Finding>,
    /// Those that nothing mends yet, where they do not count.
    pub unfixed: Vec<Finding>,
    /// Those that the release before has too, where only new ones count.
    pub known: Vec<Finding>,
    /// Those that are ignored.
    pub ignored: Vec<IgnoredFinding>,
    /// Ignored findings that are none any more.
    pub stale_ignores: Vec<StaleIgnore>,
    /// Each image.
    pub images: Vec<ImageScan>,
    /// What they are compared with, where only new ones count.
    #[serde(rename = "baseline", skip_serializing_if = "Option::is_none")]
    pub earlier: Option<EarlierFindings>,
}

/// Why an image does not pass.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum GateReason {
    /// More findings than are allowed.
    TooManyFindings(Excess),
    /// Findings whose exploit is known.
    ExploitableFindings {
        /// How many.
        count: usize,
    },
    /// Findings whose exploit is likely.
    LikelyExploited {
        /// How many.
        count: usize,
        /// From which probability on.
        epss: Probability,
    },
    /// An image that the scanner does not read.
    UnscannableImage {
        /// The image.
        digest: Digest,
        /// The registry's word and sentence.
        status: String,
    },
    /// An image without anything to judge by.
    NoFindings {
        /// The image.
        digest: Digest,
        /// The registry's word and sentence.
        status: String,
    },
    /// Ignored findings that are none any more.
    StaleIgnores {
        /// How many.
        count: usize,
    },
}

/// A finding that does not count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct IgnoredFinding {
    /// The finding.
    pub finding: Finding,
    /// Why.
    pub reason: String,
    /// The last day on which it does not count; absent where a rule of Inspector suppresses it.
    pub until: Option<Date>,
}

/// An ignored finding that is none any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StaleIgnore {
    /// The entry.
    pub ignore: String,
    /// Why.
    pub staleness: Staleness,
}

/// Why an entry ignores nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Staleness {
    /// Its last day is over.
    Expired,
    /// No finding is meant by it.
    Unused,
}

impl Staleness {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Unused => "unused",
        }
    }
}

impl GatePolicy {
    /// Decides on `today`, in UTC, whether what the scans found lets the image pass.
    ///
    /// 1. Bring the findings of all images together.
    /// 2. Sort out what is ignored, then what nothing mends, and then what the release before has too; what became worse since
    ///    counts as if it were new.
    /// 3. Count the rest. An image without findings to judge by never passes.
    pub fn decide(
        &self,
        images: Vec<ImageScan>,
        earlier: Option<EarlierFindings>,
        today: Date,
    ) -> GateDecision {
        let found = images.iter().filter_map(|image| match &image.result {
            ScanResult::Found { findings, .. } => Some(findings.clone()),
            _ => None,
        });
        let all = Finding::merged(found.flatten().map(|finding| self.informed(finding)));
        let stale_ignores = self.stale(&all, &images, today);
        let (mut findings, mut unfixed, mut known, mut ignored) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for finding in all {
            if let Some((reason, until)) = self.ignored(&finding, today) {
                ignored.push(IgnoredFinding {
                    finding,
                    reason,
                    until,
                });
            } else if self.only_fixed && finding.fix == Fix::None {
                unfixed.push(finding);
            } else if earlier.as_ref().is_some_and(|earlier| earlier.knows(&finding)) {
                known.push(finding);
            } else {
                findings.push(finding);
            }
        }
        let mut counts = BTreeMap::new();
        for finding in &findings {
            *counts.entry(finding.severity).or_default() += 1;
        }
        let mut reasons: Vec<GateReason> = images.iter().filter_map(|image| self.unjudged(image)).collect();
        let excesses = self
            .fail_on
            .exceeded(findings.iter().map(|finding| finding.severity));
        reasons.extend(excesses.into_iter().map(GateReason::TooManyFindings));
        let exploitable = findings.iter().filter(|finding| finding.is_exploitable).count();
        if self.exploitable == Strictness::Fail && exploitable > 0 {
            reasons.push(GateReason::ExploitableFindings { count: exploitable });
        }
        if let Some(epss) = self.fail_on_epss {
            let is_likely = |finding: &&Finding| finding.probability.is_some_and(|known| known >= epss);
            let count = findings.iter().filter(is_likely).count();
            reasons.extend((count > 0).then_some(GateReason::LikelyExploited { count, epss }));
        }
        if self.stale_ignores == Strictness::Fail && !stale_ignores.is_empty() {
            let count = stale_ignores.len();
            reasons.push(GateReason::StaleIgnores { count });
        }
        GateDecision {
            reasons,
            counts,
            findings,
            unfixed,
            known,
            ignored,
            stale_ignores,
            images,
            earlier,
        }
    }

    /// Returns a finding with what is known of its exploits beside what the scan says.
    #[must_use]
    pub fn informed(&self, finding: Finding) -> Finding {
        let vulnerability = &finding.vulnerability;
        Finding {
            is_exploitable: finding.is_exploitable || self.exploits.is_exploited(vulnerability),
            probability: self.exploits.probability(vulnerability),
            ..finding
        }
    }

    /// Why a finding does not count, and until when.
    fn ignored(&self, finding: &Finding, today: Date) -> Option<(String, Option<Date>)> {
        let mut active = self.ignores.iter().filter(|ignore| !ignore.is_expired(today));
        if let Some(ignore) = active.find(|ignore| ignore.is_about(finding)) {
            return Some((ignore.reason.clone(), Some(ignore.until)));
        }
        if finding.is_suppressed {
            return Some(("a rule of Inspector suppresses it".to_owned(), None));
        }
        let known = finding.known_since.filter(|_| !finding.is_exploitable)?;
        let end = known.checked_add(i64::from(self.grace_days).days()).ok()?;
        let reason = || {
            format!(
                "it is known since {known}, and `grace-days` is {}",
                self.grace_days
            )
        };
        (today < end).then(|| (reason(), end.yesterday().ok()))
    }

    /// The entries that ignore nothing. That no finding is meant is known only when all images were judged.
    fn stale(&self, findings: &[Finding], images: &[ImageScan], today: Date) -> Vec<StaleIgnore> {
        let is_judged = |image: &ImageScan| matches!(image.result, ScanResult::Found { .. });
        let is_whole = images.iter().all(is_judged);
        let staleness = |ignore: &Ignore| {
            let is_used = || findings.iter().any(|finding| ignore.is_about(finding));
            if ignore.is_expired(today) {
                Some(Staleness::Expired)
            } else {
                (is_whole && !ignore.is_shared && !is_used()).then_some(Staleness::Unused)
            }
        };
        let stale = self.ignores.iter().filter_map(|ignore| {
            Some(StaleIgnore {
                ignore: ignore.to_string(),
                staleness: staleness(ignore)?,
            })
        });
        stale.collect()
    }

    fn unjudged(&self, image: &ImageScan) -> Option<GateReason> {
        let digest = image.digest;
        match &image.result {
            ScanResult::Found { .. } => None,
            ScanResult::Unscannable { status } => {
                let status = status.clone();
                (self.unscannable == Strictness::Fail)
                    .then_some(GateReason::UnscannableImage { digest, status })
            }
            ScanResult::Nothing { status } => {
                let status = status.clone();
                Some(GateReason::NoFindings { digest, status })
            }
        }
    }
}

impl GateDecision {
    /// Whether the image passes.
    pub fn has_passed(&self) -> bool {
        self.reasons.is_empty()
    }
}
